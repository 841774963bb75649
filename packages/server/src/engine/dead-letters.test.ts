import assert from "node:assert/strict";
import { test } from "node:test";
import { StorageError, type Write } from "@peal/store";
import {
  RecordingPuller,
  SUBSCRIPTION,
  subscriptionSettings,
  type TestMessage,
  TestWorld,
  TOPIC,
} from "./engine.test.support.js";
import { batchOfMessages, type ReadBack, readBack } from "./pubsub-message.test.support.js";
import type { SubscriptionSettings } from "./settings.js";

const DEAD = "projects/p/topics/dead";
const DEAD_SUBSCRIPTION = "projects/p/subscriptions/dead-sub";
const ATTEMPTS = 2;

async function deadWorld(change: Partial<SubscriptionSettings> = {}, topic = DEAD): Promise<TestWorld> {
  const world = await TestWorld.open();
  await world.engine.createTopic({ name: DEAD, labels: {} });
  await world.engine.createSubscription(subscriptionSettings({ name: DEAD_SUBSCRIPTION, topic: DEAD }));
  await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({
    ...present,
    deadLetterPolicy: { topic, maxDeliveryAttempts: ATTEMPTS },
    ...change,
  }));
  return world;
}

function publish(world: TestWorld, ...messages: TestMessage[]): Promise<number> {
  return world.engine.publish(TOPIC, batchOfMessages(messages));
}

/** Takes what there is and nacks it, `times` over; answers the attempts that were told. */
async function fail(world: TestWorld, times: number, subscription = SUBSCRIPTION): Promise<number[]> {
  const puller = new RecordingPuller(1_000, false);
  world.pull(puller, {}, subscription);
  await world.settle();
  for (let time = 0; time < times; time += 1) {
    if (time > 0) puller.ready();
    await world.settle();
    const ackIds = puller.ackIds();
    puller.received.length = 0;
    await world.engine.modifyAckDeadline(subscription, ackIds, 0);
    await world.settle();
  }
  puller.puller!.close();
  return puller.batches.flatMap((batch) =>
    batch.runs.flatMap((run) => Array.from({ length: run.count }, () => run.deliveryAttempt)),
  );
}

/** What can be had of a subscription now; it stays leased. */
async function read(world: TestWorld, subscription: string): Promise<ReadBack[]> {
  const puller = new RecordingPuller();
  world.pull(puller, {}, subscription);
  await world.settle();
  const messages = puller.batches.flatMap((batch) =>
    batch.runs.flatMap((run) =>
      Array.from({ length: run.count }, (_, index) => {
        const at = run.offset(index);
        return readBack(run.bytes.subarray(at, at + run.length(index)));
      }),
    ),
  );
  puller.puller!.close();
  return messages;
}

function metricsOf(world: TestWorld, name: string): { readonly backlog: number; readonly deadLettered: number } {
  return [...world.engine.subscriptionMetrics()].find((metrics) => metrics.name === name)!;
}

function isForward(writes: readonly Write[]): boolean {
  return writes.some((write) => write.kind === "append") && writes.some((write) => write.kind === "appendIf");
}

test("a message whose attempts are used up goes to the dead-letter topic in one commit with its ack", async () => {
  const world = await deadWorld();
  const firstId = await publish(world, { data: "one", attributes: { a: "1" }, orderingKey: "k" });
  const publishedAtMs = world.clock.wallMs();
  assert.deepEqual(await fail(world, ATTEMPTS), [1, 2]);
  const forwards = world.storage.commits.filter(isForward);
  assert.equal(forwards.length, 1);
  const [forwarded, ...others] = await read(world, DEAD_SUBSCRIPTION);
  assert.deepEqual(others, []);
  assert.deepEqual(forwarded, {
    data: "one",
    orderingKey: "k",
    unknown: [],
    attributes: {
      a: "1",
      CloudPubSubDeadLetterSourceDeliveryCount: "2",
      CloudPubSubDeadLetterSourceSubscription: "s",
      CloudPubSubDeadLetterSourceSubscriptionProject: "p",
      CloudPubSubDeadLetterSourceTopicPublishTime: new Date(publishedAtMs).toISOString().replace("Z", "+00:00"),
    },
  });
  assert.deepEqual(await read(world, SUBSCRIPTION), []);
  assert.deepEqual([metricsOf(world, SUBSCRIPTION).backlog, metricsOf(world, SUBSCRIPTION).deadLettered], [0, 1]);
  const next = await world.engine.publish(DEAD, batchOfMessages([{ data: "after" }]));
  assert.ok(next > firstId + 1, "the dead letter has an id of its own");
});

