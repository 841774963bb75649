import assert from "node:assert/strict";
import { test } from "node:test";
import { StorageError, type Write } from "@peal/store";
import { RecordingPuller, SUBSCRIPTION, TestWorld, TOPIC } from "./engine.test.support.js";

function refuse(code: "Full" | "Unknown", isMeant: (write: Write) => boolean): (writes: readonly Write[]) => void {
  return (writes) => {
    if (writes.some(isMeant)) throw new StorageError(code, "planted");
  };
}

test("with no space left publishes are refused, and taken again when there is some", async () => {
  const world = await TestWorld.open();
  const puller = world.pull();
  await world.publish("before");
  world.storage.beforeCommit = refuse("Full", (write) => write.kind === "append");
  await assert.rejects(world.publish("refused"), { code: "RESOURCE_EXHAUSTED" });
  await world.engine.acknowledge(SUBSCRIPTION, puller.ackIds());
  world.storage.beforeCommit = () => undefined;
  await world.publish("after");
  await world.settle();
  assert.deepEqual(puller.texts(), ["before", "after"]);
  assert.deepEqual(world.failures, []);
});

test("an ack that finds no space is refused, written when there is some, and holds then", async () => {
  const world = await TestWorld.open();
  await world.publish("one", "two");
  const puller = world.pull();
  await world.settle();
  world.storage.beforeCommit = refuse("Full", (write) => write.kind === "appendIf");
  const [one, two] = puller.ackIds();
  await assert.rejects(world.engine.acknowledge(SUBSCRIPTION, [one!]), { code: "RESOURCE_EXHAUSTED" });
  const later = world.engine.acknowledge(SUBSCRIPTION, [two!]);
  world.storage.beforeCommit = () => undefined;
  await world.advance(1_001);
  await later;
  await world.start();
  const after = world.pull();
  await world.settle();
  assert.deepEqual(after.texts(), []);
});

test("an admin change that finds no space is refused and leaves nothing", async () => {
  const world = await TestWorld.open();
  world.storage.beforeCommit = refuse("Full", (write) => write.kind === "put");
  const topic = { name: "projects/p/topics/new", labels: {} };
  await assert.rejects(world.engine.createTopic(topic), { code: "RESOURCE_EXHAUSTED" });
  world.storage.beforeCommit = () => undefined;
  await world.engine.createTopic(topic);
});

test("a failed delete leaves the topic, and publishes that waited for it land", async () => {
  const world = await TestWorld.open();
  const puller = world.pull();
  world.storage.beforeCommit = async (writes) => {
    await new Promise(setImmediate);
    refuse("Full", (write) => write.kind === "put")(writes);
  };
  const deleted = world.engine.deleteTopic("projects/p/topics/t");
  await Promise.resolve();
  const published = world.publish("landed");
  await assert.rejects(deleted, { code: "RESOURCE_EXHAUSTED" });
  await published;
  await world.settle();
  assert.deepEqual(puller.texts(), ["landed"]);
});

test("after a commit whose outcome nobody knows the engine takes no more work and says so once", async () => {
  const world = await TestWorld.open();
  const puller = world.pull();
  await world.publish("before");
  world.storage.beforeCommit = refuse("Unknown", () => true);
  await assert.rejects(world.publish("unknown"), { code: "UNAVAILABLE" });
  world.storage.beforeCommit = () => undefined;
  await assert.rejects(world.publish("late"), { code: "UNAVAILABLE" });
  await assert.rejects(world.engine.acknowledge(SUBSCRIPTION, puller.ackIds()), { code: "UNAVAILABLE" });
  assert.equal(world.failures.length, 1);
  assert.equal(world.engine.stats().isStopped, true);
  await world.engine.close();
  assert.deepEqual(puller.texts(), ["before"]);
});

test("an ack whose record may or may not be written is not confirmed", async () => {
  const world = await TestWorld.open();
  await world.publish("one");
  const puller = world.pull();
  await world.settle();
  world.storage.beforeCommit = refuse("Unknown", (write) => write.kind === "appendIf");
  await assert.rejects(world.engine.acknowledge(SUBSCRIPTION, puller.ackIds()), { code: "UNAVAILABLE" });
  assert.equal(world.failures.length, 1);
});

test("a second ack of a message is not confirmed before the first is durable", async () => {
  const world = await TestWorld.open();
  await world.publish("one");
  const puller = world.pull();
  await world.settle();
  let release = (): void => undefined;
  world.storage.beforeCommit = () =>
    new Promise<void>((resolve) => {
      release = resolve;
    });
  const confirmed: string[] = [];
  const first = world.engine.acknowledge(SUBSCRIPTION, puller.ackIds()).then(() => confirmed.push("first"));
  await new Promise(setImmediate);
  const second = world.engine.acknowledge(SUBSCRIPTION, puller.ackIds()).then(() => confirmed.push("second"));
  await new Promise(setImmediate);
  assert.deepEqual(confirmed, []);
  world.storage.beforeCommit = () => undefined;
  release();
  await Promise.all([first, second]);
  assert.equal(confirmed.length, 2);
});

