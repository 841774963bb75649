import assert from "node:assert/strict";
import { test } from "node:test";
import { apiFixture } from "../api-fixture.test.support.js";
import { batchOf } from "../delivered-batch.test.support.js";
import { FakeBidiCall, type StreamRequestFields } from "./fake-bidi-call.test.support.js";
import { streamingPullMethod } from "./streaming-pull.js";

const NAME = "projects/p/subscriptions/billing";

function open(isExactlyOnce: boolean, fields: StreamRequestFields = {}) {
  const { context, engine } = apiFixture();
  engine.subscriptions.set(NAME, {
    name: NAME,
    topic: "projects/p/topics/orders",
    labels: {},
    ackDeadlineSeconds: 10,
    retainAckedMessages: false,
    messageRetention: { seconds: 600, nanos: 0 },
    isOrdered: true,
    isExactlyOnce,
    isDetached: false,
    hasTopic: true,
  });
  const method = streamingPullMethod(context);
  assert.ok(method.kind === "bidi");
  const call = new FakeBidiCall();
  void method.handler(call);
  void call.request({ subscription: NAME, streamAckDeadlineSeconds: 60, ...fields });
  const toggle = (on: boolean) => engine.updateSubscription(NAME, (present) => ({ ...present, isExactlyOnce: on }));
  return { engine, call, puller: engine.pullers[0]!, toggle };
}

