import assert from "node:assert/strict";
import { test } from "node:test";
import { RecordingPuller, SUBSCRIPTION, TestWorld } from "./engine.test.support.js";
import type { SubscriptionSettings } from "./settings.js";

const POLICY = { minimumBackoff: { seconds: 40, nanos: 0 }, maximumBackoff: { seconds: 40, nanos: 0 } };

async function retryWorld(change: Partial<SubscriptionSettings> = {}): Promise<TestWorld> {
  const world = await TestWorld.open();
  await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({ ...present, retryPolicy: POLICY, ...change }));
  return world;
}

/** Takes what there is, nacks it and leaves. */
async function nackAll(world: TestWorld): Promise<readonly number[]> {
  const puller = new RecordingPuller(1_000, false);
  world.pull(puller);
  await world.settle();
  await world.engine.modifyAckDeadline(SUBSCRIPTION, puller.ackIds(), 0);
  puller.puller!.close();
  await world.settle();
  return puller.batches.flatMap((batch) => batch.runs.map((run) => run.deliveryAttempt));
}

test("a delay runs to its end though nobody pulls, and the subscription leaves memory afterwards", async () => {
  const world = await retryWorld();
  await world.publish("one");
  await nackAll(world);
  assert.deepEqual(
    [...world.engine.subscriptionMetrics()].map(({ waiting, delayed }) => [waiting, delayed]),
    [[1, 1]],
  );
  await world.advance(39_000);
  const early = world.pull();
  await world.settle();
  assert.deepEqual(early.texts(), []);
  await world.advance(2_000);
  assert.deepEqual(early.texts(), ["one"]);
  early.puller!.close();
  await world.advance(120_000);
  const reads = world.storage.reads;
  world.pull();
  await world.settle();
  assert.ok(world.storage.reads > reads, "it was read again");
});

test("attempts are counted over a kill and over a time out of memory", async () => {
  const deadLetterPolicy = { topic: "projects/p/topics/missing", maxDeliveryAttempts: 5 };
  const world = await retryWorld({ deadLetterPolicy });
  await world.publish("one");
  assert.deepEqual(await nackAll(world), [1]);
  await world.start();
  await world.advance(200_000);
  // Loaded, the message has its delay once more.
  const puller = new RecordingPuller(1_000, false);
  world.pull(puller);
  await world.advance(41_000);
  assert.deepEqual(
    puller.batches.flatMap((batch) => batch.runs.map((run) => run.deliveryAttempt)),
    [2],
  );
});

test("a policy that is taken away lets what it delays go at once", async () => {
  const world = await retryWorld();
  await world.publish("one");
  await nackAll(world);
  const puller = world.pull();
  await world.settle();
  assert.deepEqual(puller.texts(), []);
  await world.engine.updateSubscription(SUBSCRIPTION, ({ retryPolicy: _none, ...present }) => present);
  await world.settle();
  assert.deepEqual(puller.texts(), ["one"]);
});

test("without a dead-letter policy no attempt is told, and with one it is from then on", async () => {
  const world = await TestWorld.open();
  await world.publish("one");
  assert.deepEqual(await nackAll(world), [0]);
  const deadLetterPolicy = { topic: "projects/p/topics/missing", maxDeliveryAttempts: 5 };
  await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({ ...present, deadLetterPolicy }));
  assert.deepEqual(await nackAll(world), [1]);
  assert.deepEqual(await nackAll(world), [2]);
  await world.engine.updateSubscription(SUBSCRIPTION, ({ deadLetterPolicy: _none, ...present }) => present);
  assert.deepEqual(await nackAll(world), [0]);
});

test("a nack is answered, and its message goes out again, when the failure is durable, where a policy counts it", async () => {
  const deadLetterPolicy = { topic: "projects/p/topics/missing", maxDeliveryAttempts: 5 };
  const world = await TestWorld.open();
  await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({ ...present, deadLetterPolicy }));
  await world.publish("one");
  const puller = world.pull();
  await world.settle();
  let release = (): void => undefined;
  world.storage.beforeCommit = (writes) =>
    writes.some((write) => write.kind === "appendIf")
      ? new Promise<void>((resolve) => {
          release = resolve;
        })
      : undefined;
  let isAnswered = false;
  const nacked = world.engine.modifyAckDeadline(SUBSCRIPTION, puller.ackIds(), 0).then(() => {
    isAnswered = true;
  });
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  assert.deepEqual([puller.received.length, isAnswered], [1, false]);
  world.storage.beforeCommit = () => undefined;
  release();
  await nacked;
  await world.settle();
  assert.equal(puller.received.length, 2);
  // It is told so after a kill, too.
  await world.start();
  const after = world.pull();
  await world.settle();
  assert.deepEqual(
    after.batches.map((batch) => batch.runs[0]?.deliveryAttempt),
    [2],
  );
});
