import assert from "node:assert/strict";
import { test } from "node:test";
import { batchOf, SUBSCRIPTION, subscriptionSettings, TestWorld, TOPIC } from "./engine.test.support.js";

const OTHER = "projects/p/subscriptions/other";

test("a topic is there with what it was given, also after a restart, until it is deleted", async () => {
  const world = await TestWorld.open();
  const settings = { name: "projects/p/topics/new", labels: { a: "b" }, messageRetention: { seconds: 600, nanos: 5 } };
  assert.deepEqual(await world.engine.createTopic(settings), settings);
  await assert.rejects(world.engine.createTopic(settings), {
    code: "ALREADY_EXISTS",
    message: "Resource already exists in the project (resource=new).",
  });
  await world.engine.updateTopic(settings.name, (present) => ({ ...present, labels: {} }));
  await world.start();
  assert.deepEqual(world.engine.getTopic(settings.name), { ...settings, labels: {} });
  await world.engine.deleteTopic(settings.name);
  await assert.rejects(world.engine.deleteTopic(settings.name), {
    code: "NOT_FOUND",
    message: "Resource not found (resource=new).",
  });
  await world.start();
  assert.throws(() => world.engine.getTopic(settings.name), { code: "NOT_FOUND" });
});

test("a refused update changes nothing", async () => {
  const world = await TestWorld.open();
  const refuse = (): never => {
    throw new Error("no");
  };
  await assert.rejects(world.engine.updateTopic(TOPIC, refuse), /no/);
  assert.deepEqual(world.engine.getTopic(TOPIC), { name: TOPIC, labels: {} });
});

test("lists are by name, by project, and go on behind any name", async () => {
  const world = await TestWorld.open();
  for (const name of ["projects/p/topics/b", "projects/p/topics/a", "projects/p2/topics/c"]) {
    await world.engine.createTopic({ name, labels: {} });
  }
  const names = (after: string | undefined, limit: number): string[] =>
    world.engine.listTopics("projects/p", { after, limit }).map((topic) => topic.name);
  assert.deepEqual(names(undefined, 10), ["projects/p/topics/a", "projects/p/topics/b", TOPIC]);
  assert.deepEqual(names("projects/p/topics/a", 1), ["projects/p/topics/b"]);
  assert.deepEqual(names(TOPIC, 10), []);
});

test("a deleted topic takes no publish, and its subscriptions keep their backlog", async () => {
  const world = await TestWorld.open();
  await world.publish("kept");
  await world.engine.deleteTopic(TOPIC);
  await assert.rejects(world.publish("late"), { code: "NOT_FOUND", message: "Resource not found (resource=t)." });
  assert.equal(world.engine.getSubscription(SUBSCRIPTION).hasTopic, false);
  await world.start();
  assert.equal(world.engine.getSubscription(SUBSCRIPTION).hasTopic, false);
  const puller = world.pull();
  await world.settle();
  assert.deepEqual(puller.texts(), ["kept"]);
});

test("a topic made again under its name feeds new subscriptions only", async () => {
  const world = await TestWorld.open();
  await world.engine.deleteTopic(TOPIC);
  await world.engine.createTopic({ name: TOPIC, labels: {} });
  await world.engine.createSubscription(subscriptionSettings({ name: OTHER }));
  await world.publish("new");
  const old = world.pull();
  const other = world.pull(undefined, {}, OTHER);
  await world.settle();
  assert.deepEqual([old.texts(), other.texts()], [[], ["new"]]);
  assert.deepEqual(world.engine.listTopicSubscriptions(TOPIC, { after: undefined, limit: 10 }), [OTHER]);
});

test("each publish during deletes and creates lands in one topic or fails NOT_FOUND", async () => {
  const world = await TestWorld.open();
  const pullers = [world.pull()];
  const landed: string[] = [];
  let refused = 0;
  const publishing = Array.from({ length: 200 }, async (_, index) => {
    for (let turn = 0; turn < index % 20; turn += 1) await new Promise(setImmediate);
    try {
      await world.publish(`m${index}`);
      landed.push(`m${index}`);
    } catch (error) {
      assert.equal((error as { code?: string }).code, "NOT_FOUND");
      refused += 1;
    }
  });
  for (let round = 0; round < 5; round += 1) {
    await world.engine.deleteTopic(TOPIC);
    await world.engine.createTopic({ name: TOPIC, labels: {} });
    const name = `${OTHER}${round}`;
    await world.engine.createSubscription(subscriptionSettings({ name }));
    pullers.push(world.pull(undefined, {}, name));
  }
  await Promise.all(publishing);
  await world.settle();
  const received = pullers.flatMap((puller) => puller.texts());
  assert.equal(new Set(received).size, received.length, "no message is in two topics");
  // One that landed between a topic's creation and its subscription's has nobody to go to; none came from nowhere.
  assert.ok(received.every((text) => landed.includes(text)));
  assert.ok(refused + landed.length === 200 && received.length > 0);
});

test("the log of a deleted topic goes with its last subscription", async () => {
  const world = await TestWorld.open();
  await world.engine.createSubscription(subscriptionSettings({ name: OTHER }));
  await world.publish("one");
  const logs = async (): Promise<number> => {
    let count = 0;
    for await (const log of world.storage.logs("topic")) if (log.kind === "topic") count += 1;
    return count;
  };
  await world.engine.deleteTopic(TOPIC);
  assert.equal(await logs(), 1);
  await world.engine.deleteSubscription(OTHER);
  assert.equal(await logs(), 1);
  await world.engine.detachSubscription(SUBSCRIPTION);
  assert.equal(await logs(), 0);
});

test("a start drops what a stop in the middle of a deletion has left", async () => {
  const world = await TestWorld.open();
  await world.storage.commit([
    { kind: "append", log: { kind: "topic", id: "left", part: 0 }, data: Buffer.from("x"), count: 1, timeMs: 1 },
    { kind: "appendIf", log: { kind: "ack", id: "left", part: 0 }, previous: 0, data: Buffer.from("x"), timeMs: 1 },
  ]);
  await world.publish("kept");
  await world.start();
  assert.equal(world.storage.tail({ kind: "topic", id: "left", part: 0 }), 0);
  assert.equal(world.storage.tail({ kind: "ack", id: "left", part: 0 }), 0);
  const puller = world.pull();
  await world.settle();
  assert.deepEqual(puller.texts(), ["kept"]);
});

test("a batch of many messages gets ids that follow each other", async () => {
  const world = await TestWorld.open();
  const texts = Array.from({ length: 1_000 }, (_, index) => String(index));
  const puller = world.pull();
  const firstId = await world.engine.publish(TOPIC, batchOf(texts));
  await world.settle();
  assert.deepEqual(puller.texts(), texts);
  assert.ok(puller.received.every((message, index) => message.messageId === firstId + index));
});
