import assert from "node:assert/strict";
import { test } from "node:test";
import { RecordingPuller, SUBSCRIPTION, subscriptionSettings, TestWorld, TOPIC } from "./engine.test.support.js";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const TEN_MINUTES = { seconds: 600, nanos: 0 };

async function shortWorld(): Promise<TestWorld> {
  const world = await TestWorld.open();
  await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({ ...present, messageRetention: TEN_MINUTES }));
  return world;
}

/** How many messages the topic's log still holds. */
async function storedCount(world: TestWorld): Promise<number> {
  let count = 0;
  for await (const log of world.storage.logs("topic")) {
    for (const record of await world.storage.read(log, 0, { maxBytes: 1e9 })) count += record.count;
  }
  return count;
}

test("an unacked message is gone once it is older than the subscription's retention, not before", async () => {
  const world = await shortWorld();
  await world.publish("old");
  await world.advance(9 * MINUTE_MS);
  const early = world.pull();
  await world.settle();
  assert.deepEqual(early.texts(), ["old"]);
  early.puller!.close();
  await world.publish("young");
  await world.advance(1.5 * MINUTE_MS);
  const late = world.pull();
  await world.settle();
  assert.deepEqual(late.texts(), ["young"]);
  assert.equal([...world.engine.subscriptionMetrics()][0]!.backlog, 1);
});

test("a message is dropped by age though it is leased", async () => {
  const world = await shortWorld();
  await world.publish("old");
  const puller = world.pull();
  await world.settle();
  for (let minute = 0; minute < 11; minute += 1) {
    await world.engine.modifyAckDeadline(SUBSCRIPTION, puller.ackIds(), 600);
    await world.advance(MINUTE_MS);
  }
  await world.engine.modifyAckDeadline(SUBSCRIPTION, puller.ackIds(), 0);
  await world.advance(MINUTE_MS);
  assert.equal(puller.received.length, 1);
});

test("a retention made shorter drops what is too old now", async () => {
  const world = await TestWorld.open();
  await world.publish("old");
  await world.advance(20 * MINUTE_MS);
  await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({ ...present, messageRetention: TEN_MINUTES }));
  await world.advance(1);
  const puller = world.pull();
  await world.settle();
  assert.deepEqual(puller.texts(), []);
});

test("what grew too old while the server was down is not delivered after its start", async () => {
  const world = await shortWorld();
  await world.publish("old");
  await world.engine.close();
  await world.clock.advance(11 * MINUTE_MS, async () => undefined);
  await world.start();
  const puller = world.pull();
  await world.settle();
  assert.deepEqual(puller.texts(), []);
});

test("a topic's retention keeps messages in a backlog beyond the subscription's", async () => {
  const world = await shortWorld();
  await world.engine.updateTopic(TOPIC, (present) => ({ ...present, messageRetention: { seconds: 3_600, nanos: 0 } }));
  await world.publish("old");
  await world.advance(30 * MINUTE_MS);
  const puller = world.pull(new RecordingPuller());
  await world.settle();
  assert.deepEqual(puller.texts(), ["old"]);
});

test("a topic's log holds acked messages as long as the topic's retention, then lets them go", async () => {
  const world = await TestWorld.open();
  await world.engine.updateTopic(TOPIC, (present) => ({ ...present, messageRetention: TEN_MINUTES }));
  await world.publish("one", "two");
  const puller = world.pull();
  await world.settle();
  await world.engine.acknowledge(SUBSCRIPTION, puller.ackIds());
  await world.advance(9 * MINUTE_MS);
  assert.equal(await storedCount(world), 2);
  await world.start();
  await world.advance(30_000);
  assert.equal(await storedCount(world), 2);
  await world.advance(2 * MINUTE_MS);
  assert.equal(await storedCount(world), 0);
});

test("a log is trimmed below what its slowest subscription has acked, durably", async () => {
  const world = await TestWorld.open();
  const other = "projects/p/subscriptions/other";
  await world.engine.createSubscription(subscriptionSettings({ name: other }));
  for (const text of ["one", "two", "three"]) await world.publish(text);
  const fast = world.pull();
  const slow = world.pull(undefined, {}, other);
  await world.settle();
  await world.engine.acknowledge(SUBSCRIPTION, fast.ackIds());
  await world.advance(10_001);
  assert.equal(await storedCount(world), 3);
  await world.engine.acknowledge(other, slow.ackIds().slice(0, 2));
  await world.advance(10_001);
  assert.equal(await storedCount(world), 1);
  await world.engine.deleteSubscription(other);
  await world.advance(10_001);
  assert.equal(await storedCount(world), 0);
});

