// The delivery settings the whole way: grpc-js over a real port to the gRPC server, the api, the real engine, and a store in memory.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { status } from "@grpc/grpc-js";
import { Publisher, Subscriber } from "@peal/wire";
import { ServerBed } from "./server-bed.test.support.js";

describe("delivery settings over the real engine", () => {
  let bed: ServerBed;

  before(async () => {
    bed = await ServerBed.start();
  });

  after(() => bed.close());

  /** A topic with three messages `a`, `b`, `c`, each with its text as the attribute `name`, and a subscription of it. */
  async function stocked(id: string) {
    const topic = `projects/p/topics/${id}`;
    const subscription = `projects/p/subscriptions/${id}`;
    await bed.call(Publisher.method.createTopic, { name: topic });
    await bed.call(Subscriber.method.createSubscription, { name: subscription, topic });
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

  test("the error of a filter names the place", async () => {
    await bed.call(Publisher.method.createTopic, { name: "projects/p/topics/filtered" });
    const make = { name: "projects/p/subscriptions/ill", topic: "projects/p/topics/filtered" };
    await assert.rejects(bed.call(Subscriber.method.createSubscription, { ...make, filter: "attributes.name = a" }), {
      code: status.INVALID_ARGUMENT,
      details: /Invalid filter: expected .* at position 19, found/,
    });
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
