import assert from "node:assert/strict";
import { test } from "node:test";
import { StorageError, type Write } from "@peal/store";
import { RecordingPuller, SUBSCRIPTION, subscriptionSettings, TestWorld } from "./engine.test.support.js";

const ONCE = "projects/p/subscriptions/once";
const DEADLINE_MS = 10_000;

async function onceWorld(): Promise<TestWorld> {
  const world = await TestWorld.open();
  await world.engine.createSubscription(subscriptionSettings({ name: ONCE, isExactlyOnce: true }));
  return world;
}

function isStep(write: Write): boolean {
  return write.kind === "appendIf";
}

/** Holds every Step back until `release` is called. */
function holdSteps(world: TestWorld): { release: () => Promise<void> } {
  const waiting: (() => void)[] = [];
  world.storage.beforeCommit = (writes) =>
    writes.some(isStep) ? new Promise<void>((resolve) => waiting.push(resolve)) : undefined;
  return {
    release: async () => {
      world.storage.beforeCommit = () => undefined;
      for (const resolve of waiting.splice(0)) resolve();
      await world.settle();
    },
  };
}

async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
}

test("messages go out when their grant is durable, not before", async () => {
  const world = await onceWorld();
  const held = holdSteps(world);
  const puller = world.pull(undefined, {}, ONCE);
  await world.publish("one");
  await turns();
  assert.deepEqual(puller.texts(), []);
  await held.release();
  assert.deepEqual(puller.texts(), ["one"]);
});

test("a lease that was told is kept by a start after a kill, and its id still acks", async () => {
  const world = await onceWorld();
  await world.publish("one", "two");
  const before = world.pull(undefined, {}, ONCE);
  await world.settle();
  await world.start();
  const after = world.pull(undefined, {}, ONCE);
  await world.advance(DEADLINE_MS - 1);
  assert.deepEqual(after.texts(), []);
  const [one] = before.ackIds();
  assert.deepEqual(await world.engine.acknowledge(ONCE, [one!]), []);
  await world.advance(2);
  assert.deepEqual(after.texts(), ["two"]);
});

test("an extension that was confirmed holds after a kill", async () => {
  const world = await onceWorld();
  await world.publish("one");
  const before = world.pull(undefined, {}, ONCE);
  await world.settle();
  assert.deepEqual(await world.engine.modifyAckDeadline(ONCE, before.ackIds(), 60), []);
  await world.start();
  const after = world.pull(undefined, {}, ONCE);
  await world.advance(59_000);
  assert.deepEqual(after.texts(), []);
});

test("an extension is confirmed when it is durable, not before", async () => {
  const world = await onceWorld();
  await world.publish("one");
  const puller = world.pull(undefined, {}, ONCE);
  await world.settle();
  const held = holdSteps(world);
  let isConfirmed = false;
  const confirmed = world.engine.modifyAckDeadline(ONCE, puller.ackIds(), 60).then(() => {
    isConfirmed = true;
  });
  await turns();
  assert.equal(isConfirmed, false);
  await held.release();
  await confirmed;
});

test("stale, foreign and malformed ids fail alone, in the order of the request, and are counted", async () => {
  const world = await onceWorld();
  await world.publish("one", "two");
  const plain = world.pull();
  const puller = world.pull(undefined, {}, ONCE);
  await world.settle();
  const [one, two] = puller.ackIds();
  await world.engine.modifyAckDeadline(ONCE, [one!], 0);
  await world.settle();
  const asked = ["junk", one!, two!, plain.ackIds()[0]!];
  const failed = await world.engine.acknowledge(ONCE, asked);
  assert.deepEqual(
    failed.map((failure) => failure.ackId),
    ["junk", one, plain.ackIds()[0]],
  );
  assert.ok(failed.every((failure) => failure.reason === "invalid"));
  assert.equal(world.engine.subscriptionUsage(ONCE)?.exactlyOnceWarnings, 3);
  const extended = await world.engine.modifyAckDeadline(ONCE, ["junk", puller.ackIds()[2]!], [20, 20]);
  assert.deepEqual(extended, [{ ackId: "junk", reason: "invalid" }]);
});

test("an id that a request has twice counts once, and a retried ack succeeds", async () => {
  const world = await onceWorld();
  await world.publish("one");
  const puller = world.pull(undefined, {}, ONCE);
  await world.settle();
  const [one] = puller.ackIds();
  assert.deepEqual(await world.engine.acknowledge(ONCE, [one!, one!]), []);
  puller.puller!.close();
  await world.advance(60_000);
  assert.deepEqual(await world.engine.acknowledge(ONCE, [one!]), []);
});

test("a grant that finds no space gives its messages back, and ends their puller with what is wrong", async () => {
  const world = await onceWorld();
  world.storage.beforeCommit = (writes) => {
    if (writes.some(isStep)) throw new StorageError("Full", "planted");
  };
  const puller = world.pull(undefined, {}, ONCE);
  await world.publish("one");
  await world.settle();
  assert.deepEqual([puller.texts(), puller.error?.code], [[], "RESOURCE_EXHAUSTED"]);
  world.storage.beforeCommit = () => undefined;
  await world.advance(1_001);
  const again = world.pull(undefined, {}, ONCE);
  await world.settle();
  assert.deepEqual(again.texts(), ["one"]);
});

test("switched on, what is out is kept by a start after a kill once the update has been answered", async () => {
  const world = await TestWorld.open();
  await world.publish("one");
  const puller = world.pull();
  await world.settle();
  await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({ ...present, isExactlyOnce: true }));
  assert.equal(puller.properties?.isExactlyOnce, true);
  await world.start();
  const after = world.pull();
  await world.advance(DEADLINE_MS - 1);
  assert.deepEqual(after.texts(), []);
  assert.deepEqual(await world.engine.acknowledge(SUBSCRIPTION, puller.ackIds()), []);
});

test("switched off, stale ids do no harm any more and leases stay", async () => {
  const world = await onceWorld();
  await world.publish("one");
  const puller = world.pull(undefined, {}, ONCE);
  await world.settle();
  await world.engine.updateSubscription(ONCE, (present) => ({ ...present, isExactlyOnce: false }));
  const other = world.pull(new RecordingPuller(), {}, ONCE);
  await world.settle();
  assert.deepEqual(other.texts(), []);
  await assert.rejects(world.engine.acknowledge(ONCE, ["junk"]), { code: "INVALID_ARGUMENT" });
  assert.deepEqual(await world.engine.acknowledge(ONCE, puller.ackIds()), []);
});

test("after a nack each message goes to one puller, and the ids of before fail", async () => {
  const world = await onceWorld();
  await world.publish("one", "two");
  const puller = world.pull(undefined, {}, ONCE);
  const other = new RecordingPuller(1_000, false);
  await world.settle();
  await world.engine.modifyAckDeadline(ONCE, puller.ackIds(), 0);
  world.pull(other, {}, ONCE);
  await world.settle();
  const redelivered = puller.received.slice(2).map((message) => message.text);
  assert.deepEqual([...redelivered, ...other.texts()].sort(), ["one", "two"]);
  assert.equal(await world.engine.acknowledge(ONCE, puller.ackIds().slice(0, 2)).then((failed) => failed.length), 2);
});
