import assert from "node:assert/strict";
import { test } from "node:test";
import { Stage } from "./stage.test.support.js";

const ONCE = { isExactlyOnce: true };
const MEMORY_MS = 600_000;

test("only the latest id counts", () => {
  const stage = new Stage(ONCE);
  stage.open(1);
  stage.publish("");
  stage.take(1);
  const first = stage.generationOf(1);
  stage.pass(10_000);
  stage.take(1);
  assert.deepEqual(stage.ack([1], first), ["1 invalid"]);
  assert.deepEqual(stage.extend([1], 60_000, first), ["1 invalid"]);
  assert.deepEqual(stage.nack([1], first), ["1 invalid"]);
  assert.deepEqual(stage.ack([1]), []);
  assert.equal(stage.subscription.floor, 1);
});

test("an id counts until its deadline, and from then on no more, though nobody got the message again", () => {
  const stage = new Stage(ONCE);
  stage.open(1);
  stage.publish("", "");
  stage.take(1);
  stage.pass(9_999);
  assert.deepEqual(stage.ack([1]), []);
  // The id comes before the tick that ends the lease.
  stage.nowMs = 10_000;
  assert.deepEqual(stage.ack([2]), ["2 invalid"]);
  assert.equal(stage.subscription.counts.backlog, 1);
});

test("an ack told again is a success for ten minutes; one that never was is not", () => {
  const stage = new Stage(ONCE);
  stage.open(1);
  stage.publish("", "");
  stage.take(1);
  const generation = stage.generationOf(1);
  assert.deepEqual(stage.ack([1]), []);
  assert.deepEqual(stage.ack([1, 1]), []);
  stage.pass(MEMORY_MS - 1);
  assert.deepEqual(stage.ack([1, 2], generation), ["2 invalid"]);
  stage.pass(1);
  assert.deepEqual(stage.ack([1], generation), ["1 invalid"]);
});

test("of acks told again the oldest are forgotten first where memory is short", () => {
  const stage = new Stage(ONCE, { ackedMemoryRuns: 3 });
  stage.publish("", "", "", "", "");
  for (let puller = 1; puller <= 5; puller += 1) {
    assert.deepEqual(stage.pull(puller, 1), [puller]);
    stage.pass(1);
    stage.ack([puller]);
  }
  assert.deepEqual(stage.ack([1, 2, 3, 4, 5]), ["1 invalid", "2 invalid"]);
});

test("a nack makes its id invalid, and so does nothing that is told of it later", () => {
  const stage = new Stage(ONCE);
  stage.open(1);
  stage.publish("");
  stage.take(1);
  assert.deepEqual(stage.nack([1]), []);
  assert.deepEqual(stage.nack([1]), ["1 invalid"]);
  assert.deepEqual(stage.extend([1], 60_000), ["1 invalid"]);
  assert.deepEqual(stage.ack([1]), ["1 invalid"]);
  assert.deepEqual(stage.take(1), [1]);
});

test("every delivery is held until its grant is durable", () => {
  const stage = new Stage(ONCE);
  stage.open(1);
  stage.publish("", "");
  stage.take(1);
  assert.ok(stage.handed.every(({ isHeld }) => isHeld));
  assert.ok(stage.write(), "the grants are written");
  assert.equal(stage.write(), false);
});

test("after a kill a message does not come again while its lease lives, and its id acks", () => {
  const stage = new Stage(ONCE);
  stage.open(1);
  stage.publish("", "");
  stage.take(1);
  stage.write();
  stage.pass(9_000);
  stage.kill();
  stage.open(2);
  assert.deepEqual(stage.take(2), []);
  assert.deepEqual(stage.ack([1]), []);
  assert.deepEqual(stage.pass(9_999), []);
  assert.deepEqual(stage.pass(1), [2]);
  assert.equal(stage.subscription.counts.backlog, 1);
});

test("after a kill a lease runs as long as it was extended to", () => {
  const stage = new Stage(ONCE);
  stage.open(1);
  stage.publish("", "");
  stage.take(1);
  assert.deepEqual(stage.extend([1], 60_000), []);
  stage.write();
  stage.kill();
  stage.open(2);
  stage.take(2);
  assert.deepEqual(stage.pass(10_000), [2]);
  stage.take(2);
  assert.deepEqual(stage.ack([2]), []);
  assert.deepEqual(stage.pass(49_999), []);
  assert.deepEqual(stage.pass(1), [1]);
});

test("a grant that no record tells is none: the message comes at once", () => {
  const stage = new Stage(ONCE);
  stage.open(1);
  stage.publish("");
  stage.take(1);
  const held = stage.generationOf(1);
  stage.kill();
  assert.deepEqual(stage.pull(2), [1]);
  assert.ok(stage.generationOf(1) > held);
  assert.deepEqual(stage.ack([1], held), ["1 invalid"]);
});

