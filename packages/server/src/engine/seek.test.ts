import assert from "node:assert/strict";
import { test } from "node:test";
import { RecordingPuller, SUBSCRIPTION, subscriptionSettings, TestWorld, TOPIC } from "./engine.test.support.js";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const SNAPSHOT = "projects/p/snapshots/snap";
const OTHER = "projects/p/subscriptions/other";
const HOUR = { seconds: 3_600, nanos: 0 };

/** What a fresh puller is given now. */
async function pulled(world: TestWorld, subscription = SUBSCRIPTION): Promise<readonly string[]> {
  const puller = world.pull(new RecordingPuller(), {}, subscription);
  await world.settle();
  puller.puller!.close();
  return puller.texts();
}

async function ackAll(world: TestWorld, subscription = SUBSCRIPTION): Promise<readonly string[]> {
  const puller = world.pull(new RecordingPuller(), {}, subscription);
  await world.settle();
  await world.engine.acknowledge(subscription, puller.ackIds());
  puller.puller!.close();
  return puller.ackIds();
}

function seekToTime(world: TestWorld, timeMs: number, subscription = SUBSCRIPTION): Promise<void> {
  return world.engine.seek(subscription, { kind: "time", timeMs });
}

/** Publishes one message and answers when that was. */
async function publishAt(world: TestWorld, text: string): Promise<number> {
  await world.advance(1_000);
  await world.publish(text);
  return Math.floor(world.clock.wallMs());
}

for (const isRestarted of [false, true]) {
  const how = isRestarted ? ", also after a kill" : "";
  const restart = async (world: TestWorld): Promise<void> => {
    if (isRestarted) await world.start();
  };

  test(`a seek back replays acked messages where they are retained, from that very time on${how}`, async () => {
    const world = await TestWorld.open();
    await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({ ...present, retainAckedMessages: true }));
    await publishAt(world, "one");
    const secondAtMs = await publishAt(world, "two");
    await publishAt(world, "three");
    await ackAll(world);
    await restart(world);
    await seekToTime(world, secondAtMs);
    await restart(world);
    assert.deepEqual(await pulled(world), ["two", "three"]);
  });

  test(`without retention a seek back brings nothing back${how}`, async () => {
    const world = await TestWorld.open();
    const firstAtMs = await publishAt(world, "one");
    await ackAll(world);
    await publishAt(world, "two");
    await seekToTime(world, firstAtMs);
    await restart(world);
    assert.deepEqual(await pulled(world), ["two"]);
  });

  test(`a seek into the future purges, and goes on discarding until then${how}`, async () => {
    const world = await TestWorld.open();
    await publishAt(world, "before");
    await seekToTime(world, world.clock.wallMs() + MINUTE_MS);
    await restart(world);
    await publishAt(world, "meanwhile");
    assert.deepEqual(await pulled(world), []);
    await restart(world);
    await world.advance(MINUTE_MS);
    await world.publish("after");
    assert.deepEqual(await pulled(world), ["after"]);
  });

  test(`ids of before a seek do not ack what is replayed${how}`, async () => {
    const world = await TestWorld.open();
    await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({ ...present, retainAckedMessages: true }));
    const atMs = await publishAt(world, "one");
    const old = await ackAll(world);
    await seekToTime(world, atMs);
    await restart(world);
    await world.engine.acknowledge(SUBSCRIPTION, old);
    assert.deepEqual(await pulled(world), ["one"]);
  });

  test(`a snapshot brings back what it holds and what came after it, many times${how}`, async () => {
    const world = await TestWorld.open();
    await world.publish("acked");
    await ackAll(world);
    await world.publish("held");
    await world.engine.createSnapshot({ name: SNAPSHOT, labels: {} }, SUBSCRIPTION);
    await world.publish("later");
    await ackAll(world);
    await world.advance(11 * MINUTE_MS);
    for (let round = 0; round < 2; round += 1) {
      await restart(world);
      await world.engine.seek(SUBSCRIPTION, { kind: "snapshot", name: SNAPSHOT });
      await restart(world);
      assert.deepEqual(await pulled(world), ["held", "later"]);
      await world.advance(20_000);
      await ackAll(world);
      assert.deepEqual(await pulled(world), []);
    }
  });
}