test("acks of one turn go into one record", async () => {
  const world = await TestWorld.open();
  await world.publish(..."abcdefghij");
  const puller = world.pull();
  await world.settle();
  const before = world.storage.commits.length;
  await Promise.all(puller.ackIds().map((ackId) => world.engine.acknowledge(SUBSCRIPTION, [ackId])));
  assert.equal(world.storage.commits.length, before + 1);
});

test("a Checkpoint replaces the Steps once they weigh more, and a restart finds the same", async () => {
  const world = await TestWorld.open({ limits: { checkpointBytes: 200 } });
  const puller = world.pull();
  for (let index = 0; index < 120; index += 1) {
    await world.publish(`${index}`);
    if (index % 2 === 0) await world.engine.acknowledge(SUBSCRIPTION, [puller.ackIds()[index]!]);
  }
  const replaced = world.storage.commits.flat().filter((write) => write.kind === "appendIf" && write.replace);
  assert.ok(replaced.length > 2 && replaced.length < 60, `${replaced.length} Checkpoints`);
  await world.start();
  const after = world.pull();
  await world.settle();
  assert.deepEqual(
    after.texts(),
    Array.from({ length: 60 }, (_, index) => `${2 * index + 1}`),
  );
});

test("a draining engine takes no work, ends its pullers and confirms what it has", async () => {
  const world = await TestWorld.open();
  await world.publish("one");
  const puller = world.pull(new RecordingPuller());
  await world.settle();
  const published = world.publish("two");
  const acked = world.engine.acknowledge(SUBSCRIPTION, puller.ackIds());
  await world.engine.drain();
  assert.equal(puller.error?.code, "UNAVAILABLE");
  await Promise.all([published, acked]);
  await assert.rejects(world.publish("late"), { code: "UNAVAILABLE" });
  assert.throws(() => world.pull(), { code: "UNAVAILABLE" });
  await world.engine.acknowledge(SUBSCRIPTION, puller.ackIds());
  await world.engine.close();
  await assert.rejects(world.engine.acknowledge(SUBSCRIPTION, []), { code: "UNAVAILABLE" });
});

test("a subscription that is not used leaves memory and goes on where it was", async () => {
  const world = await TestWorld.open();
  await world.publish("one", "two");
  const puller = world.pull();
  await world.settle();
  await world.engine.acknowledge(SUBSCRIPTION, [puller.ackIds()[1]!]);
  puller.puller!.close();
  await world.advance(60_000);
  const [metrics] = [...world.engine.subscriptionMetrics()];
  assert.deepEqual([metrics!.backlog, metrics!.acked, metrics!.delivered], [1, 1, 2]);
  await world.publish("three");
  assert.equal([...world.engine.subscriptionMetrics()][0]!.backlog, 2);
  const reads = world.storage.reads;
  const again = world.pull();
  await world.settle();
  assert.ok(world.storage.reads > reads, "it was read again");
  assert.deepEqual(again.texts(), ["one", "three"]);
});

test("an ack id from before a subscription left memory acks no later delivery's lease but its message", async () => {
  const world = await TestWorld.open();
  await world.publish("one");
  const first = world.pull();
  await world.settle();
  first.puller!.close();
  await world.advance(60_000);
  const second = world.pull();
  await world.settle();
  assert.notEqual(second.ackIds()[0], first.ackIds()[0]);
  await world.engine.acknowledge(SUBSCRIPTION, first.ackIds());
  await world.advance(20_000);
  assert.deepEqual(second.texts(), ["one"]);
});

test("a name that the store could not use as a key is a name like any other", async () => {
  const world = await TestWorld.open();
  const names = [
    `projects/${"x".repeat(2_000)}/topics/long`,
    "projects/ключ/topics/other",
    "projects/\ud800/topics/broken",
  ];
  for (const name of names) await world.engine.createTopic({ name, labels: {} });
  await world.start();
  for (const name of names) assert.equal(world.engine.getTopic(name).name, name);
  assert.deepEqual(world.failures, []);
});

test("a change that breaks a limit of the store is refused and stops nothing", async () => {
  const world = await TestWorld.open();
  const labels = { huge: "x".repeat(2 * 1024 * 1024) };
  await assert.rejects(
    world.engine.updateTopic(TOPIC, (present) => ({ ...present, labels })),
    { code: "INTERNAL" },
  );
  await world.publish("goes on");
  assert.deepEqual(world.failures, []);
});

test("the age of a backlog is known at once in memory, and the next time where it is on disk", async () => {
  const world = await TestWorld.open({ limits: { tailCacheBytes: 200 } });
  const age = (): number | undefined => [...world.engine.subscriptionMetrics()][0]!.oldestUnackedAtMs;
  assert.equal(age(), undefined);
  const beganAtMs = world.clock.wallMs();
  await world.publish("one");
  assert.equal(age(), beganAtMs);
  await world.advance(5_000);
  for (const text of ["two", "three", "four"]) await world.publish(text);
  assert.equal(age(), undefined);
  await world.settle();
  assert.equal(age(), beganAtMs);
});
