import assert from "node:assert/strict";
import { test } from "node:test";
import { SUBSCRIPTION, subscriptionSettings, TestWorld, TOPIC } from "./engine.test.support.js";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const TTL = { expirationTtl: { seconds: 86_400, nanos: 0 } };

async function openWorld(): Promise<TestWorld> {
  const world = await TestWorld.open();
  await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({ ...present, ...TTL }));
  return world;
}

function isThere(world: TestWorld): boolean {
  return world.engine.listSubscriptions("projects/p", { after: undefined, limit: 9 }).length === 1;
}

test("what is published to a subscription does not keep it", async () => {
  const world = await openWorld();
  for (let hour = 0; hour < 25; hour += 1) {
    await world.publish("one");
    await world.advance(HOUR_MS);
  }
  assert.ok(!isThere(world));
});

const USES: Readonly<Record<string, (world: TestWorld, ackIds: readonly string[]) => Promise<unknown>>> = {
  "an ack": (world, ackIds) => world.engine.acknowledge(SUBSCRIPTION, ackIds),
  "a new deadline": (world, ackIds) => world.engine.modifyAckDeadline(SUBSCRIPTION, ackIds, 10),
  "a pull that finds nothing": async (world) => world.pull(undefined, { isOnce: true }).puller!.close(),
  "a get": async (world) => world.engine.getSubscription(SUBSCRIPTION),
  "an update": (world) => world.engine.updateSubscription(SUBSCRIPTION, (present) => present),
  "a seek": (world) => world.engine.seek(SUBSCRIPTION, { kind: "time", timeMs: world.clock.wallMs() }),
  "a snapshot": (world) => world.engine.createSnapshot({ name: "projects/p/snapshots/n", labels: {} }, SUBSCRIPTION),
};

for (const [what, use] of Object.entries(USES)) {
  test(`${what} keeps a subscription as long again`, async () => {
    const world = await openWorld();
    await world.publish("one");
    const puller = world.pull();
    await world.settle();
    puller.puller!.close();
    await world.advance(23 * HOUR_MS);
    assert.equal(puller.error, undefined);
    await use(world, puller.ackIds());
    await world.advance(23 * HOUR_MS);
    assert.ok(isThere(world));
    await world.advance(2 * HOUR_MS);
    assert.ok(!isThere(world));
  });
}

test("a pusher keeps a subscription by what it gets through, not by trying", async () => {
  for (const isAcked of [true, false]) {
    const world = await TestWorld.open();
    await world.engine.deleteSubscription(SUBSCRIPTION);
    const pushConfig = { endpoint: "https://example.com/push", attributes: {} };
    await world.engine.createSubscription(subscriptionSettings({ ...TTL, pushConfig }));
    const puller = world.pull(undefined, { isPush: true });
    for (let hour = 0; hour < 30; hour += 1) {
      if (!isThere(world)) break;
      await world.publish(`${hour}`);
      const ackIds = puller.ackIds().slice(-1);
      if (isAcked) await world.engine.acknowledge(SUBSCRIPTION, ackIds);
      else await world.engine.modifyAckDeadline(SUBSCRIPTION, ackIds, 600);
      await world.advance(HOUR_MS);
    }
    assert.equal(isThere(world), isAcked);
    assert.equal(puller.error?.code, isAcked ? undefined : "NOT_FOUND");
  }
});

test("a deleted topic's messages are kept as long as their subscription says, no longer", async () => {
  const world = await TestWorld.open();
  await world.engine.updateTopic(TOPIC, (present) => ({ ...present, messageRetention: { seconds: 86_400, nanos: 0 } }));
  await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({
    ...present,
    messageRetention: { seconds: 600, nanos: 0 },
  }));
  await world.publish("old");
  await world.advance(HOUR_MS);
  await world.publish("young");
  assert.deepEqual(world.engine.getSubscription(SUBSCRIPTION).topicMessageRetention, { seconds: 86_400, nanos: 0 });
  await world.engine.deleteTopic(TOPIC);
  await world.engine.createTopic({ name: TOPIC, labels: {} });
  await world.advance(1);
  assert.equal(world.engine.getSubscription(SUBSCRIPTION).topicMessageRetention, undefined);
  await world.publish("to another topic of the name");
  const puller = world.pull();
  await world.settle();
  assert.deepEqual(puller.texts(), ["young"]);
});

test("a topic's retention made shorter holds for the next pull", async () => {
  const world = await TestWorld.open();
  const change = (seconds: number): Promise<unknown> =>
    world.engine.updateTopic(TOPIC, (present) => ({ ...present, messageRetention: { seconds, nanos: 0 } }));
  await change(86_400);
  await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({
    ...present,
    messageRetention: { seconds: 600, nanos: 0 },
  }));
  await world.publish("old");
  await world.advance(HOUR_MS);
  await change(600);
  const puller = world.pull();
  await world.settle();
  assert.deepEqual(puller.texts(), []);
});
