import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { backoffMs } from "./backoff.js";
import { Stage } from "./stage.test.support.js";

const BACKOFF = { backoff: { minimumMs: 1_000, maximumMs: 5_000 } };
const ATTEMPTS = { deliveryAttemptsMax: 3 };

function failuresOf(stage: Stage, sequence: number): number[] {
  return stage.handed.filter((one) => one.sequence === sequence).map(({ failures }) => failures);
}

test("without a policy a nacked message comes at once, and nothing is counted or written", () => {
  const stage = new Stage();
  stage.open(1);
  stage.publish("");
  stage.take(1);
  stage.nack([1]);
  assert.deepEqual(stage.take(1), [1]);
  assert.deepEqual(failuresOf(stage, 1), [0, 0]);
  assert.equal(stage.write(), false);
});

test("with each failure a message waits twice as long, up to the maximum", () => {
  const stage = new Stage(BACKOFF);
  stage.open(1, { leaseMs: 100_000 });
  stage.publish("");
  stage.take(1);
  for (const delayMs of [1_000, 2_000, 4_000, 5_000, 5_000]) {
    stage.nack([1]);
    stage.take(1);
    assert.deepEqual(stage.pass(delayMs - 1), [], `${delayMs} ms are not over`);
    assert.deepEqual(stage.pass(1), [1]);
  }
});

test("a delay never leaves the bounds of its policy", () => {
  const bounds = fc.tuple(fc.integer({ min: 0, max: 600_000 }), fc.integer({ min: 0, max: 600_000 }));
  const rolls = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(bounds, fc.integer({ min: 1, max: 65_535 }), rolls, ([one, other], failures, roll) => {
      const backoff = { minimumMs: Math.min(one, other), maximumMs: Math.max(one, other) };
      const delayMs = backoffMs(backoff, failures, roll);
      assert.ok(delayMs >= backoff.minimumMs && delayMs <= backoff.maximumMs);
      const planned = Math.min(backoff.maximumMs, backoff.minimumMs * 2 ** Math.min(failures - 1, 30));
      assert.ok(delayMs >= planned * 0.89 && delayMs <= planned * 1.11, "about twice as long each time");
    }),
  );
});

test("nacks and expired leases count as failures; batches given back do not", () => {
  const stage = new Stage(ATTEMPTS);
  stage.open(1);
  stage.publish("");
  stage.take(1);
  stage.nack([1]);
  stage.take(1);
  stage.giveBack(1);
  stage.take(1);
  stage.pass(10_000);
  assert.deepEqual(failuresOf(stage, 1), [0, 1, 1]);
  assert.deepEqual(stage.dying, []);
  stage.take(1);
  assert.deepEqual(failuresOf(stage, 1), [0, 1, 1, 2]);
});

test("an ack while a message waits for its delay settles it", () => {
  const stage = new Stage(BACKOFF);
  stage.open(1);
  stage.publish("");
  stage.take(1);
  stage.nack([1]);
  assert.equal(stage.subscription.counts.delayed, 1);
  stage.ack([1]);
  stage.take(1);
  assert.deepEqual(stage.pass(600_000), []);
  assert.equal(stage.subscription.counts.backlog, 0);
  assert.equal(stage.subscription.counts.blocked, 0);
});

test("after a kill failures are as they were written, and a delay runs anew", () => {
  const stage = new Stage({ ...BACKOFF, ...ATTEMPTS });
  stage.open(1);
  stage.publish("", "");
  stage.take(1);
  stage.nack([1]);
  assert.ok(stage.write());
  // This one no record tells.
  stage.nack([2]);
  stage.pass(900);
  stage.kill();
  stage.open(2);
  assert.deepEqual(stage.take(2), [2]);
  stage.take(2);
  assert.deepEqual(stage.pass(999), []);
  assert.deepEqual(stage.pass(1), [1]);
  assert.deepEqual([failuresOf(stage, 1).at(-1), failuresOf(stage, 2).at(-1)], [1, 0]);
});

test("of several records only those that were written count", () => {
  const stage = new Stage({ deliveryAttemptsMax: 9 });
  stage.open(1);
  stage.publish("");
  for (let failures = 0; failures < 4; failures += 1) {
    stage.take(1);
    stage.nack([1]);
    stage.write();
  }
  for (const count of [3, 2, 1]) {
    stage.records = stage.records.slice(0, count + 1);
    stage.kill();
    assert.deepEqual(stage.pull(2), [1]);
    assert.equal(failuresOf(stage, 1).at(-1), count);
  }
});

