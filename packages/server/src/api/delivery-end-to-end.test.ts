// The delivery settings the whole way: grpc-js over a real port to the gRPC server, the api, the real engine, and a store in memory.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { type ServiceError, status } from "@grpc/grpc-js";
import { ErrorInfoSchema, Publisher, StatusSchema, Subscriber } from "@peal/wire";
import { ServerBed } from "./server-bed.test.support.js";

describe("delivery settings over the real engine", () => {
  let bed: ServerBed;

  before(async () => {
    bed = await ServerBed.start();
  });

  after(() => bed.close());

  /** A topic with three messages `a`, `b`, `c`, each with its text as the attribute `name`, and a subscription of it. */
  async function stocked(id: string, settings: object = {}) {
    const topic = `projects/p/topics/${id}`;
    const subscription = `projects/p/subscriptions/${id}`;
    await bed.call(Publisher.method.createTopic, { name: topic });
    await bed.call(Subscriber.method.createSubscription, { name: subscription, topic, ...settings });
    await bed.call(Publisher.method.publish, {
      topic,
      messages: ["a", "b", "c"].map((name) => ({ data: Buffer.from(name), attributes: { name } })),
    });
    return { topic, subscription };
  }

  async function pull(subscription: string, maxMessages = 10) {
    const { receivedMessages } = await bed.call(Subscriber.method.pull, { subscription, maxMessages });
    return receivedMessages.map((received) => ({
      ackId: received.ackId,
      text: Buffer.from(received.message?.data ?? []).toString(),
      attempt: received.deliveryAttempt,
    }));
  }

  /** Failed ids and why; undefined where the call went well. */
  async function failuresOf(call: Promise<unknown>): Promise<{ readonly [ackId: string]: string } | undefined> {
    const error = await call.then(
      () => undefined,
      (refusal: ServiceError) => refusal,
    );
    if (error === undefined) return undefined;
    assert.equal(error.code, status.INVALID_ARGUMENT);
    const [trailer] = error.metadata.get("grpc-status-details-bin");
    assert.ok(Buffer.isBuffer(trailer));
    const [detail] = fromBinary(StatusSchema, trailer).details;
    assert.ok(detail);
    const info = anyUnpack(detail, ErrorInfoSchema);
    assert.deepEqual([info?.reason, info?.domain], ["EXACTLY_ONCE_ACKID_FAILURE", "pubsub.googleapis.com"]);
    return info?.metadata;
  }

  test("under exactly-once each ack id of a call stands for itself", async () => {
    const { subscription } = await stocked("each-id", { enableExactlyOnceDelivery: true });
    const [a, b, c] = await pull(subscription);
    assert.ok(a && b && c);
    const acknowledge = (...ackIds: string[]) =>
      failuresOf(bed.call(Subscriber.method.acknowledge, { subscription, ackIds }));
    const modify = (ackDeadlineSeconds: number, ...ackIds: string[]) =>
      failuresOf(bed.call(Subscriber.method.modifyAckDeadline, { subscription, ackIds, ackDeadlineSeconds }));
    const failed = "PERMANENT_FAILURE_INVALID_ACK_ID";
    assert.equal(await modify(60, a.ackId, b.ackId, c.ackId), undefined);
    assert.equal(await modify(0, b.ackId), undefined);
    assert.deepEqual(await acknowledge(a.ackId, b.ackId, "garbage"), { [b.ackId]: failed, garbage: failed });
    assert.deepEqual(await modify(10, b.ackId, c.ackId), { [b.ackId]: failed });
    const [again, ...others] = await pull(subscription);
    assert.deepEqual([again?.text, others.length], ["b", 0]);
    assert.equal(await acknowledge(again!.ackId, c.ackId, a.ackId), undefined);
  });

  test("under exactly-once a stream confirms its acks, and tells when that ends", async () => {
    const { subscription } = await stocked("confirmed", { enableExactlyOnceDelivery: true });
    const stream = bed.stream();
    stream.send({ subscription, streamAckDeadlineSeconds: 60 });
    await stream.until(() => stream.messages.length === 3);
    assert.ok(stream.responses.every((response) => response.subscriptionProperties?.exactlyOnceDeliveryEnabled));
    const [a, b, c] = stream.messages.map(({ ackId }) => ackId);
    assert.ok(a && b && c);
    stream.send({ ackIds: [a, "garbage"], modifyDeadlineAckIds: [b, c], modifyDeadlineSeconds: [60, 60] });
    const acked = () => stream.responses.flatMap((response) => response.acknowledgeConfirmation ?? []);
    const modified = () => stream.responses.flatMap((response) => response.modifyAckDeadlineConfirmation ?? []);
    await stream.until(() => acked().length > 0 && modified().length > 0);
    assert.deepEqual([acked()[0]?.ackIds, acked()[0]?.invalidAckIds], [[a], ["garbage"]]);
    assert.deepEqual([modified()[0]?.ackIds, modified()[0]?.invalidAckIds], [[b, c], []]);
    await bed.call(Subscriber.method.updateSubscription, {
      subscription: { name: subscription },
      updateMask: { paths: ["enable_exactly_once_delivery"] },
    });
    await stream.until(() => stream.responses.at(-1)?.subscriptionProperties?.exactlyOnceDeliveryEnabled === false);
    stream.send({ ackIds: [b, c] });
    stream.stream.end();
    assert.equal(await stream.ended, undefined);
    assert.equal(acked().length, 1);
  });

  test("a filter lets through what matches, and its errors name the place", async () => {
    const filter = 'attributes.name = "a" OR hasPrefix(attributes.name, "c")';
    const { subscription } = await stocked("filtered", { filter });
    assert.deepEqual(
      (await pull(subscription)).map(({ text }) => text),
      ["a", "c"],
    );
    await assert.rejects(
      bed.call(Subscriber.method.createSubscription, {
        name: "projects/p/subscriptions/ill",
        topic: "projects/p/topics/filtered",
        filter: "attributes.name = a",
      }),
      { code: status.INVALID_ARGUMENT, details: /Invalid filter: expected .* at position 19, found/ },
    );
  });

  test("attempts are told with a dead-letter policy, and not without", async () => {
    const { topic: dead } = await stocked("dead");
    const policy = { deadLetterPolicy: { deadLetterTopic: dead } };
    const { subscription } = await stocked("attempted", policy);
    const first = await pull(subscription);
    assert.deepEqual(
      first.map(({ attempt }) => attempt),
      [1, 1, 1],
    );
    const ackIds = first.map(({ ackId }) => ackId);
    await bed.call(Subscriber.method.modifyAckDeadline, { subscription, ackIds, ackDeadlineSeconds: 0 });
    assert.deepEqual(
      (await pull(subscription)).map(({ attempt }) => attempt),
      [2, 2, 2],
    );
    const { subscription: plain } = await stocked("unattempted");
    assert.deepEqual(
      (await pull(plain)).map(({ attempt }) => attempt),
      [0, 0, 0],
    );
  });

  test("a stream ends when its subscription is pushed to, and its backlog is there when it is pulled from again", async () => {
    const { subscription } = await stocked("both-ways");
    const stream = bed.stream();
    stream.send({ subscription, streamAckDeadlineSeconds: 60, maxOutstandingMessages: 1n });
    await stream.until(() => stream.messages.length === 1);
    // Nothing listens there: the backlog stays.
    const pushConfig = { pushEndpoint: "https://127.0.0.1:1/" };
    await bed.call(Subscriber.method.modifyPushConfig, { subscription, pushConfig });
    const text = "This method is not supported for this subscription type.";
    const ended = await stream.ended;
    assert.deepEqual([ended?.code, ended?.details], [status.FAILED_PRECONDITION, text]);
    await assert.rejects(pull(subscription), { code: status.FAILED_PRECONDITION, details: text });
    await bed.call(Subscriber.method.modifyPushConfig, { subscription });
    assert.deepEqual(
      (await pull(subscription, 2)).map(({ text: data }) => data),
      ["b", "c"],
    );
  });
});
