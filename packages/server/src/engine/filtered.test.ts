import assert from "node:assert/strict";
import { test } from "node:test";
import { RecordingPuller, subscriptionSettings, type TestMessage, TestWorld, TOPIC } from "./engine.test.support.js";
import { batchOfMessages } from "./pubsub-message.test.support.js";

const FILTERED = "projects/p/subscriptions/filtered";
const IDLE_MS = 60_000;

const WANTED: TestMessage = { data: "wanted", attributes: { lang: "de" } };
const OTHER: TestMessage = { data: "other", attributes: { lang: "en" } };

/** A world whose only subscription is filtered, so that it alone holds the topic's log. */
async function filteredWorld(): Promise<TestWorld> {
  const world = await TestWorld.open();
  await world.engine.deleteSubscription("projects/p/subscriptions/s");
  await world.engine.createSubscription(subscriptionSettings({ name: FILTERED, filter: 'attributes.lang = "de"' }));
  return world;
}

function publish(world: TestWorld, ...messages: TestMessage[]): Promise<number> {
  return world.engine.publish(TOPIC, batchOfMessages(messages));
}

function backlog(world: TestWorld, name = FILTERED): number {
  return [...world.engine.subscriptionMetrics()].find((metrics) => metrics.name === name)!.backlog;
}

/** The backlog once what must be looked up for it has been. */
async function settledBacklog(world: TestWorld, name = FILTERED): Promise<number> {
  backlog(world, name);
  await world.settle();
  return backlog(world, name);
}

async function storedCount(world: TestWorld): Promise<number> {
  let count = 0;
  for await (const log of world.storage.logs("topic")) {
    for (const record of await world.storage.read(log, 0, { maxBytes: 1e9 })) count += record.count;
  }
  return count;
}

test("a filtered subscription that was never used counts what matches, exactly and without a read", async () => {
  const world = await filteredWorld();
  await publish(world, OTHER, OTHER);
  assert.equal(backlog(world), 0);
  await publish(world, OTHER, WANTED, OTHER);
  await publish(world, WANTED, OTHER);
  assert.equal(backlog(world), 2);
  await world.settle();
  assert.equal(world.storage.reads, 0);
});

test("while nothing matches the topic's log goes, and from the first match on it stays", async () => {
  const world = await filteredWorld();
  await publish(world, OTHER, OTHER);
  await world.advance(10_001);
  assert.equal(await storedCount(world), 0);
  await publish(world, OTHER);
  await publish(world, OTHER, WANTED);
  await publish(world, OTHER);
  await world.advance(10_001);
  assert.equal(await storedCount(world), 3);
  const puller = world.pull(new RecordingPuller(), {}, FILTERED);
  await world.settle();
  assert.equal(puller.received.length, 1);
});

test("what is not matched needs no commit and brings no core into memory", async () => {
  const world = await filteredWorld();
  for (let index = 0; index < 50; index += 1) {
    const settings = { name: `${FILTERED}-${index}`, filter: `attributes.lang = "l${index % 5}"` };
    await world.engine.createSubscription(subscriptionSettings(settings));
  }
  const before = world.storage.commits.length;
  await publish(world, OTHER);
  await publish(world, OTHER);
  assert.equal(world.storage.commits.length, before + 2);
  assert.equal(world.storage.reads, 0);
});

test("a filtered subscription that leaves memory stays exact, and goes on where it was", async () => {
  const world = await filteredWorld();
  const puller = world.pull(new RecordingPuller(), {}, FILTERED);
  await publish(world, WANTED, OTHER, WANTED);
  await world.settle();
  await world.engine.acknowledge(FILTERED, [puller.ackIds()[0]!]);
  puller.puller!.close();
  await world.advance(IDLE_MS);
  assert.equal(backlog(world), 1);
  await publish(world, OTHER, WANTED, OTHER);
  assert.equal(backlog(world), 2);
  const again = world.pull(new RecordingPuller(), {}, FILTERED);
  await world.settle();
  assert.equal(again.received.length, 2);
  assert.equal(await settledBacklog(world), 2);
  await world.engine.acknowledge(FILTERED, again.ackIds());
  again.puller!.close();
  await world.advance(IDLE_MS);
  await publish(world, OTHER);
  await world.advance(10_001);
  assert.equal(backlog(world), 0);
  assert.equal(await storedCount(world), 0);
});

test("after a restart the backlog is counted when somebody asks, and exact from then on", async () => {
  const world = await filteredWorld();
  for (let round = 0; round < 5; round += 1) await publish(world, OTHER, WANTED, OTHER);
  await world.start();
  assert.equal(await settledBacklog(world), 5);
  await publish(world, OTHER, WANTED);
  assert.equal(backlog(world), 6);
  await world.advance(IDLE_MS);
  await publish(world, OTHER, WANTED);
  assert.equal(backlog(world), 7);
});

test("after a restart with something acked the backlog is exact, too", async () => {
  const world = await filteredWorld();
  await publish(world, OTHER, WANTED, OTHER, WANTED, WANTED);
  const puller = world.pull(new RecordingPuller(), {}, FILTERED);
  await world.settle();
  await world.engine.acknowledge(FILTERED, [puller.ackIds()[1]!]);
  await world.start();
  assert.equal(await settledBacklog(world), 2);
});

test("after a restart a filtered subscription that nobody uses lets go of what does not match", async () => {
  const world = await filteredWorld();
  await publish(world, OTHER, OTHER);
  await publish(world, OTHER);
  await world.start();
  await publish(world, OTHER);
  await world.advance(IDLE_MS);
  assert.equal(await storedCount(world), 0);
  await publish(world, WANTED);
  await world.start();
  await world.advance(IDLE_MS);
  assert.equal(await storedCount(world), 1);
  assert.equal(await settledBacklog(world), 1);
});

test("a backlog that retention shortens is counted again", async () => {
  const world = await filteredWorld();
  await world.engine.updateSubscription(FILTERED, (present) => ({
    ...present,
    messageRetention: { seconds: 600, nanos: 0 },
  }));
  await publish(world, WANTED, OTHER);
  await world.advance(400_000);
  await publish(world, OTHER, WANTED, WANTED);
  assert.equal(backlog(world), 3);
  await world.advance(300_000);
  assert.equal(await settledBacklog(world), 2);
});
