import assert from "node:assert/strict";
import { test } from "node:test";
import { StorageError } from "@peal/store";
import { RecordingPuller, SUBSCRIPTION, subscriptionSettings, TestWorld, TOPIC } from "./engine.test.support.js";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const SNAPSHOT = "projects/p/snapshots/n";
const OTHER = "projects/p/subscriptions/other";
const ALL = { after: undefined, limit: 100 };

function snapshot(world: TestWorld, name = SNAPSHOT, subscription = SUBSCRIPTION): Promise<unknown> {
  return world.engine.createSnapshot({ name, labels: {} }, subscription);
}

async function logCount(world: TestWorld, kind: "topic" | "snapshot"): Promise<number> {
  let count = 0;
  for await (const _ of world.storage.logs(kind)) count += 1;
  return count;
}

/** Where the topic's log begins. */
async function headOfLog(world: TestWorld): Promise<number> {
  for await (const log of world.storage.logs("topic")) return world.storage.head(log);
  return 0;
}

async function received(world: TestWorld, subscription = SUBSCRIPTION): Promise<readonly string[]> {
  const puller = world.pull(undefined, {}, subscription);
  await world.settle();
  puller.puller!.close();
  return puller.texts();
}

async function ackAll(world: TestWorld, subscription = SUBSCRIPTION): Promise<void> {
  const puller = world.pull(undefined, {}, subscription);
  await world.settle();
  await world.engine.acknowledge(subscription, puller.ackIds());
  puller.puller!.close();
}

test("a snapshot is there with what it was given, also after a restart, until it is deleted", async () => {
  const world = await TestWorld.open();
  const given = { name: SNAPSHOT, labels: { a: "b" } };
  const expected = { ...given, topic: TOPIC, hasTopic: true, expireAtMs: world.clock.wallMs() + 7 * DAY_MS };
  assert.deepEqual(await world.engine.createSnapshot(given, SUBSCRIPTION), expected);
  await assert.rejects(snapshot(world), {
    code: "ALREADY_EXISTS",
    message: "Resource already exists in the project (resource=n).",
  });
  await world.engine.updateSnapshot(SNAPSHOT, (present) => ({ ...present, labels: { c: "d" } }));
  await world.start();
  assert.deepEqual(world.engine.getSnapshot(SNAPSHOT), { ...expected, labels: { c: "d" } });
  assert.deepEqual(world.engine.listTopicSnapshots(TOPIC, ALL), [SNAPSHOT]);
  await world.engine.deleteSnapshot(SNAPSHOT);
  const isGone = { code: "NOT_FOUND", message: "Resource not found (resource=n)." };
  assert.throws(() => world.engine.getSnapshot(SNAPSHOT), isGone);
  await assert.rejects(world.engine.deleteSnapshot(SNAPSHOT), isGone);
  await assert.rejects(
    world.engine.updateSnapshot(SNAPSHOT, (present) => present),
    isGone,
  );
  await world.start();
  assert.deepEqual(world.engine.listSnapshots("projects/p", ALL), []);
  assert.equal(await logCount(world, "snapshot"), 0);
});

test("snapshots are listed by name, by project, and go on behind any name", async () => {
  const world = await TestWorld.open();
  for (const name of ["projects/p/snapshots/b", "projects/q/snapshots/c", "projects/p/snapshots/a"]) {
    await snapshot(world, name);
  }
  const names = (after: string | undefined, limit: number): string[] =>
    world.engine.listSnapshots("projects/p", { after, limit }).map(({ name }) => name);
  assert.deepEqual(names(undefined, 1), ["projects/p/snapshots/a"]);
  assert.deepEqual(names("projects/p/snapshots/a", 9), ["projects/p/snapshots/b"]);
  assert.equal(world.engine.listTopicSnapshots(TOPIC, ALL).length, 3);
  assert.deepEqual(world.engine.listTopicSnapshots(TOPIC, { after: "projects/p/snapshots/b", limit: 9 }), [
    "projects/q/snapshots/c",
  ]);
  assert.throws(() => world.engine.listTopicSnapshots("projects/p/topics/none", ALL), { code: "NOT_FOUND" });
});

