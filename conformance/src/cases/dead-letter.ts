import assert from "node:assert/strict";
import type { protos } from "@google-cloud/pubsub";
import type { ConformanceCase } from "../conformance-case.js";
import { ackIdOf, type Context, dataOf } from "../context.js";
import { okJson } from "../rest.js";
import { lastSegment } from "../texts.js";

type Subscription = protos.google.pubsub.v1.ISubscription;
type PubsubMessage = protos.google.pubsub.v1.IPubsubMessage;

const NEEDS = ["dead letter"] as const;
export const ATTEMPTS = 5;

/** A subscription whose messages die after five attempts, and one that gets them then. */
export async function createDeadLetterPair(context: Context, fields: Subscription = {}) {
  const deadLetterTopic = await context.createTopic();
  const dead = await context.createSubscription(deadLetterTopic);
  const deadLetterPolicy = { deadLetterTopic, maxDeliveryAttempts: ATTEMPTS };
  return { deadLetterTopic, dead, ...(await context.createPair({ deadLetterPolicy, ...fields })) };
}

/** Pulls one message and nacks it, so many times; fails unless the attempts count on from `first`. */
export async function failAttempts(context: Context, subscription: string, count: number, first = 1): Promise<void> {
  for (let attempt = first; attempt < first + count; attempt += 1) {
    const [received] = await context.pull(subscription, 1);
    assert.equal(received?.deliveryAttempt, attempt);
    await context.modifyAckDeadline(subscription, [ackIdOf(received)], 0);
  }
}

/** Lets a message die; returns what was published and what came of it. */
async function forward(context: Context, message: PubsubMessage) {
  const { topic, subscription, dead } = await createDeadLetterPair(context);
  const watcher = await context.createSubscription(topic);
  await context.publish(topic, message);
  const [original] = await context.pull(watcher, 1);
  await failAttempts(context, subscription, ATTEMPTS);
  const [forwarded] = await context.pull(dead, 1);
  return { subscription, original: original?.message ?? {}, forwarded: forwarded?.message ?? {} };
}

