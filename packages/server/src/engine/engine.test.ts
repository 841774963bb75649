import assert from "node:assert/strict";
import { test } from "node:test";
import { RecordingPuller, SUBSCRIPTION, TestWorld } from "./engine.test.support.js";

test("a published message reaches an open puller before the publish is answered", async () => {
  const world = await TestWorld.open();
  const puller = world.pull();
  await world.settle();
  const firstId = await world.publish("one", "two");
  assert.deepEqual(puller.texts(), ["one", "two"]);
  assert.deepEqual(
    puller.received.map((message) => message.messageId),
    [firstId, firstId + 1],
  );
});

test("a backlog is delivered oldest first to a puller that opens later", async () => {
  const world = await TestWorld.open();
  await world.publish("one");
  await world.publish("two", "three");
  const puller = world.pull();
  await world.settle();
  assert.deepEqual(puller.texts(), ["one", "two", "three"]);
});

test("an acked message does not come again, an unacked one comes after its deadline with another ack id", async () => {
  const world = await TestWorld.open();
  await world.publish("one", "two");
  const puller = world.pull();
  await world.settle();
  const [one, two] = puller.received;
  await world.engine.acknowledge(SUBSCRIPTION, [one!.ackId]);
  await world.advance(9_999);
  assert.equal(puller.received.length, 2);
  await world.advance(2);
  assert.deepEqual(puller.texts(), ["one", "two", "two"]);
  assert.equal(puller.received[2]!.messageId, two!.messageId);
  assert.notEqual(puller.received[2]!.ackId, two!.ackId);
});

test("an acked message does not come again after a kill, an unacked one does", async () => {
  const world = await TestWorld.open();
  await world.publish("one", "two", "three");
  const before = world.pull();
  await world.settle();
  await world.engine.acknowledge(SUBSCRIPTION, [before.ackIds()[1]!]);
  await world.start();
  const after = world.pull();
  await world.settle();
  assert.deepEqual(after.texts(), ["one", "three"]);
  await world.engine.acknowledge(SUBSCRIPTION, before.ackIds());
  await world.advance(20_000);
  assert.equal(after.received.length, 2, "an ack id from before the kill still acks");
});

test("leases outlive a clean stop", async () => {
  const world = await TestWorld.open();
  await world.publish("one", "two");
  const before = world.pull(new RecordingPuller(1, false));
  await world.settle();
  assert.deepEqual(before.texts(), ["one"]);
  await world.engine.close();
  assert.equal(before.error?.code, "UNAVAILABLE");
  await world.start();
  const after = world.pull();
  await world.settle();
  assert.deepEqual(after.texts(), ["two"]);
  await world.advance(10_001);
  assert.deepEqual(after.texts().slice(1).sort(), ["one", "two"]);
});