test("an id of before the start that was nacked stays void, whether or not the message was met", () => {
  for (const rules of [ONCE, { ...ONCE, deliveryAttemptsMax: 5 }, { ...ONCE, isOrdered: true }]) {
    const stage = new Stage(rules);
    stage.open(1);
    stage.publish("a", "a");
    stage.take(1);
    stage.write();
    stage.kill();
    assert.deepEqual(stage.nack([1]), []);
    assert.deepEqual(stage.extend([1], 60_000), ["1 invalid"]);
    assert.deepEqual(stage.ack([1]), ["1 invalid"]);
    stage.write();
    stage.kill();
    assert.deepEqual(stage.ack([1]), ["1 invalid"]);
    assert.equal(stage.pull(2)[0], 1);
  }
});

test("of a key only the first unsettled message can be acked, and one request may name them in any order", () => {
  const stage = new Stage({ ...ONCE, isOrdered: true });
  stage.open(1);
  stage.publish("a", "a", "a", "b", "a");
  stage.take(1);
  assert.deepEqual(stage.ack([2, 4]), ["2 unordered"]);
  assert.deepEqual(stage.ack([3, 2, 1]), []);
  assert.deepEqual(stage.ack([5]), []);
  assert.equal(stage.subscription.floor, 5);
});

test("switched on with leases out, their ids count, and the leases hold over a kill", () => {
  const stage = new Stage();
  stage.open(1);
  stage.publish("", "");
  stage.take(1);
  stage.changeRules(ONCE);
  assert.ok(stage.write());
  stage.kill();
  assert.deepEqual(stage.pull(2), []);
  assert.deepEqual(stage.ack([1]), []);
  stage.pass(10_000);
  assert.deepEqual(stage.pull(3), [2]);
});

test("switched off, an older id acks again, and after a kill all that is unacked comes at once", () => {
  const stage = new Stage(ONCE);
  stage.open(1);
  stage.publish("", "", "");
  stage.take(1);
  const first = stage.generationOf(1);
  stage.write();
  stage.pass(10_000);
  stage.take(1);
  stage.changeRules({ isExactlyOnce: false });
  assert.deepEqual(stage.ack([1], first), []);
  assert.equal(stage.subscription.counts.backlog, 2);
  stage.write();
  stage.kill();
  assert.deepEqual(stage.pull(2), [2, 3]);
});

test("three thousand ids of which every third fails are told by rising index", () => {
  const stage = new Stage(ONCE);
  stage.open(1);
  stage.publish(...Array.from({ length: 3_000 }, () => ""));
  while (stage.handed.length < 3_000) stage.take(1, 1_000);
  const sequences = Array.from({ length: 3_000 }, (_, index) => 3_000 - index);
  const generations = sequences.map((sequence, index) => stage.generationOf(sequence) - (index % 3 === 0 ? 100 : 0));
  stage.step({ kind: "acked", request: 1, sequences, generations });
  const failed = [...(stage.failed ?? [])];
  assert.deepEqual(
    failed,
    Array.from({ length: 1_000 }, (_, index) => [index * 3, "invalid"]),
  );
  assert.equal(stage.subscription.counts.backlog, 1_000);
});

test("ids of what was never published or is beyond the head are invalid", () => {
  const stage = new Stage(ONCE);
  stage.publish("");
  stage.open(1);
  stage.take(1);
  assert.deepEqual(stage.ack([99, 1, 2], stage.generationOf(1)), ["99 invalid", "2 invalid"]);
});

test("a batch that could not be written is given to another at once, and its ids are void", () => {
  const stage = new Stage(ONCE);
  stage.open(1);
  stage.open(2);
  stage.publish("", "");
  stage.take(1);
  const given = stage.generationOf(1);
  stage.giveBack(1);
  assert.deepEqual(stage.take(2), [1, 2]);
  assert.deepEqual(stage.ack([1, 2], given), ["1 invalid", "2 invalid"]);
  stage.write();
  stage.kill();
  assert.deepEqual(stage.ack([1, 2]), []);
});

test("an ack for what retention dropped under a living lease succeeds, and holds over a kill", () => {
  const stage = new Stage(ONCE);
  stage.open(1);
  stage.publish("", "");
  stage.take(1);
  stage.write();
  stage.step({ kind: "dropped", floor: 1 });
  assert.deepEqual(stage.ack([1]), []);
  stage.write();
  stage.kill(1);
  assert.deepEqual(stage.pull(2), []);
  assert.deepEqual(stage.ack([2]), []);
  assert.equal(stage.subscription.floor, 2);
});

test("a seek makes every id void, also one whose ack is told again", () => {
  const stage = new Stage(ONCE);
  stage.open(1);
  stage.publish("", "");
  stage.take(1);
  assert.deepEqual(stage.ack([1]), []);
  stage.seek({ revivedAbove: 0 });
  assert.deepEqual(stage.ack([1, 2]), ["1 invalid", "2 invalid"]);
  assert.deepEqual(stage.take(1), [1, 2]);
  assert.deepEqual(stage.ack([1, 2]), []);
});
