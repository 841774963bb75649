import assert from "node:assert/strict";
import { test } from "node:test";
import { RecordingPuller, SUBSCRIPTION, subscriptionSettings, TestWorld, TOPIC } from "./engine.test.support.js";

const OTHER = "projects/p/subscriptions/other";

test("a subscription begins with what is published after its creation", async () => {
  const world = await TestWorld.open();
  await world.publish("before");
  await world.engine.createSubscription(subscriptionSettings({ name: OTHER }));
  await world.publish("after");
  await world.start();
  const puller = world.pull(undefined, {}, OTHER);
  await world.settle();
  assert.deepEqual(puller.texts(), ["after"]);
});

test("a subscription is there with what it was given, also after a restart, until it is deleted", async () => {
  const world = await TestWorld.open();
  const settings = subscriptionSettings({ name: OTHER, labels: { a: "b" }, ackDeadlineSeconds: 30 });
  const state = { ...settings, isDetached: false, hasTopic: true };
  assert.deepEqual(await world.engine.createSubscription(settings), state);
  await assert.rejects(world.engine.createSubscription(settings), { code: "ALREADY_EXISTS" });
  await world.start();
  assert.deepEqual(world.engine.getSubscription(OTHER), state);
  await world.engine.deleteSubscription(OTHER);
  assert.throws(() => world.engine.getSubscription(OTHER), {
    code: "NOT_FOUND",
    message: "Resource not found (resource=other).",
  });
  await assert.rejects(world.engine.deleteSubscription(OTHER), { code: "NOT_FOUND" });
});

test("a subscription of a topic that is missing is refused and leaves nothing", async () => {
  const world = await TestWorld.open();
  const settings = subscriptionSettings({ name: OTHER, topic: "projects/p/topics/missing" });
  await assert.rejects(world.engine.createSubscription(settings), {
    code: "NOT_FOUND",
    message: "Resource not found (resource=missing).",
  });
  await world.engine.createSubscription({ ...settings, topic: TOPIC });
});

test("what only a reader sees is not stored with an update", async () => {
  const world = await TestWorld.open();
  await world.engine.updateTopic(TOPIC, (present) => ({ ...present, messageRetention: { seconds: 600, nanos: 0 } }));
  const updated = await world.engine.updateSubscription(SUBSCRIPTION, (present) => {
    assert.deepEqual(present.topicMessageRetention, { seconds: 600, nanos: 0 });
    return { ...present, ackDeadlineSeconds: 20 };
  });
  assert.equal(updated.ackDeadlineSeconds, 20);
  await world.engine.deleteTopic(TOPIC);
  assert.equal(world.engine.getSubscription(SUBSCRIPTION).topicMessageRetention, undefined);
});

test("a changed ack deadline holds for what open pullers get from then on", async () => {
  const world = await TestWorld.open();
  const puller = world.pull();
  await world.settle();
  await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({ ...present, ackDeadlineSeconds: 30 }));
  await world.publish("one");
  await world.advance(29_000);
  assert.equal(puller.received.length, 1);
  await world.advance(1_001);
  assert.equal(puller.received.length, 2);
});

test("a deleted subscription ends its pullers with NOT_FOUND, and its acks are not found", async () => {
  const world = await TestWorld.open();
  await world.publish("one");
  const puller = world.pull();
  await world.settle();
  await world.engine.deleteSubscription(SUBSCRIPTION);
  assert.equal(puller.error?.code, "NOT_FOUND");
  await assert.rejects(world.engine.acknowledge(SUBSCRIPTION, puller.ackIds()), { code: "NOT_FOUND" });
  assert.throws(() => world.pull(), { code: "NOT_FOUND" });
});