test("a crash before the commit of a dead letter forwards it once, one after it no more", async () => {
  for (const isWritten of [false, true]) {
    const world = await deadWorld();
    await publish(world, { data: "one" });
    await fail(world, ATTEMPTS - 1);
    world.storage.beforeCommit = (writes) => {
      if (isForward(writes) && !isWritten) return new Promise<void>(() => undefined);
      return undefined;
    };
    const puller = world.pull(new RecordingPuller());
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    // Its answer may never come.
    void world.engine.modifyAckDeadline(SUBSCRIPTION, puller.ackIds(), 0);
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    world.storage.beforeCommit = () => undefined;
    await world.start();
    // Whether the last failure was written before the crash or comes again: it goes with that.
    const attempts = await fail(world, 1);
    assert.equal(attempts.length, isWritten ? 0 : 1);
    assert.deepEqual(
      (await read(world, DEAD_SUBSCRIPTION)).map((message) => message.data),
      ["one"],
    );
    await world.start();
    assert.equal((await read(world, DEAD_SUBSCRIPTION)).length, 1);
    assert.deepEqual(await read(world, SUBSCRIPTION), []);
  }
});

test("without its dead-letter topic a message is delivered again, attempts rise, and it goes when there is one", async () => {
  const missing = "projects/p/topics/missing";
  const world = await deadWorld({}, missing);
  await publish(world, { data: "one" });
  await fail(world, ATTEMPTS);
  const puller = new RecordingPuller(1_000, false);
  world.pull(puller);
  // Delivered after its delay, and expired.
  await world.advance(60_000);
  assert.deepEqual(
    puller.batches.map((batch) => batch.runs[0]?.deliveryAttempt),
    [ATTEMPTS + 1],
  );
  await world.engine.createTopic({ name: missing, labels: {} });
  const name = "projects/p/subscriptions/found";
  await world.engine.createSubscription(subscriptionSettings({ name, topic: missing }));
  await world.advance(60_000);
  puller.ready();
  await world.settle();
  await world.engine.modifyAckDeadline(SUBSCRIPTION, [puller.ackIds().at(-1)!], 0);
  await world.settle();
  const [forwarded] = await read(world, name);
  assert.equal(forwarded?.attributes["CloudPubSubDeadLetterSourceDeliveryCount"], String(ATTEMPTS + 2));
  assert.equal(metricsOf(world, SUBSCRIPTION).backlog, 0);
});

test("dead letters that find no space stay where they are, and go when there is some", async () => {
  const world = await deadWorld();
  await publish(world, { data: "one" }, { data: "two" });
  world.storage.beforeCommit = (writes) => {
    if (isForward(writes)) throw new StorageError("Full", "planted");
  };
  await fail(world, ATTEMPTS);
  assert.equal(metricsOf(world, SUBSCRIPTION).backlog, 2);
  assert.equal(metricsOf(world, DEAD_SUBSCRIPTION).backlog, 0);
  world.storage.beforeCommit = () => undefined;
  await world.advance(120_000);
  await fail(world, 1);
  assert.equal(metricsOf(world, DEAD_SUBSCRIPTION).backlog, 2);
  assert.equal(metricsOf(world, SUBSCRIPTION).backlog, 0);
});

test("a topic that is being deleted takes no dead letters", async () => {
  const world = await deadWorld();
  await publish(world, { data: "one" });
  await fail(world, ATTEMPTS - 1);
  let release = (): void => undefined;
  world.storage.beforeCommit = (writes) =>
    writes.some((write) => write.kind === "put" && write.value === null)
      ? new Promise<void>((resolve) => {
          release = resolve;
        })
      : undefined;
  const puller = world.pull(new RecordingPuller());
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  const deleted = world.engine.deleteTopic(DEAD);
  await world.engine.modifyAckDeadline(SUBSCRIPTION, puller.ackIds(), 0);
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  release();
  await deleted;
  await world.settle();
  assert.equal(metricsOf(world, DEAD_SUBSCRIPTION).backlog, 0);
  assert.equal(metricsOf(world, SUBSCRIPTION).backlog, 1);
});

