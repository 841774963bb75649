import assert from "node:assert/strict";
import { test } from "node:test";
import { parseFilter } from "@peal/core";
import { StorageError } from "@peal/store";
import fc from "fast-check";
import { Block } from "./block.js";
import { packBlock } from "./block-writer.js";
import { batchOf, type TestMessage } from "./engine.test.support.js";

const texts = fc.oneof(fc.string({ unit: "binary", maxLength: 12 }), fc.constant("clé ✓ 🗝"));
const messages: fc.Arbitrary<TestMessage> = fc.record({
  data: texts,
  attributes: fc.dictionary(texts, texts, { maxKeys: 4 }),
  orderingKey: fc.oneof(fc.constant(""), texts),
});
const requests = fc.array(
  fc.tuple(fc.array(messages, { minLength: 1, maxLength: 6 }), fc.integer({ min: 0, max: 40 })),
  { minLength: 1, maxLength: 5 },
);
const ids = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });

/** What the message's place must hold: its text as `batchOf` lays it out. */
function textOf({ data, attributes = {}, orderingKey = "" }: TestMessage): string {
  return data + Object.entries(attributes).flat().join("") + orderingKey;
}

/** The value of an attribute, found out with the questions that a filter asks: byte by byte. */
function attributeOf(block: Block, index: number, name: string): string | undefined {
  const found = block.findAttribute(index, Buffer.from(name));
  if (found === -1) return undefined;
  const value: number[] = [];
  while (!block.valueEquals(found, Uint8Array.from(value))) {
    const next = Array.from({ length: 256 }, (_, byte) => byte).find((byte) =>
      block.valueStartsWith(found, Uint8Array.from([...value, byte])),
    );
    assert.ok(next !== undefined, "a value that is not over goes on with a byte");
    value.push(next);
  }
  return Buffer.from(value).toString();
}

test("a block says of each message what its publisher said", () => {
  fc.assert(
    fc.property(requests, ids, ids, fc.integer({ min: 1, max: 2 ** 40 }), (given, first, firstId, timeMs) => {
      const bytes = packBlock(
        given.map(([list, gapBytes]) => batchOf(list, gapBytes)),
        firstId,
        timeMs,
      );
      const block = new Block(first, bytes);
      const all = given.flatMap(([list]) => list);
      assert.equal(block.count, all.length);
      assert.equal(block.first, first);
      assert.equal(block.firstMessageId, firstId);
      assert.equal(block.publishTimeMs, timeMs);
      for (const [index, message] of all.entries()) {
        const at = block.offset(index);
        const found = Buffer.from(block.bytes.subarray(at, at + block.sizeBytes(index)));
        assert.deepEqual(found, Buffer.from(textOf(message)));
        assert.equal(block.orderingKey(index), Buffer.from(message.orderingKey ?? "").toString());
        for (const [name, value] of Object.entries(message.attributes ?? {})) {
          assert.equal(attributeOf(block, index, name), Buffer.from(value).toString());
        }
        assert.equal(attributeOf(block, index, "no such attribute"), undefined);
      }
    }),
  );
});

/** Alike in length, beginning or end; more of them than a block remembers the places of. */
const KEYS = ["a", "b", "ab", "ba", "aab", "", "clé", "clè"];
const VALUES = ["", "a", "b", "ab", "aa", "ba", "é", "è"];

test("a block answers alike in whichever order, and however often, it is asked for attributes", () => {
  const manyMessages = fc.array(fc.dictionary(fc.constantFrom(...KEYS), fc.constantFrom(...VALUES), { maxKeys: 5 }), {
    minLength: 1,
    maxLength: 80,
    size: "max",
  });
  const questions = fc.array(
    fc.tuple(fc.nat({ max: 79 }), fc.constantFrom(...KEYS), fc.constantFrom(...VALUES), fc.boolean()),
    { minLength: 1, maxLength: 300, size: "max" },
  );
  fc.assert(
    fc.property(manyMessages, questions, (list, asked) => {
      const block = new Block(1, packBlock([batchOf(list.map((attributes) => ({ data: "x", attributes })))], 1, 1));
      const known = new Map(KEYS.map((key) => [key, Buffer.from(key)]));
      for (const [at, key, text, isSameObject] of asked) {
        const index = at % list.length;
        const value = list[index]![key];
        const found = block.findAttribute(index, isSameObject ? known.get(key)! : Buffer.from(key));
        assert.equal(found !== -1, value !== undefined);
        if (value === undefined) continue;
        assert.equal(block.valueEquals(found, Buffer.from(text)), value === text);
        assert.equal(block.valueStartsWith(found, Buffer.from(text)), value.startsWith(text));
      }
    }),
  );
});