test("failures of before a start are known when the message is met later, and its delay holds until then", () => {
  const stage = new Stage(BACKOFF);
  stage.open(1);
  stage.publish("", "");
  stage.publish("", "");
  stage.take(1);
  stage.nack([2, 4]);
  stage.write();
  stage.kill();
  stage.isReading = false;
  stage.readBlocksMax = 1;
  stage.open(2);
  stage.take(2);
  stage.answerLoad();
  assert.equal(stage.handed.at(-1)?.sequence, 1);
  // The delay of both ends; the log behind the first block is not read yet.
  stage.take(2);
  assert.deepEqual(stage.pass(1_000), [2]);
  stage.take(2);
  stage.answerLoad();
  assert.deepEqual(
    stage.handed
      .slice(-2)
      .map(({ sequence }) => sequence)
      .sort(),
    [3, 4],
  );
  assert.deepEqual([failuresOf(stage, 4).at(-1), failuresOf(stage, 3).at(-1)], [1, 0]);
});

test("a message goes to the dead-letter topic after exactly as many failures as the policy says", () => {
  const stage = new Stage(ATTEMPTS);
  stage.open(1);
  stage.publish("");
  for (const failures of [0, 1, 2]) {
    assert.deepEqual(stage.dying, []);
    assert.deepEqual(stage.take(1), [1]);
    assert.equal(failuresOf(stage, 1).at(-1), failures);
    stage.nack([1]);
  }
  assert.deepEqual(stage.dying, [[1, 3]]);
  assert.deepEqual(stage.take(1), []);
  assert.deepEqual(stage.pass(600_000), []);
  assert.equal(stage.subscription.counts.dying, 1);
  assert.deepEqual(stage.forward(), [1]);
  assert.equal(stage.subscription.floor, 1);
  stage.kill();
  assert.deepEqual(stage.pull(2), []);
});

test("with a dead-letter policy a redelivery is held until its attempts are durable; a retry policy alone waits for nothing", () => {
  for (const [rules, isHeld] of [
    [ATTEMPTS, true],
    [{ backoff: { minimumMs: 0, maximumMs: 0 } }, false],
  ] as const) {
    const stage = new Stage(rules);
    stage.open(1);
    stage.publish("");
    stage.take(1);
    stage.nack([1]);
    stage.take(1);
    assert.deepEqual(
      stage.handed.map((one) => one.isHeld),
      [false, isHeld],
    );
  }
});

test("a message acked on its way to the dead-letter topic is not forwarded", () => {
  const stage = new Stage({ deliveryAttemptsMax: 1 });
  stage.open(1);
  stage.publish("", "");
  stage.take(1);
  stage.nack([1, 2]);
  assert.deepEqual(stage.dying, [
    [1, 1],
    [2, 1],
  ]);
  stage.ack([2]);
  assert.deepEqual(stage.forward(), [1]);
  assert.equal(stage.subscription.floor, 2);
  assert.equal(stage.subscription.counts.deadLettered, 1);
});

test("what cannot be forwarded is delivered again after a while, and each further failure tries anew", () => {
  const stage = new Stage({ deliveryAttemptsMax: 1 });
  stage.open(1, { leaseMs: 100_000 });
  stage.publish("");
  stage.take(1);
  stage.nack([1]);
  for (const [delayMs, failures] of [
    [1_000, 1],
    [2_000, 2],
    [4_000, 3],
  ] as const) {
    assert.deepEqual(stage.dying, [[1, failures]]);
    stage.failToForward();
    stage.take(1);
    assert.deepEqual(stage.pass(delayMs - 1), []);
    assert.deepEqual(stage.pass(1), [1]);
    assert.equal(failuresOf(stage, 1).at(-1), failures);
    stage.nack([1]);
  }
  assert.deepEqual(stage.forward(), [1]);
});

test("a message that was dying when the process was killed is forwarded after the start", () => {
  const stage = new Stage({ deliveryAttemptsMax: 1, isOrdered: true });
  stage.open(1);
  stage.publish("a", "a");
  stage.take(1);
  stage.nack([1]);
  stage.write();
  stage.kill();
  assert.deepEqual(stage.dying, [[1, 1]]);
  assert.deepEqual(stage.pull(2), []);
  assert.deepEqual(stage.forward(), [1]);
  assert.deepEqual(stage.pull(3), [2]);
});

test("what retention drops is not forwarded, and counts nowhere", () => {
  const stage = new Stage({ ...BACKOFF, deliveryAttemptsMax: 2 });
  stage.open(1);
  stage.publish("", "", "");
  stage.take(1);
  stage.nack([1, 2]);
  stage.take(1);
  stage.pass(1_000);
  stage.nack([1]);
  stage.nack([3]);
  assert.deepEqual(stage.dying, [[1, 2]]);
  stage.step({ kind: "dropped", floor: 3 });
  assert.deepEqual(stage.forward(), []);
  stage.pass(600_000);
  const { dying, delayed, blocked, outstanding, backlog } = stage.subscription.counts;
  assert.deepEqual(
    { dying, delayed, blocked, outstanding, backlog },
    { dying: 0, delayed: 0, blocked: 0, outstanding: 0, backlog: 0 },
  );
});