test("a topic that dead-letters into itself brings its message back as a new one", async () => {
  const world = await deadWorld({}, TOPIC);
  await publish(world, { data: "one" });
  await fail(world, ATTEMPTS);
  const [again, ...others] = await read(world, SUBSCRIPTION);
  assert.deepEqual([again?.data, others.length], ["one", 0]);
  assert.equal(metricsOf(world, SUBSCRIPTION).backlog, 1);
});

test("two subscriptions that dead-letter into each other's topic pass a message around", async () => {
  const world = await deadWorld();
  await world.engine.updateSubscription(DEAD_SUBSCRIPTION, (present) => ({
    ...present,
    deadLetterPolicy: { topic: TOPIC, maxDeliveryAttempts: ATTEMPTS },
  }));
  await publish(world, { data: "one" });
  await fail(world, ATTEMPTS);
  await fail(world, ATTEMPTS, DEAD_SUBSCRIPTION);
  const [back] = await read(world, SUBSCRIPTION);
  assert.equal(back?.attributes["CloudPubSubDeadLetterSourceSubscription"], "dead-sub");
  assert.equal(metricsOf(world, DEAD_SUBSCRIPTION).backlog, 0);
});

test("many dead letters go in blocks of about a mebibyte, and a filter of the target sees their attributes", async () => {
  const world = await deadWorld();
  const name = "projects/p/subscriptions/filtered";
  const filter = 'attributes.CloudPubSubDeadLetterSourceSubscription = "s" AND attributes.n = "3"';
  await world.engine.createSubscription(subscriptionSettings({ name, topic: DEAD, filter }));
  const data = "x".repeat(400_000);
  await publish(world, ...Array.from({ length: 6 }, (_, index) => ({ data, attributes: { n: String(index) } })));
  for (let time = 0; time < ATTEMPTS; time += 1) {
    const puller = new RecordingPuller(1_000, false);
    world.pull(puller);
    await world.settle();
    // A batch takes about a mebibyte.
    while (puller.received.length < 6) {
      puller.ready();
      await world.settle();
    }
    await world.engine.modifyAckDeadline(SUBSCRIPTION, puller.ackIds(), 0);
    puller.puller!.close();
  }
  await world.settle();
  assert.equal(metricsOf(world, DEAD_SUBSCRIPTION).backlog, 6);
  for (const writes of world.storage.commits.filter(isForward)) {
    const block = writes.find((write) => write.kind === "append")!;
    assert.ok(block.data.byteLength < 1.1 * 1024 * 1024, `${block.data.byteLength} bytes`);
  }
  const matching = await read(world, name);
  assert.deepEqual(
    matching.map((message) => message.attributes["n"]),
    ["3"],
  );
});

test("an ack that comes before the commit keeps its message from being forwarded", async () => {
  const world = await deadWorld();
  await publish(world, { data: "one" });
  await fail(world, ATTEMPTS - 1);
  const puller = world.pull(new RecordingPuller());
  await world.settle();
  const ackIds = puller.ackIds();
  const nacked = world.engine.modifyAckDeadline(SUBSCRIPTION, ackIds, 0);
  const acked = world.engine.acknowledge(SUBSCRIPTION, ackIds);
  await Promise.all([nacked, acked]);
  await world.settle();
  assert.equal(metricsOf(world, SUBSCRIPTION).backlog, 0);
  assert.equal(metricsOf(world, DEAD_SUBSCRIPTION).backlog, 0);
});

test("an operator is told once that a dead-letter topic is missing", async () => {
  const warnings: string[] = [];
  const ignore = (): void => undefined;
  const log = { info: ignore, error: ignore, warn: (_fields: object, message: string) => warnings.push(message) };
  const world = await TestWorld.open({ log });
  const deadLetterPolicy = { topic: "projects/p/topics/missing", maxDeliveryAttempts: 1 };
  await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({ ...present, deadLetterPolicy }));
  await publish(world, { data: "one" }, { data: "two" });
  const puller = world.pull(new RecordingPuller());
  await world.advance(120_000);
  assert.ok(puller.batches.length > 2, "they come again and again");
  assert.equal(warnings.filter((message) => message.includes("dead-letter topic")).length, 1);
});