test("a snapshot lives 7 days less the age of the oldest message that is not acked, and an hour at least", async () => {
  const world = await TestWorld.open({ limits: { tailCacheBytes: 0 } });
  await world.publish("acked");
  await ackAll(world);
  await world.advance(HOUR_MS);
  await world.publish("old");
  await world.advance(2 * DAY_MS);
  await world.publish("young");
  await snapshot(world);
  assert.equal(world.engine.getSnapshot(SNAPSHOT).expireAtMs, world.clock.wallMs() + 5 * DAY_MS);
  await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({
    ...present,
    messageRetention: { seconds: 31 * 86_400, nanos: 0 },
  }));
  await world.advance(5 * DAY_MS - HOUR_MS);
  await snapshot(world, "projects/p/snapshots/hour");
  await world.advance(1);
  await assert.rejects(snapshot(world, "projects/p/snapshots/late"), {
    code: "FAILED_PRECONDITION",
    message: /would expire in 59 minutes, and the minimum is 60/,
  });
  assert.throws(() => world.engine.getSnapshot("projects/p/snapshots/late"), { code: "NOT_FOUND" });
  assert.equal(await logCount(world, "snapshot"), 2);
});

test("what a filter keeps out does not shorten the life of a snapshot", async () => {
  const world = await TestWorld.open();
  const filter = 'hasPrefix(attributes.a, "b")';
  await world.engine.createSubscription(subscriptionSettings({ name: OTHER, filter }));
  await world.publish("one", "two");
  await world.advance(6 * DAY_MS + 23.5 * HOUR_MS);
  await assert.rejects(snapshot(world), { code: "FAILED_PRECONDITION" });
  await world.start();
  await snapshot(world, SNAPSHOT, OTHER);
  assert.equal(world.engine.getSnapshot(SNAPSHOT).expireAtMs, world.clock.wallMs() + 7 * DAY_MS);
  assert.equal([...world.engine.snapshotMetrics()][0]!.messageCount, 0);
});

test("a snapshot is deleted when it is over, also where that was while the server was down", async () => {
  const world = await TestWorld.open();
  await snapshot(world);
  await world.advance(DAY_MS);
  await snapshot(world, "projects/p/snapshots/later");
  await world.advance(6 * DAY_MS - 1);
  assert.equal(world.engine.getSnapshot(SNAPSHOT).name, SNAPSHOT);
  await world.advance(1);
  assert.throws(() => world.engine.getSnapshot(SNAPSHOT), { code: "NOT_FOUND" });
  await world.engine.close();
  await world.clock.advance(2 * DAY_MS, async () => undefined);
  await world.start();
  await world.advance(1);
  assert.deepEqual(world.engine.listSnapshots("projects/p", ALL), []);
  assert.equal(await logCount(world, "snapshot"), 0);
});

test("no snapshot is deleted while the wall clock is not to be trusted", async () => {
  const world = await TestWorld.open();
  await snapshot(world);
  await world.advance(1_000);
  world.clock.jumpWall(30 * DAY_MS);
  await world.advance(HOUR_MS);
  assert.equal(world.engine.getSnapshot(SNAPSHOT).name, SNAPSHOT);
  world.clock.jumpWall(-30 * DAY_MS);
  await world.advance(DAY_MS);
  assert.equal(world.engine.getSnapshot(SNAPSHOT).name, SNAPSHOT);
});

test("a snapshot is made of a subscription that is there, attached, and has its topic", async () => {
  const world = await TestWorld.open();
  await assert.rejects(snapshot(world, SNAPSHOT, OTHER), { code: "NOT_FOUND", message: /resource=other/ });
  await world.engine.createSubscription(subscriptionSettings({ name: OTHER }));
  await world.engine.detachSubscription(OTHER);
  await assert.rejects(snapshot(world, SNAPSHOT, OTHER), { code: "FAILED_PRECONDITION", message: /detached/ });
  await snapshot(world);
  await world.engine.deleteTopic(TOPIC);
  await assert.rejects(snapshot(world, "projects/p/snapshots/late"), {
    code: "FAILED_PRECONDITION",
    message: /topic .* was deleted/,
  });
});

test("a snapshot outlives its subscription and its topic, without which it is listed and holds nothing", async () => {
  const world = await TestWorld.open();
  await world.publish("one");
  await snapshot(world);
  await world.engine.deleteSubscription(SUBSCRIPTION);
  await world.advance(HOUR_MS);
  await world.engine.createSubscription(subscriptionSettings());
  await world.engine.seek(SUBSCRIPTION, { kind: "snapshot", name: SNAPSHOT });
  assert.deepEqual(await received(world), ["one"]);
  await world.engine.deleteSubscription(SUBSCRIPTION);
  await world.engine.deleteTopic(TOPIC);
  assert.equal(await logCount(world, "topic"), 0);
  assert.equal(world.engine.getSnapshot(SNAPSHOT).hasTopic, false);
  await world.engine.createTopic({ name: TOPIC, labels: {} });
  await world.start();
  assert.equal(world.engine.getSnapshot(SNAPSHOT).hasTopic, false);
  assert.deepEqual(world.engine.listTopicSnapshots(TOPIC, ALL), []);
  await world.engine.createSubscription(subscriptionSettings());
  await assert.rejects(world.engine.seek(SUBSCRIPTION, { kind: "snapshot", name: SNAPSHOT }), {
    code: "INVALID_ARGUMENT",
  });
});

