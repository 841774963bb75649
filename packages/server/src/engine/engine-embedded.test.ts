import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type EmbeddedStorage, openEmbeddedStorage } from "@peal/store";
import { Engine } from "./engine.js";
import { batchOf, RecordingPuller, SUBSCRIPTION, subscriptionSettings, TOPIC } from "./engine.test.support.js";
import { batchOfMessages, readBack } from "./pubsub-message.test.support.js";
import { SystemClock } from "./system-clock.js";

interface Server {
  readonly storage: EmbeddedStorage;
  readonly engine: Engine;
}

async function start(directory: string): Promise<Server> {
  const storage = await openEmbeddedStorage({ directory, segmentBytes: 1024 * 1024, reserveBytes: 0 });
  const engine = await Engine.open({
    storage,
    clock: new SystemClock(),
    random: Math.random,
    identity: storage.identity,
    startNumber: storage.startNumber,
    limits: { tailCacheBytes: 4_096 },
    onFatal: assert.fail,
  });
  return { storage, engine };
}

/** Pulls until `count` messages have come; a bound against hanging is the test's. */
async function pullAll(engine: Engine, count: number, name = SUBSCRIPTION): Promise<RecordingPuller> {
  const options = {
    maxOutstandingMessages: Number.POSITIVE_INFINITY,
    maxOutstandingBytes: Number.POSITIVE_INFINITY,
    leaseMs: undefined,
    isOnce: false,
    isPush: false,
    clientId: "",
  };
  const puller = new RecordingPuller();
  puller.puller = engine.openPuller(name, options, puller);
  puller.ready();
  while (puller.received.length < count) await new Promise(setImmediate);
  return puller;
}

test("everything is as it was after a clean stop and a start on the same directory", { timeout: 60_000 }, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "peal-engine-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const first = await start(directory);
  await first.engine.createTopic({ name: TOPIC, labels: { a: "b" } });
  await first.engine.createSubscription(subscriptionSettings());
  const texts = Array.from({ length: 500 }, (_, index) => `message ${index}`);
  for (let at = 0; at < texts.length; at += 10) {
    await Promise.all(texts.slice(at, at + 10).map((text) => first.engine.publish(TOPIC, batchOf([text]))));
  }
  const before = await pullAll(first.engine, 500);
  assert.deepEqual([...before.texts()].sort(), [...texts].sort());
  await first.engine.acknowledge(SUBSCRIPTION, before.ackIds().slice(0, 200));
  await first.engine.close();
  await first.storage.close();

  const second = await start(directory);
  assert.deepEqual(second.engine.getTopic(TOPIC), { name: TOPIC, labels: { a: "b" } });
  // The other 300 are leased still, and their ack ids ack and nack.
  await second.engine.acknowledge(SUBSCRIPTION, before.ackIds().slice(200, 400));
  await second.engine.modifyAckDeadline(SUBSCRIPTION, before.ackIds().slice(400, 500), 0);
  const after = await pullAll(second.engine, 100);
  assert.deepEqual(after.texts(), before.texts().slice(400, 500));
  assert.deepEqual(
    after.received.map((message) => message.messageId),
    before.received.slice(400, 500).map((message) => message.messageId),
  );
  await second.engine.close();
  await second.storage.close();
});

test("dead letters and publishes to their topic come in the log's order, all of them, once", {
  timeout: 60_000,
}, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "peal-engine-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const { storage, engine } = await start(directory);
  const dead = "projects/p/topics/dead";
  await engine.createTopic({ name: TOPIC, labels: {} });
  await engine.createTopic({ name: dead, labels: {} });
  const deadLetterPolicy = { topic: dead, maxDeliveryAttempts: 1 };
  await engine.createSubscription(subscriptionSettings({ name: "projects/p/subscriptions/dying", deadLetterPolicy }));
  await engine.createSubscription(subscriptionSettings({ topic: dead }));
  const target = pullAll(engine, 600);
  const sent = Array.from({ length: 300 }, (_, index) => ({ data: `dying ${index}` }));
  await engine.publish(TOPIC, batchOfMessages(sent));
  const dying = await pullAll(engine, 300, "projects/p/subscriptions/dying");
  const published: Promise<number>[] = [];
  const nacked: Promise<unknown>[] = [];
  for (let at = 0; at < 300; at += 10) {
    published.push(
      engine.publish(dead, batchOfMessages(Array.from({ length: 10 }, (_, index) => ({ data: `own ${at + index}` })))),
    );
    nacked.push(engine.modifyAckDeadline("projects/p/subscriptions/dying", dying.ackIds().slice(at, at + 10), 0));
    await new Promise(setImmediate);
  }
  await Promise.all([...published, ...nacked]);
  const { batches } = await target;
  const received = batches.flatMap((batch) =>
    batch.runs.flatMap((run) =>
      Array.from({ length: run.count }, (_, index) => ({
        id: run.firstMessageId + index,
        data: readBack(run.bytes.subarray(run.offset(index), run.offset(index) + run.length(index))).data,
      })),
    ),
  );
  const own = Array.from({ length: 300 }, (_, index) => `own ${index}`);
  assert.deepEqual(received.map(({ data }) => data).sort(), [...sent.map(({ data }) => data), ...own].sort());
  assert.ok(
    received.every(({ id }, index) => index === 0 || id > received[index - 1]!.id),
    "ids rise with the log",
  );
  await engine.close();
  await storage.close();
});
