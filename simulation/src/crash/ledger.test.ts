import assert from "node:assert/strict";
import test from "node:test";
import { Violation } from "../violation.js";
import { Ledger } from "./ledger.js";
import { numberOf, payloadOf } from "./payload.js";

function begun(): Ledger {
  const ledger = new Ledger();
  ledger.addTopic("t");
  ledger.addTopic("other");
  ledger.addSubscription("s", "t");
  ledger.published("t", ledger.takeNumbers("t", 2), ["a", "b"]);
  return ledger;
}
const delivery = (messageId: string, number: number) => ({ messageId, data: payloadOf(number) });

test("a payload can be made again from its number, and tells it", () => {
  for (let number = 1; number < 200; number += 1) {
    assert.equal(numberOf(payloadOf(number)), number);
    assert.deepEqual(payloadOf(number), payloadOf(number));
  }
  assert.equal(numberOf(Buffer.from("nothing of ours")), undefined);
});

test("what was acknowledged and is neither acked nor seen is missing", () => {
  const ledger = begun();
  assert.deepEqual(ledger.missing("s"), ["a", "b"]);
  ledger.received("s", [delivery("a", 1)], ledger.now());
  assert.deepEqual(ledger.missing("s"), ["b"]);
  ledger.beginReckoning("s");
  assert.deepEqual(ledger.missing("s"), ["a", "b"]);
  ledger.acked("s", ["b"]);
  assert.deepEqual(ledger.missing("s"), ["a"]);
});

test("an ack without an answer allows both outcomes", () => {
  const ledger = begun();
  ledger.acking("s", ["a", "b"]);
  assert.deepEqual(ledger.missing("s"), []);
  ledger.received("s", [delivery("a", 1)], ledger.now());
});

test("a publish without an answer may come back, under one id", () => {
  const ledger = begun();
  const [number] = ledger.takeNumbers("t", 1);
  ledger.received("s", [delivery("c", number!)], ledger.now());
  assert.throws(() => ledger.received("s", [delivery("d", number!)], ledger.now()), Violation);
});

test("a delivery after its confirmed ack is a violation, one that crossed the ack is not", () => {
  const ledger = begun();
  const before = ledger.now();
  ledger.acked("s", ["a"]);
  ledger.received("s", [delivery("a", 1)], before);
  assert.throws(() => ledger.received("s", [delivery("a", 1)], ledger.now()), /after its ack was confirmed/);
});

test("other bytes, an id used twice, and a message of another topic are violations", () => {
  const ledger = begun();
  const changed = payloadOf(1);
  changed[changed.length - 1]! ^= 1;
  assert.throws(() => ledger.received("s", [{ messageId: "a", data: changed }], ledger.now()), /other bytes/);
  assert.throws(() => ledger.published("t", ledger.takeNumbers("t", 1), ["a"]), /names two messages/);
  const [foreign] = ledger.takeNumbers("other", 1);
  assert.throws(() => ledger.received("s", [delivery("x", foreign!)], ledger.now()), /never published to t/);
  assert.throws(() => ledger.published("t", ledger.takeNumbers("t", 2), ["only one"]), /answered with 1 ids/);
});
