import assert from "node:assert/strict";
import { test } from "node:test";
import { Stage } from "./stage.test.support.js";

const ORDERED = { isOrdered: true };

test("while a message of a key is out, the next of the key go to the same stream only", () => {
  const stage = new Stage(ORDERED);
  stage.open(1);
  stage.open(2);
  stage.publish("a", "b");
  assert.deepEqual(stage.take(1, 1), [1]);
  stage.publish("a", "c");
  assert.deepEqual(stage.take(2), [2, 4]);
  assert.deepEqual(stage.take(2), []);
  assert.deepEqual(stage.take(1), [3]);
});

test("a key of which all is settled may go to another stream", () => {
  const stage = new Stage(ORDERED);
  stage.open(1);
  stage.open(2);
  stage.publish("a", "a");
  assert.deepEqual(stage.take(1, 1), [1]);
  assert.deepEqual(stage.take(2), []);
  stage.ack([1]);
  assert.deepEqual(stage.handed.at(-1), { ...stage.handed.at(-1), puller: 2, sequence: 2 });
  assert.equal(stage.subscription.counts.orderingKeys, 1);
  stage.ack([2]);
  assert.equal(stage.subscription.counts.orderingKeys, 0);
});

test("a nacked message comes again with all of its key behind it, in order", () => {
  const stage = new Stage(ORDERED);
  stage.open(1);
  stage.publish("a", "b", "a", "a");
  assert.deepEqual(stage.take(1), [1, 2, 3, 4]);
  stage.nack([3]);
  assert.deepEqual(stage.take(1), [3, 4]);
  stage.nack([1]);
  assert.deepEqual(stage.take(1), [1, 3, 4]);
});

test("an expired message comes again with those of its key behind it, though their leases were longer", () => {
  const stage = new Stage(ORDERED);
  stage.open(1, { leaseMs: 10_000 });
  stage.publish("a", "a", "b");
  assert.deepEqual(stage.take(1), [1, 2, 3]);
  stage.extend([2, 3], 60_000);
  stage.pass(10_000);
  assert.deepEqual(stage.take(1), [1, 2]);
});

test("the ack of a message whose lease ended with an earlier one of its key counts", () => {
  const stage = new Stage(ORDERED);
  stage.open(1);
  stage.publish("a", "a", "a");
  stage.take(1);
  stage.nack([1]);
  stage.ack([2]);
  assert.deepEqual(stage.take(1), [1, 3]);
});

test("whichever is named first, the first of a key that is nacked ends the others", () => {
  const stage = new Stage({ ...ORDERED, deliveryAttemptsMax: 9 });
  stage.open(1);
  stage.publish("a", "a", "a");
  stage.take(1);
  stage.nack([3, 2, 1]);
  assert.deepEqual(stage.take(1), [1, 2, 3]);
  assert.deepEqual(
    stage.handed.slice(-3).map(({ failures }) => failures),
    [1, 0, 0],
  );
});

test("a unary pull takes a run of a key, and nobody gets more of it before all of the run is settled", () => {
  const stage = new Stage(ORDERED);
  stage.publish("a", "a", "a", "b");
  assert.deepEqual(stage.pull(1, 2), [1, 2]);
  assert.deepEqual(stage.pull(2), [4]);
  stage.ack([1]);
  assert.deepEqual(stage.pull(3), []);
  stage.ack([2]);
  assert.deepEqual(stage.pull(4), [3]);
});

test("a key-exclusive puller has one message of a key at a time, and many keys at once", () => {
  const stage = new Stage(ORDERED);
  stage.open(1, { isKeyExclusive: true });
  stage.publish("a", "a", "b", "", "", "b");
  assert.deepEqual(stage.take(1), [1, 3, 4, 5]);
  assert.deepEqual(stage.take(1), []);
  stage.ack([3]);
  assert.equal(stage.handed.at(-1)?.sequence, 6);
  stage.ack([1]);
  assert.deepEqual(stage.take(1), [2]);
});

test("a key that waits for its delay holds up no other, and nothing of its own comes before", () => {
  const stage = new Stage({ ...ORDERED, backoff: { minimumMs: 5_000, maximumMs: 5_000 } });
  stage.open(1, { leaseMs: 60_000 });
  stage.publish("a", "a", "b");
  stage.take(1);
  stage.nack([1]);
  stage.publish("a", "c", "");
  assert.deepEqual(stage.take(1), [5, 6]);
  stage.take(1);
  assert.deepEqual(stage.pass(4_999), []);
  assert.deepEqual(stage.pass(1), [1, 2, 4]);
});

test("a batch that could not be written comes again in order, and nothing of it has failed", () => {
  const stage = new Stage({ ...ORDERED, deliveryAttemptsMax: 5 });
  stage.open(1);
  stage.open(2);
  stage.publish("a", "b", "a");
  assert.deepEqual(stage.take(1), [1, 2, 3]);
  stage.giveBack(1);
  stage.close(1);
  assert.deepEqual(stage.take(2).sort(), [1, 2, 3]);
  const [first, second] = stage.handed.slice(-3).filter(({ sequence }) => sequence !== 2);
  assert.deepEqual([first?.sequence, second?.sequence], [1, 3]);
  assert.ok(stage.handed.every(({ failures }) => failures === 0));
});