export const DEAD_LETTER_CASES: readonly ConformanceCase[] = [
  {
    id: "DLQ-001",
    title: "without a dead-letter policy there is no delivery attempt",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      await context.publish(topic, "m");
      const pulled = okJson(await context.rest("POST", `/v1/${subscription}:pull`, { maxMessages: 1 }));
      const [received] = pulled["receivedMessages"] as object[];
      assert.ok(received && !("deliveryAttempt" in received));
    },
  },
  {
    id: "DLQ-001",
    title: "with a dead-letter policy the attempts count from 1",
    needs: NEEDS,
    run: async (context) => {
      const { topic, subscription } = await createDeadLetterPair(context);
      await context.publish(topic, "m");
      await failAttempts(context, subscription, 3);
    },
  },
  {
    id: "DLQ-002",
    title: "a message is forwarded after exactly as many failed deliveries as allowed",
    needs: NEEDS,
    run: async (context) => {
      const { topic, subscription, dead } = await createDeadLetterPair(context);
      await context.publish(topic, "m");
      await failAttempts(context, subscription, ATTEMPTS - 1);
      await context.expectNothing(dead, "one attempt is left");
      await failAttempts(context, subscription, 1, ATTEMPTS);
      assert.deepEqual((await context.pull(dead, 1)).map(dataOf), ["m"]);
      await context.expectNothing(dead, "it is forwarded once");
    },
  },
  {
    id: "DLQ-003",
    title: "a forwarded message has a new id, its own attributes, and four that tell where it died",
    needs: NEEDS,
    run: async (context) => {
      const attributes = { k: "v", CloudPubSubDeadLetterSourceDeliveryCount: "overwritten" };
      const { subscription, original, forwarded } = await forward(context, { data: Buffer.from("m"), attributes });
      assert.notEqual(forwarded.messageId, original.messageId);
      const { seconds, nanos } = original.publishTime ?? {};
      const publishedAt = new Date(Number(seconds) * 1000 + Math.floor((nanos ?? 0) / 1e6)).toISOString();
      assert.deepEqual(forwarded.attributes, {
        k: "v",
        CloudPubSubDeadLetterSourceDeliveryCount: String(ATTEMPTS),
        CloudPubSubDeadLetterSourceSubscription: lastSegment(subscription),
        CloudPubSubDeadLetterSourceSubscriptionProject: context.project,
        CloudPubSubDeadLetterSourceTopicPublishTime: publishedAt.replace("Z", "+00:00"),
      });
      assert.equal(Buffer.from(forwarded.data as Uint8Array).toString(), "m");
      const at = (message: PubsubMessage): number =>
        Number(message.publishTime?.seconds) * 1e9 + Number(message.publishTime?.nanos);
      assert.ok(at(forwarded) >= at(original));
    },
  },
  {
    id: "DLQ-008",
    title: "a message of 100 attributes is forwarded with all of them",
    needs: NEEDS,
    run: async (context) => {
      const attributes = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`key-${index}`, String(index)]));
      const { forwarded } = await forward(context, { attributes });
      const came = Object.entries(forwarded.attributes ?? {}).filter(([key]) => key.startsWith("key-"));
      assert.deepEqual(Object.fromEntries(came), attributes);
      assert.equal(Object.keys(forwarded.attributes ?? {}).length, 104);
    },
  },
  {
    id: "DLQ-009",
    title: "a forwarded message keeps its ordering key",
    needs: NEEDS,
    run: async (context) => {
      const { forwarded } = await forward(context, { data: Buffer.from("m"), orderingKey: "key" });
      assert.equal(forwarded.orderingKey, "key");
    },
  },
  {
    id: "DLQ-010",
    title: "without its policy a subscription forwards nothing and tells no attempts",
    needs: NEEDS,
    run: async (context) => {
      const { topic, subscription, dead } = await createDeadLetterPair(context);
      await context.publish(topic, "m");
      await failAttempts(context, subscription, 3);
      await context.subscriber.updateSubscription({
        subscription: { name: subscription },
        updateMask: { paths: ["dead_letter_policy"] },
      });
      for (let attempt = 0; attempt < 5; attempt += 1) {
        const [received] = await context.pull(subscription, 1);
        assert.equal(received?.deliveryAttempt, 0);
        await context.modifyAckDeadline(subscription, [ackIdOf(received)], 0);
      }
      assert.deepEqual((await context.pull(subscription, 1)).map(dataOf), ["m"]);
      await context.expectNothing(dead, "nothing is forwarded");
    },
  },
  {
    id: "DLQ-002",
    title: "a chain of dead-letter topics forwards hop by hop, and a ring goes round",
    needs: NEEDS,
    run: async (context) => {
      const [first, second] = [await context.createTopic(), await context.createTopic()];
      const dyingTo = (deadLetterTopic: string) => ({
        deadLetterPolicy: { deadLetterTopic, maxDeliveryAttempts: ATTEMPTS },
      });
      const source = await context.createSubscription(first, dyingTo(second));
      const next = await context.createSubscription(second, dyingTo(first));
      const itself = await context.createTopic();
      const ownTail = await context.createSubscription(itself, dyingTo(itself));
      await context.publish(first, "m");
      for (const subscription of [source, next, source]) await failAttempts(context, subscription, ATTEMPTS);
      const [back] = await context.pull(next, 1);
      assert.equal(back?.message?.attributes?.["CloudPubSubDeadLetterSourceSubscription"], lastSegment(source));
      await context.publish(itself, "s");
      await failAttempts(context, ownTail, ATTEMPTS);
      const [again] = await context.pull(ownTail, 1);
      assert.deepEqual([again && dataOf(again), again?.deliveryAttempt], ["s", 1]);
    },
  },
];