test("a detached subscription has no backlog and no pullers, and acks on it do nothing", async () => {
  const world = await TestWorld.open();
  await world.publish("one");
  const puller = world.pull();
  await world.settle();
  await world.engine.detachSubscription(SUBSCRIPTION);
  await world.engine.detachSubscription(SUBSCRIPTION);
  assert.equal(puller.error?.code, "FAILED_PRECONDITION");
  assert.equal(world.engine.getSubscription(SUBSCRIPTION).isDetached, true);
  assert.deepEqual(world.engine.listTopicSubscriptions(TOPIC, { after: undefined, limit: 10 }), []);
  await world.engine.acknowledge(SUBSCRIPTION, puller.ackIds());
  await world.start();
  assert.throws(() => world.pull(), { code: "FAILED_PRECONDITION" });
  assert.equal([...world.engine.subscriptionMetrics()][0]!.backlog, 0);
});

test("ack ids of another subscription, of one that was deleted, and of what does not exist ack nothing", async () => {
  const world = await TestWorld.open();
  await world.engine.createSubscription(subscriptionSettings({ name: OTHER }));
  await world.publish("one");
  const other = world.pull(undefined, {}, OTHER);
  const old = world.pull(new RecordingPuller());
  await world.settle();
  const foreign = other.ackIds();
  assert.equal(world.engine.checkAckId(SUBSCRIPTION, foreign[0]!), "foreign");
  await world.engine.acknowledge(SUBSCRIPTION, foreign);
  await world.engine.deleteSubscription(SUBSCRIPTION);
  await world.engine.createSubscription(subscriptionSettings());
  await world.publish("two");
  assert.equal(world.engine.checkAckId(SUBSCRIPTION, old.ackIds()[0]!), "foreign");
  await world.engine.acknowledge(SUBSCRIPTION, old.ackIds());
  const renewed = world.pull();
  await world.advance(10_001);
  assert.deepEqual(renewed.texts(), ["two", "two"]);
});

test("one malformed ack id refuses the request before any effect", async () => {
  const world = await TestWorld.open();
  await world.publish("one");
  const puller = world.pull();
  await world.settle();
  assert.equal(world.engine.checkAckId(SUBSCRIPTION, puller.ackIds()[0]!), "valid");
  assert.equal(world.engine.checkAckId(SUBSCRIPTION, "made up"), "malformed");
  const ackIds = [puller.ackIds()[0]!, "made up"];
  const refusal = {
    code: "INVALID_ARGUMENT",
    message: "You have passed an invalid ack ID to the service (ack_id=made up).",
  };
  await assert.rejects(world.engine.acknowledge(SUBSCRIPTION, ackIds), refusal);
  await assert.rejects(world.engine.modifyAckDeadline(SUBSCRIPTION, ackIds, 0), refusal);
  await world.advance(10_001);
  assert.equal(puller.received.length, 2);
});

test("deadlines may be given for all ids or one for each; zero is a nack", async () => {
  const world = await TestWorld.open();
  await world.publish("one", "two", "three");
  const puller = world.pull();
  await world.settle();
  await world.engine.modifyAckDeadline(SUBSCRIPTION, puller.ackIds(), [0, 60, 5]);
  await world.advance(5_001);
  assert.deepEqual(puller.texts().slice(3), ["one", "three"]);
  await world.engine.modifyAckDeadline(SUBSCRIPTION, puller.ackIds().slice(3), 600);
  await world.advance(54_000);
  assert.equal(puller.received.length, 5);
  await world.advance(1_100);
  assert.deepEqual(puller.texts().slice(5), ["two"]);
});

test("what could not be written to the client is there for the next pull at once", async () => {
  const world = await TestWorld.open();
  await world.publish("one");
  const first = world.pull(new RecordingPuller(1, false), { isOnce: true });
  await world.settle();
  first.puller!.returnLast();
  first.puller!.close();
  const second = world.pull(undefined, { isOnce: true });
  await world.settle();
  assert.deepEqual([first.texts(), second.texts()], [["one"], ["one"]]);
});

test("leases outlive their puller", async () => {
  const world = await TestWorld.open();
  await world.publish("one");
  const first = world.pull();
  await world.settle();
  first.puller!.close();
  const second = world.pull();
  await world.advance(9_900);
  assert.deepEqual(second.texts(), []);
  await world.advance(200);
  assert.deepEqual(second.texts(), ["one"]);
});