test("messages without a key come while others wait for their turn", () => {
  const stage = new Stage(ORDERED);
  stage.open(1);
  stage.open(2);
  stage.publish("a", "", "a", "");
  assert.deepEqual(stage.take(1, 1), [1]);
  assert.deepEqual(stage.take(2), [2, 4]);
});

test("when a stream ends, its keys wait until its leases end", () => {
  const stage = new Stage(ORDERED);
  stage.open(1);
  stage.open(2);
  stage.publish("a", "a");
  stage.take(1, 1);
  stage.close(1);
  assert.deepEqual(stage.take(2), []);
  assert.deepEqual(stage.pass(9_999), []);
  assert.deepEqual(stage.pass(1), [1, 2]);
});

test("a late extension of a message does not take it out of turn", () => {
  const stage = new Stage(ORDERED);
  stage.open(1);
  stage.publish("a", "a");
  stage.take(1);
  stage.pass(10_000);
  stage.extend([2], 60_000);
  assert.equal(stage.subscription.counts.outstanding, 0);
  stage.extend([1], 60_000);
  assert.equal(stage.subscription.counts.outstanding, 1);
  // Its lease ended with that of the first: its id is stale.
  stage.extend([2], 60_000);
  assert.equal(stage.subscription.counts.outstanding, 1);
  stage.ack([1]);
  assert.deepEqual(stage.take(1), [2]);
});

test("leases kept by a clean stop hold their key: what follows waits, and comes when they are acked", () => {
  const stage = new Stage(ORDERED);
  stage.open(1);
  stage.publish("a", "a", "a", "b");
  assert.deepEqual(stage.take(1, 2), [1, 2]);
  stage.restart();
  stage.open(2);
  assert.deepEqual(stage.take(2), [4]);
  stage.take(2);
  stage.ack([1]);
  assert.equal(stage.handed.at(-1)?.sequence, 4);
  stage.ack([2]);
  assert.equal(stage.handed.at(-1)?.sequence, 3);
});

test("leases kept by a clean stop end with the first of their key, and all comes in order", () => {
  const stage = new Stage(ORDERED);
  stage.open(1, { leaseMs: 5_000 });
  stage.publish("a", "a", "a");
  stage.take(1);
  stage.extend([2], 60_000);
  stage.restart();
  stage.open(2);
  stage.take(2);
  assert.deepEqual(stage.pass(5_000), [1, 2, 3]);
});

test("a lease of before the start ends where an earlier one of its key has to come again", () => {
  const stage = new Stage(ORDERED);
  stage.open(1, { leaseMs: 5_000 });
  stage.publish("a", "a");
  stage.take(1);
  stage.extend([2], 60_000);
  stage.restart();
  // Nobody reads the log until the lease of the first has run out.
  stage.pass(5_000);
  assert.deepEqual(stage.pull(2), [1, 2]);
});

test("when retention drops the front of a key, the rest goes on", () => {
  const stage = new Stage(ORDERED);
  stage.open(1);
  stage.open(2);
  stage.publish("a", "a");
  stage.take(1, 1);
  assert.deepEqual(stage.take(2), []);
  stage.step({ kind: "dropped", floor: 1 });
  assert.equal(stage.handed.at(-1)?.sequence, 2);
  stage.ack([1]);
  stage.pass(60_000);
  assert.equal(stage.handed.filter(({ sequence }) => sequence === 1).length, 1);
});

test("at the limit of holes and waiting messages no more of a bound key is met, and its holder frees it", () => {
  const stage = new Stage(ORDERED, { holesMax: 3 });
  stage.open(1);
  stage.open(2);
  stage.publish("a", "a", "a", "a", "a", "b");
  assert.deepEqual(stage.take(1, 1), [1]);
  assert.deepEqual(stage.take(2), []);
  assert.equal(stage.subscription.counts.blocked, 3);
  assert.ok(stage.subscription.counts.isAtLimit);
  stage.take(1);
  const order = stage.handed.map(({ sequence }) => sequence).filter((sequence) => sequence < 6);
  assert.deepEqual(order, [1, 2, 3, 4]);
  stage.ack([1, 2, 3, 4]);
  stage.take(1);
  assert.deepEqual(stage.handed.map(({ sequence }) => sequence).sort(), [1, 2, 3, 4, 5, 6]);
});

test("of many keys that wait each has its turn, also beside one of which much waits", () => {
  const stage = new Stage(ORDERED, { keyTurnMessages: 2 });
  stage.publish("a", "a", "a", "a", "a", "a", "b", "b", "c");
  stage.open(1);
  stage.take(1);
  stage.nack([1, 7, 9]);
  assert.deepEqual(stage.take(1, 5), [1, 2, 7, 8, 3]);
  // What is bound already does not go before what nobody has.
  assert.deepEqual(stage.take(1), [9, 4, 5, 6]);
});

test("two keys of which one follows a seek begin anew", () => {
  const stage = new Stage(ORDERED);
  stage.open(1);
  stage.publish("a", "a", "b");
  stage.take(1);
  stage.ack([1]);
  stage.seek({ revivedAbove: 0 });
  assert.deepEqual(stage.take(1), [1, 2, 3]);
  stage.nack([1]);
  assert.deepEqual(stage.take(1), [1, 2]);
});