test("a filter finds in a block the runs of messages that match", () => {
  const lines = Array.from({ length: 100 }, (_, index) => (index % 10 < 4 ? "tenant-é" : "tenant-è"));
  const messages = lines.map((tenant, index) => ({
    data: tenant,
    attributes: index === 50 ? { region: "eu" } : { region: "eu", tenant },
  }));
  const block = new Block(1, packBlock([batchOf(messages)], 1, 1));
  const filter = parseFilter('attributes.tenant = "tenant-é" AND hasPrefix(attributes.region, "e")', {
    allowsMixing: false,
  });
  const runs: [number, number][] = [];
  const count = filter.forEachRun(block, 15, block.count, (first, last) => {
    runs.push([first, last]);
  });
  assert.deepEqual(runs, [
    ...[20, 30, 40].map((first) => [first, first + 3]),
    [51, 53],
    ...[60, 70, 80, 90].map((first) => [first, first + 3]),
  ]);
  assert.equal(count, 31);
});

test("a block is read from wherever it lies in memory", () => {
  const bytes = packBlock([batchOf([{ data: "one", attributes: { a: "b" }, orderingKey: "k" }])], 7, 8);
  for (let shift = 0; shift < 8; shift += 1) {
    const moved = new Uint8Array(bytes.byteLength + shift + 3);
    moved.set(bytes, shift);
    const block = new Block(5, moved.subarray(shift, shift + bytes.byteLength));
    assert.equal(attributeOf(block, 0, "a"), "b");
    assert.equal(block.orderingKey(0), "k");
  }
});

test("of an attribute named twice the last value counts", () => {
  const batch = batchOf([{ data: "", attributes: { a: "first", b: "second" } }]);
  const attributes = Array.from(batch.attributes);
  attributes[4] = attributes[0]!;
  attributes[5] = attributes[1]!;
  assert.equal(attributeOf(new Block(1, packBlock([{ ...batch, attributes }], 1, 1)), 0, "a"), "second");
});

test("a request whose messages lie far apart is stored without what lies between them", () => {
  const near = packBlock([batchOf(["one", "two"], 2)], 1, 1);
  const far = packBlock([batchOf(["one", "two"], 5_000)], 1, 1);
  assert.ok(far.byteLength <= near.byteLength);
});

test("a place outside its message is refused, not stored", () => {
  const batch = batchOf([{ data: "one", orderingKey: "key" }, "two"]);
  assert.throws(() => packBlock([{ ...batch, keyOffsets: [batch.offsets[1]!, 0] }], 1, 1), RangeError);
  const attributed = batchOf([{ data: "one", attributes: { a: "b" } }]);
  assert.throws(() => packBlock([{ ...attributed, attributes: [0, 1, 0, 1] }], 1, 1), RangeError);
});

test("damaged bytes are an error or a block that stays within its bytes", () => {
  const whole = packBlock([batchOf([{ data: "one", attributes: { a: "b" }, orderingKey: "key" }, "two"])], 1, 1);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(whole.byteLength - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      fc.nat(whole.byteLength),
      (changes, cut) => {
        const bytes = Uint8Array.from(whole.subarray(0, changes.length > 3 ? cut : whole.byteLength));
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        try {
          const block = new Block(1, bytes);
          for (let index = 0; index < block.count; index += 1) {
            assert.ok(block.offset(index) + block.sizeBytes(index) <= bytes.byteLength);
            block.orderingKey(index);
            const found = block.findAttribute(index, Buffer.from("a"));
            if (found !== -1) block.valueEquals(found, Buffer.from("b"));
          }
        } catch (error) {
          assert.ok(error instanceof StorageError && error.code === "Corrupt", String(error));
        }
      },
    ),
    { numRuns: 500 },
  );
});