test("a log is trimmed after a restart though one of its subscriptions is never used again", async () => {
  const world = await TestWorld.open();
  const other = "projects/p/subscriptions/other";
  await world.engine.createSubscription(subscriptionSettings({ name: other }));
  await world.publish("one");
  const idle = world.pull(undefined, {}, other);
  await world.settle();
  await world.engine.acknowledge(other, idle.ackIds());
  await world.start();
  const busy = world.pull();
  await world.settle();
  await world.engine.acknowledge(SUBSCRIPTION, busy.ackIds());
  await world.advance(25_000);
  assert.equal(await storedCount(world), 0);
});

test("messages that no subscription can get are not kept", async () => {
  const world = await TestWorld.open();
  await world.engine.deleteSubscription(SUBSCRIPTION);
  await world.publish("nobody's");
  await world.advance(10_001);
  assert.equal(await storedCount(world), 0);
});

test("acked messages of a subscription that retains them stay until they are too old", async () => {
  const world = await TestWorld.open();
  await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({
    ...present,
    retainAckedMessages: true,
    messageRetention: TEN_MINUTES,
  }));
  await world.publish("one");
  const puller = world.pull();
  await world.settle();
  await world.engine.acknowledge(SUBSCRIPTION, puller.ackIds());
  await world.advance(9 * MINUTE_MS);
  assert.equal(await storedCount(world), 1);
  await world.advance(2 * MINUTE_MS);
  assert.equal(await storedCount(world), 0);
});

test("when the wall clock jumps nothing is deleted by age for ten minutes", async () => {
  for (const isPutRight of [true, false]) {
    const world = await TestWorld.open();
    await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({
      ...present,
      messageRetention: { seconds: 3_600, nanos: 0 },
    }));
    await world.publish("one");
    await world.advance(1_000);
    world.clock.jumpWall(DAY_MS);
    await world.advance(9 * MINUTE_MS);
    if (isPutRight) world.clock.jumpWall(-DAY_MS);
    await world.advance(20 * MINUTE_MS);
    const puller = world.pull();
    await world.settle();
    assert.deepEqual(puller.texts(), isPutRight ? ["one"] : []);
  }
});

test("a subscription that nobody uses is deleted when its policy says so, and an open puller is a use", async () => {
  const world = await TestWorld.open();
  const used = "projects/p/subscriptions/used";
  const never = "projects/p/subscriptions/never";
  const ttl = { expirationTtl: { seconds: 86_400, nanos: 0 } };
  await world.engine.createSubscription(subscriptionSettings({ name: used, ...ttl }));
  const { expirationTtl: _none, ...settings } = subscriptionSettings({ name: never });
  await world.engine.createSubscription(settings);
  await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({ ...present, ...ttl }));
  const puller = world.pull(undefined, {}, used);
  await world.advance(DAY_MS - MINUTE_MS);
  assert.equal(world.engine.listSubscriptions("projects/p", { after: undefined, limit: 9 }).length, 3);
  await world.advance(15 * MINUTE_MS);
  assert.throws(() => world.engine.getSubscription(SUBSCRIPTION), { code: "NOT_FOUND" });
  await world.advance(40 * DAY_MS);
  assert.equal(puller.error, undefined);
  assert.equal(world.engine.getSubscription(never).name, never);
  puller.puller!.close();
  await world.advance(DAY_MS + 15 * MINUTE_MS);
  assert.throws(() => world.engine.getSubscription(used), { code: "NOT_FOUND" });
});

test("time while the server is down does not count towards expiration, nor does a kill bring it nearer", async () => {
  const world = await TestWorld.open();
  const ttl = { expirationTtl: { seconds: 86_400, nanos: 0 } };
  await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({ ...present, ...ttl }));
  const exists = (): boolean =>
    world.engine.listSubscriptions("projects/p", { after: undefined, limit: 1 }).length === 1;
  await world.advance(20 * 3_600_000);
  world.engine.getSubscription(SUBSCRIPTION);
  await world.settle();
  await world.engine.close();
  await world.clock.advance(30 * DAY_MS, async () => undefined);
  await world.start();
  await world.advance(23 * 3_600_000);
  assert.ok(exists());
  await world.advance(2.5 * 3_600_000);
  assert.ok(!exists());
});
