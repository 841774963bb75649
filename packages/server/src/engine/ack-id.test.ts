import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ACK_ID_LENGTH, AckIdCodec } from "./ack-id.js";

const KEY = Buffer.from("0123456789abcdef");
const subscriptions = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const generations = fc.integer({ min: 0, max: 2 ** 53 - 1 });
const sequences = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });

function makeAckId(codec: AckIdCodec, subscription: number, generation: number, sequence: number): string {
  const target = Buffer.alloc(ACK_ID_LENGTH + 4, "!");
  codec.writer(subscription, generation).write(sequence, target, 2);
  assert.equal(target.toString("latin1", 0, 2) + target.toString("latin1", ACK_ID_LENGTH + 2), "!!!!");
  return target.toString("latin1", 2, ACK_ID_LENGTH + 2);
}

test("an ack id comes back as what it was made of", () => {
  const codec = new AckIdCodec(KEY);
  fc.assert(
    fc.property(subscriptions, generations, sequences, (subscription, generation, sequence) => {
      const ackId = makeAckId(codec, subscription, generation, sequence);
      assert.match(ackId, /^[A-Za-z0-9_-]{40}$/);
      assert.ok(codec.read(ackId));
      assert.deepEqual([codec.subscription, codec.generation, codec.sequence], [subscription, generation, sequence]);
    }),
  );
});

test("an ack id with any character changed is not one of ours", () => {
  const codec = new AckIdCodec(KEY);
  fc.assert(
    fc.property(
      sequences,
      fc.nat(ACK_ID_LENGTH - 1),
      fc.string({ minLength: 1, maxLength: 1, unit: "binary" }),
      (sequence, at, character) => {
        const ackId = makeAckId(codec, 5, 2 ** 32, sequence);
        fc.pre(ackId[at] !== character);
        assert.equal(codec.read(ackId.slice(0, at) + character + ackId.slice(at + 1)), false);
        assert.ok(codec.read(ackId), "a refused id must not spoil the next one");
      },
    ),
  );
});

test("text of any other shape is not an ack id", () => {
  const codec = new AckIdCodec(KEY);
  const zeros = "\0".repeat(ACK_ID_LENGTH / 2);
  for (const text of [
    "",
    "x",
    zeros + zeros,
    zeros + "A".repeat(20),
    "A".repeat(39),
    "A".repeat(40),
    "A".repeat(41),
    "é".repeat(40),
    "\u0100".repeat(40),
  ]) {
    assert.equal(codec.read(text), false, text);
  }
});

test("an ack id of another key is not one of ours", () => {
  const other = new AckIdCodec(Buffer.from("fedcba9876543210"));
  assert.equal(new AckIdCodec(KEY).read(makeAckId(other, 1, 1, 1)), false);
});

test("reading ids of several deliveries in turn keeps them apart", () => {
  const codec = new AckIdCodec(KEY);
  const given = [1, 2, 3, 4].map((n) => ({ n, ackId: makeAckId(codec, n, n * 2 ** 32, n) }));
  for (const { n, ackId } of [...given, ...given.reverse()]) {
    assert.ok(codec.read(ackId));
    assert.deepEqual([codec.subscription, codec.generation, codec.sequence], [n, n * 2 ** 32, n]);
  }
});