async function turn(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function propertiesIn(call: FakeBidiCall) {
  return call.responses.map(
    ({ subscriptionProperties: properties }) =>
      properties && [properties.exactlyOnceDeliveryEnabled, properties.messageOrderingEnabled],
  );
}

test("the first response and each with messages tell what the subscription is like", () => {
  const { call, puller } = open(true);
  puller.sink.deliver(batchOf("one"));
  assert.deepEqual(propertiesIn(call), [
    [true, true],
    [true, true],
  ]);
});

test("a change is told at once, and to a client that reads slowly when it reads", async () => {
  const { call, puller, toggle } = open(false);
  await toggle(true);
  assert.deepEqual(propertiesIn(call), [
    [false, true],
    [true, true],
  ]);
  call.isFull = true;
  puller.sink.deliver(batchOf("one"));
  await toggle(false);
  assert.equal(call.responses.length, 3);
  call.drain();
  assert.deepEqual(propertiesIn(call).at(-1), [false, true]);
  assert.equal(call.responses.length, 4);
  call.drain();
  assert.equal(call.responses.length, 4);
});

test("acks and deadline changes are confirmed once they are durable", async () => {
  const { engine, call } = open(true);
  let durable!: () => void;
  engine.durable = new Promise((resolve) => {
    durable = resolve;
  });
  engine.failures = [
    { ackId: "ok2", reason: "invalid" },
    { ackId: "ok3", reason: "unordered" },
  ];
  void call.request({
    ackIds: ["ok1", "ok2", "ok3"],
    modifyDeadlineAckIds: ["ok2", "ok4"],
    modifyDeadlineSeconds: [0, 30],
  });
  await turn();
  assert.equal(call.responses.length, 1);
  durable();
  await turn();
  const [acked] = call.responses.flatMap((response) => response.acknowledgeConfirmation ?? []);
  assert.deepEqual(acked?.ackIds, ["ok1"]);
  assert.deepEqual(acked.invalidAckIds, ["ok2"]);
  assert.deepEqual(acked.unorderedAckIds, ["ok3"]);
  const [modified] = call.responses.flatMap((response) => response.modifyAckDeadlineConfirmation ?? []);
  assert.deepEqual(modified?.ackIds, ["ok4"]);
  assert.deepEqual(modified.invalidAckIds, ["ok2"]);
  assert.equal(call.ending, undefined);
});

test("without exactly-once nothing is confirmed", async () => {
  const { call, engine } = open(false);
  void call.request({ ackIds: ["ok1"], modifyDeadlineAckIds: ["ok2"], modifyDeadlineSeconds: [0] });
  await turn();
  assert.equal(engine.settled.length, 2);
  assert.equal(call.responses.length, 1);
});

test("malformed ids are confirmed as invalid, however long, and the stream stays open", async () => {
  const { call } = open(true);
  const long = "x".repeat(600);
  void call.request({ ackIds: ["ok1", "bad", long] });
  await turn();
  const confirmation = call.responses.at(-1)?.acknowledgeConfirmation;
  assert.deepEqual(confirmation?.ackIds, ["ok1"]);
  assert.deepEqual(confirmation.invalidAckIds, ["bad", long]);
  assert.equal(call.ending, undefined);
});

test("what is confirmed while a client does not read leaves in one response, then come messages", async () => {
  const { call, puller } = open(true);
  call.isFull = true;
  puller.sink.deliver(batchOf("one"));
  for (const ackId of ["ok1", "ok2", "ok3"]) void call.request({ ackIds: [ackId] });
  void call.request({ modifyDeadlineAckIds: ["ok4"], modifyDeadlineSeconds: [10] });
  await turn();
  assert.equal(call.responses.length, 2);
  assert.equal(puller.readies.length, 1);
  call.drain();
  assert.equal(call.responses.length, 3);
  assert.deepEqual(call.responses[2]?.acknowledgeConfirmation?.ackIds, ["ok1", "ok2", "ok3"]);
  assert.deepEqual(call.responses[2].modifyAckDeadlineConfirmation?.ackIds, ["ok4"]);
  assert.equal(puller.readies.length, 2);
});

test("a client that reads no confirmations is held back, and goes on when it reads", async () => {
  const { call, puller } = open(true);
  call.isFull = true;
  puller.sink.deliver(batchOf("one"));
  const ids = (from: number) => Array.from({ length: 4_000 }, (_, index) => `ok${from + index}`);
  const held: Promise<void>[] = [];
  let requests = 0;
  while (held.length === 0 && requests < 20) {
    const room = call.request({ ackIds: ids(requests * 4_000) });
    if (room !== undefined) held.push(room);
    requests += 1;
    await turn();
  }
  assert.equal(requests, 13);
  call.drain();
  await Promise.all(held);
  const confirmed = call.responses.flatMap((response) => response.acknowledgeConfirmation?.ackIds ?? []);
  assert.equal(confirmed.length, 52_000);
});

test("a response of confirmations stays well below what clients take, and the next waits for room", async () => {
  const { call, puller } = open(true);
  call.isFull = true;
  puller.sink.deliver(batchOf("one"));
  for (let request = 0; request < 10; request += 1) void call.request({ ackIds: ["ok".padEnd(400_000, "x")] });
  await turn();
  call.drain(1);
  assert.equal(call.responses.length, 3);
  assert.equal(call.responses.at(-1)?.acknowledgeConfirmation?.ackIds.length, 3);
  call.drain();
  assert.ok(call.sent.every((response) => response.length < 2_097_152));
  const confirmed = call.responses.flatMap((response) => response.acknowledgeConfirmation?.ackIds ?? []);
  assert.equal(confirmed.length, 10);
});

test("a confirmation is an answer to a keepalive", async () => {
  const { call } = open(true, { protocolVersion: 1n });
  call.isFull = true;
  await turn();
  void call.request({});
  const before = call.responses.length;
  void call.request({ ackIds: ["ok1"] });
  await turn();
  call.drain();
  assert.equal(call.responses.length, before + 1);
  assert.deepEqual(call.responses.at(-1)?.acknowledgeConfirmation?.ackIds, ["ok1"]);
});

test("a half-closed stream ends when its last acks are confirmed", async () => {
  const { call, engine, puller } = open(true);
  let durable!: () => void;
  engine.durable = new Promise((resolve) => {
    durable = resolve;
  });
  call.isFull = true;
  puller.sink.deliver(batchOf("one"));
  void call.request({ ackIds: ["ok1"] });
  call.halfClose();
  durable();
  await turn();
  assert.equal(call.ending, undefined);
  call.drain();
  await turn();
  assert.deepEqual(call.responses.at(-1)?.acknowledgeConfirmation?.ackIds, ["ok1"]);
  assert.deepEqual(call.ending, { error: undefined });
});

test("acks that came before exactly-once was switched on are not confirmed", async () => {
  const { call, engine, toggle } = open(false);
  let durable!: () => void;
  engine.durable = new Promise((resolve) => {
    durable = resolve;
  });
  void call.request({ ackIds: ["ok1"] });
  await toggle(true);
  void call.request({ ackIds: ["ok2"] });
  durable();
  await turn();
  const confirmed = call.responses.flatMap((response) => response.acknowledgeConfirmation?.ackIds ?? []);
  assert.deepEqual(confirmed, ["ok2"]);
});