test("topic retention lets a subscription made later seek to what was published before it", async () => {
  const world = await TestWorld.open();
  await world.engine.updateTopic(TOPIC, (present) => ({ ...present, messageRetention: HOUR }));
  const atMs = await publishAt(world, "early");
  await ackAll(world);
  await world.engine.createSubscription(subscriptionSettings({ name: OTHER }));
  await world.advance(MINUTE_MS);
  assert.deepEqual(await pulled(world, OTHER), []);
  await seekToTime(world, atMs, OTHER);
  assert.deepEqual(await pulled(world, OTHER), ["early"]);
});

test("a seek never revives what was acked before its retention began", async () => {
  const world = await TestWorld.open();
  const atMs = await publishAt(world, "acked before");
  await ackAll(world);
  // Another one holds the topic's log.
  await world.engine.createSubscription(subscriptionSettings({ name: OTHER }));
  await world.start();
  await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({ ...present, retainAckedMessages: true }));
  await publishAt(world, "acked later");
  await ackAll(world);
  await seekToTime(world, atMs - 1);
  assert.deepEqual(await pulled(world), ["acked later"]);
});

test("another subscription of the topic seeks to the snapshot; one of another topic is refused", async () => {
  const world = await TestWorld.open();
  await world.engine.createSubscription(subscriptionSettings({ name: OTHER }));
  await world.publish("one");
  await ackAll(world, OTHER);
  await world.engine.createSnapshot({ name: SNAPSHOT, labels: {} }, SUBSCRIPTION);
  await world.engine.seek(OTHER, { kind: "snapshot", name: SNAPSHOT });
  assert.deepEqual(await pulled(world, OTHER), ["one"]);
  const topic = "projects/p/topics/else";
  const elsewhere = "projects/p/subscriptions/elsewhere";
  await world.engine.createTopic({ name: topic, labels: {} });
  await world.engine.createSubscription(subscriptionSettings({ name: elsewhere, topic }));
  await assert.rejects(world.engine.seek(elsewhere, { kind: "snapshot", name: SNAPSHOT }), {
    code: "INVALID_ARGUMENT",
  });
  await assert.rejects(world.engine.seek(OTHER, { kind: "snapshot", name: "projects/p/snapshots/none" }), {
    code: "NOT_FOUND",
  });
});

test("what a snapshot holds is replayed though the subscription's retention is over, until the snapshot's end", async () => {
  const world = await TestWorld.open();
  await world.publish("old");
  await world.engine.createSnapshot({ name: SNAPSHOT, labels: {} }, SUBSCRIPTION);
  await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({
    ...present,
    messageRetention: { seconds: 600, nanos: 0 },
  }));
  await world.advance(30 * MINUTE_MS);
  assert.deepEqual(await pulled(world), []);
  await world.engine.seek(SUBSCRIPTION, { kind: "snapshot", name: SNAPSHOT });
  await world.advance(30 * MINUTE_MS);
  assert.deepEqual(await pulled(world), ["old"]);
  await world.advance(7 * DAY_MS);
  assert.deepEqual(await pulled(world), []);
});

test("a snapshot lives seven days less the age of its oldest message, and ends by itself", async () => {
  const world = await TestWorld.open();
  await world.publish("old");
  await world.advance(DAY_MS);
  const made = await world.engine.createSnapshot({ name: SNAPSHOT, labels: { a: "b" } }, SUBSCRIPTION);
  assert.equal(made.expireAtMs - Math.floor(world.clock.wallMs()), 6 * DAY_MS);
  await world.engine.close();
  await world.start();
  assert.deepEqual(world.engine.getSnapshot(SNAPSHOT), made);
  await world.advance(6 * DAY_MS - 1_000);
  assert.equal(world.engine.getSnapshot(SNAPSHOT).name, SNAPSHOT);
  await world.advance(2_000);
  assert.throws(() => world.engine.getSnapshot(SNAPSHOT), { code: "NOT_FOUND" });
});

