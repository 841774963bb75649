import assert from "node:assert/strict";
import { test } from "node:test";
import { batchOf, RecordingPuller, SUBSCRIPTION, TestWorld, TOPIC } from "./engine.test.support.js";

const texts = Array.from({ length: 60 }, (_, index) => `message ${index}`);

async function publishAll(world: TestWorld): Promise<void> {
  for (const text of texts) await world.publish(text);
}

test("a subscription that lags behind the tail cache gets everything, in order, from the store", async () => {
  const world = await TestWorld.open({ limits: { tailCacheBytes: 500 } });
  await publishAll(world);
  assert.ok(world.engine.stats().tailCacheBytes <= 500);
  const puller = world.pull();
  await world.settle();
  assert.deepEqual(puller.texts(), texts);
  assert.ok(world.storage.reads > 0);
});

test("a subscription that has caught up reads memory alone", async () => {
  const world = await TestWorld.open();
  const puller = world.pull();
  await world.settle();
  world.storage.reads = 0;
  await publishAll(world);
  await world.settle();
  assert.deepEqual(puller.texts(), texts);
  assert.equal(world.storage.reads, 0);
});

test("redeliveries from before the tail cache are read again, and come complete", async () => {
  const world = await TestWorld.open({ limits: { tailCacheBytes: 0 } });
  await world.engine.publish(TOPIC, batchOf(texts.slice(0, 30)));
  await world.engine.publish(TOPIC, batchOf(texts.slice(30)));
  const puller = world.pull();
  await world.settle();
  const acked = puller.ackIds().filter((_, index) => index % 3 === 0);
  await world.engine.acknowledge(SUBSCRIPTION, acked);
  puller.received.length = 0;
  await world.advance(10_001);
  assert.deepEqual(
    puller.texts(),
    texts.filter((_, index) => index % 3 !== 0),
  );
});

test("a batch whose puller closes while it is read goes to the next puller at once", async () => {
  const world = await TestWorld.open({ limits: { tailCacheBytes: 0 } });
  await world.publish("one");
  const first = world.pull();
  await world.settle();
  await world.engine.modifyAckDeadline(SUBSCRIPTION, first.ackIds(), 1);
  const gate = { open: (): void => undefined };
  world.storage.beforeRead = () =>
    new Promise<void>((resolve) => {
      gate.open = resolve;
    });
  await world.clock.advance(1_001, async () => undefined);
  first.puller!.close();
  world.storage.beforeRead = () => undefined;
  gate.open();
  await world.settle();
  assert.equal(first.received.length, 1);
  const second = world.pull(new RecordingPuller());
  await world.settle();
  assert.deepEqual(second.texts(), ["one"]);
});

test("a backlog that cannot be read ends the pullers with INTERNAL and is tried again by the next", async () => {
  const world = await TestWorld.open({ limits: { tailCacheBytes: 0 } });
  await world.publish("one");
  world.storage.beforeRead = (log) => {
    if (log.kind === "topic") throw new Error("the disk is on fire");
  };
  const first = world.pull();
  await world.settle();
  assert.equal(first.error?.code, "INTERNAL");
  world.storage.beforeRead = () => undefined;
  await world.advance(1_000);
  const second = world.pull();
  await world.settle();
  assert.deepEqual(second.texts(), ["one"]);
});