test("a dead letter lets its key go on, and is forwarded though others of its key were out behind it", () => {
  const stage = new Stage({ isOrdered: true, deliveryAttemptsMax: 1 });
  stage.open(1);
  stage.publish("a", "a", "a");
  stage.take(1);
  stage.nack([1]);
  assert.deepEqual(stage.dying, [[1, 1]]);
  assert.deepEqual(stage.take(1), []);
  stage.forward();
  assert.deepEqual(
    stage.handed.slice(-2).map(({ sequence }) => sequence),
    [2, 3],
  );
  assert.deepEqual(failuresOf(stage, 2), [0, 0]);
});

test("when the dead-letter policy goes, what was dying is delivered again, and attempts are not told", () => {
  const stage = new Stage({ deliveryAttemptsMax: 1 });
  stage.open(1);
  stage.publish("");
  stage.take(1);
  stage.nack([1]);
  assert.equal(stage.subscription.counts.dying, 1);
  stage.changeRules({ deliveryAttemptsMax: undefined });
  assert.deepEqual(stage.forward(), []);
  assert.deepEqual(stage.take(1), [1]);
  assert.equal(failuresOf(stage, 1).at(-1), 0);
});

test("attempts count from when their policy is set", () => {
  const stage = new Stage({ backoff: { minimumMs: 0, maximumMs: 0 } });
  stage.open(1);
  stage.publish("");
  for (let turn = 0; turn < 5; turn += 1) {
    stage.take(1);
    stage.nack([1]);
  }
  stage.changeRules({ deliveryAttemptsMax: 2 });
  stage.write();
  stage.kill();
  assert.deepEqual(stage.pull(2), [1]);
  stage.nack([1]);
  assert.deepEqual(stage.pull(3), [1]);
  assert.deepEqual(failuresOf(stage, 1).slice(-2), [0, 1]);
  stage.nack([1]);
  assert.deepEqual(stage.dying, [[1, 2]]);
});

test("fewer attempts allowed are met with the next failure", () => {
  const stage = new Stage({ deliveryAttemptsMax: 9 });
  stage.open(1);
  stage.publish("");
  for (let turn = 0; turn < 4; turn += 1) {
    stage.take(1);
    stage.nack([1]);
  }
  stage.changeRules({ deliveryAttemptsMax: 2 });
  stage.take(1);
  if (stage.dying.length === 0) stage.nack([1]);
  assert.equal(stage.dying.length, 1);
});

test("when the retry policy goes, nothing waits any more", () => {
  const stage = new Stage({ backoff: { minimumMs: 60_000, maximumMs: 60_000 } });
  stage.open(1);
  stage.publish("", "");
  stage.take(1);
  stage.nack([1, 2]);
  assert.deepEqual(stage.take(1), []);
  stage.changeRules({ backoff: undefined });
  assert.deepEqual(
    stage.handed.slice(-2).map(({ sequence }) => sequence),
    [1, 2],
  );
});

test("many messages that fail at once do so in slices, each with its delay", () => {
  const stage = new Stage(BACKOFF, { stepMessagesMax: 7 });
  stage.open(1);
  stage.publish(...Array.from({ length: 100 }, () => ""));
  for (let turn = 0; turn < 20; turn += 1) stage.take(1);
  assert.equal(stage.subscription.counts.outstanding, 100);
  stage.close(1);
  stage.pass(10_000);
  assert.equal(stage.subscription.counts.delayed, 100);
  assert.equal(stage.subscription.counts.expired, 100);
  stage.pass(1_000);
  assert.equal(stage.subscription.counts.delayed, 0);
  assert.equal(stage.pull(2, 1_000).length, 7);
});

test("a seek forgets attempts, delays and what was dying", () => {
  const stage = new Stage({ backoff: { minimumMs: 60_000, maximumMs: 60_000 }, deliveryAttemptsMax: 2 });
  stage.open(1);
  stage.publish("", "");
  stage.take(1);
  stage.nack([1, 2]);
  stage.pass(60_000);
  stage.take(1);
  stage.nack([2]);
  assert.equal(stage.dying.length, 1);
  stage.seek({});
  assert.deepEqual(stage.forward(), []);
  assert.deepEqual(stage.take(1), [1, 2]);
  assert.deepEqual(failuresOf(stage, 2).at(-1), 0);
});