test("a snapshot that would live less than an hour is refused", async () => {
  const world = await TestWorld.open();
  await world.publish("old");
  await world.advance(7 * DAY_MS - 50 * MINUTE_MS);
  await assert.rejects(world.engine.createSnapshot({ name: SNAPSHOT, labels: {} }, SUBSCRIPTION), {
    code: "FAILED_PRECONDITION",
  });
  await ackAll(world);
  await world.engine.createSnapshot({ name: SNAPSHOT, labels: {} }, SUBSCRIPTION);
});

test("a snapshot outlives its subscription, is listed by topic, and ends with a deletion", async () => {
  const world = await TestWorld.open();
  await world.engine.createSnapshot({ name: SNAPSHOT, labels: {} }, SUBSCRIPTION);
  await assert.rejects(world.engine.createSnapshot({ name: SNAPSHOT, labels: {} }, SUBSCRIPTION), {
    code: "ALREADY_EXISTS",
  });
  await world.engine.deleteSubscription(SUBSCRIPTION);
  const slice = { after: undefined, limit: 10 };
  assert.deepEqual(world.engine.listTopicSnapshots(TOPIC, slice), [SNAPSHOT]);
  assert.equal(world.engine.listSnapshots("projects/p", slice).length, 1);
  const changed = await world.engine.updateSnapshot(SNAPSHOT, (present) => ({ ...present, labels: { c: "d" } }));
  assert.deepEqual(changed.labels, { c: "d" });
  await world.engine.deleteTopic(TOPIC);
  assert.equal(world.engine.getSnapshot(SNAPSHOT).hasTopic, false);
  await world.start();
  assert.equal(world.engine.getSnapshot(SNAPSHOT).hasTopic, false);
  await world.engine.deleteSnapshot(SNAPSHOT);
  await assert.rejects(world.engine.deleteSnapshot(SNAPSHOT), { code: "NOT_FOUND" });
  const logs: unknown[] = [];
  for await (const log of world.storage.logs("snapshot")) logs.push(log);
  assert.deepEqual(logs, []);
});

test("a snapshot keeps what all subscriptions have acked", async () => {
  const world = await TestWorld.open();
  await world.publish("kept");
  await world.engine.createSnapshot({ name: SNAPSHOT, labels: {} }, SUBSCRIPTION);
  await ackAll(world);
  await world.advance(10 * MINUTE_MS);
  await world.start();
  await world.advance(10 * MINUTE_MS);
  await world.engine.createSubscription(subscriptionSettings({ name: OTHER }));
  await world.engine.seek(OTHER, { kind: "snapshot", name: SNAPSHOT });
  assert.deepEqual(await pulled(world, OTHER), ["kept"]);
});

test("a detached subscription and one without its topic have nothing to seek in", async () => {
  const world = await TestWorld.open();
  await world.engine.createSubscription(subscriptionSettings({ name: OTHER }));
  await world.engine.detachSubscription(OTHER);
  await assert.rejects(seekToTime(world, 0, OTHER), { code: "FAILED_PRECONDITION" });
  await assert.rejects(world.engine.createSnapshot({ name: SNAPSHOT, labels: {} }, OTHER), {
    code: "FAILED_PRECONDITION",
  });
  await world.engine.deleteTopic(TOPIC);
  await assert.rejects(seekToTime(world, 0), { code: "FAILED_PRECONDITION" });
});

test("a puller that stays open is given what a seek brings back", async () => {
  const world = await TestWorld.open();
  await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({ ...present, retainAckedMessages: true }));
  const atMs = await publishAt(world, "one");
  const puller = world.pull(new RecordingPuller(), { maxOutstandingMessages: 1 });
  await world.settle();
  await seekToTime(world, atMs);
  await world.settle();
  assert.deepEqual(puller.texts(), ["one", "one"]);
});