test("a topic's log holds what a snapshot needs until it is deleted", async () => {
  const world = await TestWorld.open();
  await world.publish("before");
  await ackAll(world);
  await world.publish("one");
  await snapshot(world);
  await world.publish("two");
  await ackAll(world);
  await world.advance(HOUR_MS);
  await world.start();
  await world.advance(HOUR_MS);
  assert.equal(await headOfLog(world), 2);
  await world.engine.deleteSnapshot(SNAPSHOT);
  await world.advance(HOUR_MS);
  assert.equal(await headOfLog(world), 4);
});

test("a snapshot's figures count what it held and what came since", async () => {
  const world = await TestWorld.open();
  await world.publish("acked");
  await ackAll(world);
  const publishedAtMs = world.clock.wallMs();
  await world.publish("one", "two");
  await world.advance(1_000);
  await snapshot(world);
  await ackAll(world);
  await world.publish("three");
  await world.engine.updateSnapshot(SNAPSHOT, (present) => present);
  const figures = {
    name: SNAPSHOT,
    messageCount: 3,
    oldestAtMs: publishedAtMs,
    expireAtMs: publishedAtMs + 7 * DAY_MS,
  };
  assert.deepEqual([...world.engine.snapshotMetrics()], [{ ...figures, configUpdates: 1 }]);
  await world.start();
  assert.deepEqual([...world.engine.snapshotMetrics()], [{ ...figures, configUpdates: 0 }]);
  assert.equal(world.engine.stats().snapshots, 1);
  await world.engine.deleteTopic(TOPIC);
  assert.equal([...world.engine.snapshotMetrics()][0]!.messageCount, 0);
});

test("an ack that was answered before a snapshot is in it, one that comes later is not", async () => {
  const world = await TestWorld.open();
  await world.publish("one", "two", "three");
  const puller = world.pull(new RecordingPuller());
  await world.settle();
  await world.engine.acknowledge(SUBSCRIPTION, [puller.ackIds()[1]!]);
  const made = snapshot(world);
  const acked = world.engine.acknowledge(SUBSCRIPTION, [puller.ackIds()[2]!]);
  await Promise.all([made, acked]);
  await world.engine.acknowledge(SUBSCRIPTION, puller.ackIds());
  puller.puller!.close();
  await world.engine.seek(SUBSCRIPTION, { kind: "snapshot", name: SNAPSHOT });
  const texts = await received(world);
  assert.equal(texts[0], "one");
  assert.ok(!texts.includes("two"));
});

test("of two snapshots made at once under one name one is there, whole", async () => {
  const world = await TestWorld.open();
  const outcomes = await Promise.allSettled([snapshot(world), snapshot(world)]);
  assert.deepEqual(outcomes.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  assert.equal(await logCount(world, "snapshot"), 1);
  await world.engine.seek(SUBSCRIPTION, { kind: "snapshot", name: SNAPSHOT });
});

test("a snapshot that finds no space leaves nothing, and holds nothing", async () => {
  const world = await TestWorld.open();
  await world.publish("one");
  world.storage.beforeCommit = (writes) => {
    if (writes.some((write) => write.kind === "put")) throw new StorageError("Full", "planted");
  };
  await assert.rejects(snapshot(world), { code: "RESOURCE_EXHAUSTED" });
  world.storage.beforeCommit = () => undefined;
  assert.equal(await logCount(world, "snapshot"), 0);
  await ackAll(world);
  await world.advance(MINUTE_MS);
  assert.equal(await headOfLog(world), 2);
  await snapshot(world);
});

test("the contents of a snapshot that nothing names are dropped at the start", async () => {
  const world = await TestWorld.open();
  const log = { kind: "snapshot", id: "1", part: 0 } as const;
  await world.storage.commit([{ kind: "appendIf", log, previous: 0, data: new Uint8Array(1), timeMs: 0 }]);
  await snapshot(world);
  assert.equal(await logCount(world, "snapshot"), 2);
  await world.start();
  assert.equal(await logCount(world, "snapshot"), 1);
});
