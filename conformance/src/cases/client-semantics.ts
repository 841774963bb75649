import assert from "node:assert/strict";
import { AckResponses, type Message, PubSub, type Subscription, type SubscriptionOptions } from "@google-cloud/pubsub";
import type { ConformanceCase, Feature } from "../conformance-case.js";
import type { Context } from "../context.js";
import { type ClientProgram, runOfficialProgram } from "../official-programs.js";
import { textOf } from "../push-receiver.js";
import { lastSegment } from "../texts.js";

const WAIT_MS = 30_000;

/** The official Node client as its users have it, connected to the endpoint of the case. */
function clientOf(context: Context): PubSub {
  const client = new PubSub({ projectId: context.project, apiEndpoint: context.endpoint, emulatorMode: true });
  context.atEnd(() => client.close());
  return client;
}

/** Hands every message of a subscription to `take` until that returns true. */
async function consume(
  context: Context,
  subscription: Subscription,
  take: (message: Message) => Promise<boolean> | boolean,
): Promise<void> {
  context.atEnd(() => subscription.close());
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the client is not done after ${WAIT_MS} ms`)), WAIT_MS);
    subscription.on("error", reject);
    subscription.on("message", (message: Message) => {
      Promise.resolve(take(message)).then((isDone) => isDone && resolve(), reject);
    });
    context.atEnd(async () => clearTimeout(timer));
  });
}

/** Receives and acks `count` messages; returns their texts in the order they came. */
async function receive(context: Context, client: PubSub, name: string, count: number): Promise<string[]> {
  const texts: string[] = [];
  const subscription = client.subscription(name);
  await consume(context, subscription, async (message) => {
    texts.push(message.data.toString());
    message.ack();
    return texts.length >= count;
  });
  await subscription.close();
  return texts;
}

function nodeCase(
  id: string,
  what: string,
  needs: readonly Feature[],
  run: (context: Context, client: PubSub) => Promise<void>,
): ConformanceCase {
  const title = `the official Node client ${what}`;
  return { id, title, needs, client: "node", run: (context) => run(context, clientOf(context)) };
}

function pythonCase(id: string, what: string, program: ClientProgram, fields: object, needs: Feature): ConformanceCase {
  const count = 1_000;
  return {
    id,
    title: `the official Python client ${what}`,
    needs: [needs],
    client: "python",
    timeoutMs: 280_000,
    run: async (context) => {
      const { topic, subscription } = await context.createPair({ ackDeadlineSeconds: 60, ...fields });
      const [topicId, subscriptionId] = [lastSegment(topic), lastSegment(subscription)];
      const names = { project: context.project, topicId, subscriptionId };
      const received = await runOfficialProgram("python", context.endpoint, names, count, program);
      assert.deepEqual(received, { deliveries: count, messages: count });
      await context.expectNothing(subscription, "all is acked");
    },
  };
}

/** The official clients' own ways to use each semantic, end to end. */
export const CLIENT_SEMANTICS_CASES: readonly ConformanceCase[] = [
  nodeCase("EOD-001", "confirms acks and nacks", ["exactly-once"], async (context, client) => {
    const { topic, subscription } = await context.createPair({ enableExactlyOnceDelivery: true });
    const count = 500;
    const texts = Array.from({ length: count }, (_, index) => String(index));
    const nacked = new Set<string>();
    const acked: string[] = [];
    const listening = consume(context, client.subscription(subscription), async (message) => {
      const text = message.data.toString();
      if (Number(text) % 10 === 0 && !nacked.has(text)) {
        nacked.add(text);
        assert.equal(await message.nackWithResponse(), AckResponses.Success);
        return false;
      }
      assert.equal(await message.ackWithResponse(), AckResponses.Success);
      acked.push(text);
      return acked.length >= count;
    });
    await Promise.all([context.publish(topic, ...texts), listening]);
    assert.deepEqual([...acked].sort(), [...texts].sort());
    assert.equal(nacked.size, count / 10);
    await context.expectNothing(subscription, "all acks were confirmed");
  }),
  nodeCase("ORD-001", "publishes in order to three subscribers", ["ordering"], async (context, client) => {
    const { topic, subscription } = await context.createPair({ enableMessageOrdering: true, ackDeadlineSeconds: 60 });
    const publisher = client.topic(topic, { messageOrdering: true, batching: { maxMessages: 20 } });
    const keys = Array.from({ length: 10 }, (_, index) => `key-${index}`);
    const byKey = new Map<string, string[]>(keys.map((key) => [key, []]));
    let count = 0;
    const options: SubscriptionOptions = { flowControl: { maxMessages: 50 } };
    const listening = Promise.all(
      Array.from({ length: 3 }, async () => {
        // A client of its own, so that there are three connections.
        await consume(context, clientOf(context).subscription(subscription, options), (message) => {
          byKey.get(message.orderingKey ?? "")?.push(message.data.toString());
          message.ack();
          count += 1;
          return count >= 1_000;
        }).catch((error: unknown) => {
          // Only one of the three takes the last message; the others wait in vain.
          if (count < 1_000) throw error;
        });
      }),
    );
    const publishes = Array.from({ length: 100 }, (_, index) =>
      keys.map((orderingKey) => publisher.publishMessage({ data: Buffer.from(String(index)), orderingKey })),
    );
    await Promise.all([Promise.race([listening, until(() => count >= 1_000)]), ...publishes.flat()]);
    const inOrder = Array.from({ length: 100 }, (_, index) => String(index));
    for (const key of keys) assert.deepEqual(byKey.get(key), inOrder, key);
  }),
  nodeCase(
    "DLQ-001",
    "tells the delivery attempt, and reads the dead letter",
    ["dead letter"],
    async (context, client) => {
      const deadLetterTopic = await context.createTopic();
      const dead = await context.createSubscription(deadLetterTopic);
      const deadLetterPolicy = { deadLetterTopic, maxDeliveryAttempts: 5 };
      const { topic, subscription } = await context.createPair({ deadLetterPolicy });
      const attempts: number[] = [];
      const listening = consume(context, client.subscription(subscription), (message) => {
        attempts.push(message.deliveryAttempt);
        message.nack();
        return attempts.length >= 5;
      });
      await client.topic(topic).publishMessage({ data: Buffer.from("poison") });
      await listening;
      assert.deepEqual(attempts, [1, 2, 3, 4, 5]);
      assert.deepEqual(await receive(context, client, dead, 1), ["poison"]);
    },
  ),
  nodeCase("SEEK-001", "seeks into the past", ["seek"], async (context, client) => {
    const { topic, subscription } = await context.createPair({ retainAckedMessages: true });
    const before = new Date(Date.now() - 3_600_000);
    await context.publish(topic, "a", "b");
    assert.deepEqual((await receive(context, client, subscription, 2)).sort(), ["a", "b"]);
    await client.subscription(subscription).seek(before);
    assert.deepEqual((await receive(context, client, subscription, 2)).sort(), ["a", "b"]);
  }),
  nodeCase("SNAP-001", "makes a snapshot and seeks to it", ["snapshots", "seek"], async (context, client) => {
    const { topic, subscription } = await context.createPair();
    await context.publish(topic, "a", "b");
    const [snapshot] = await client.subscription(subscription).createSnapshot("snap");
    assert.equal(snapshot.name, context.snapshotName("snap"));
    assert.deepEqual((await receive(context, client, subscription, 2)).sort(), ["a", "b"]);
    await client.subscription(subscription).seek("snap");
    assert.deepEqual((await receive(context, client, subscription, 2)).sort(), ["a", "b"]);
    const [snapshots] = await client.getSnapshots();
    assert.equal(snapshots.length, 1);
    await snapshot.delete();
  }),
  nodeCase("SUB-017", "turns a subscription to push and back", ["push"], async (context, client) => {
    const { topic, subscription } = await context.createPair();
    const receiver = await context.startReceiver();
    await client.subscription(subscription).modifyPushConfig({ pushEndpoint: receiver.url() });
    await client.topic(topic).publishMessage({ data: Buffer.from("pushed") });
    assert.equal(textOf((await receiver.waitFor(1))[0]), "pushed");
    await client.subscription(subscription).modifyPushConfig({});
    await client.topic(topic).publishMessage({ data: Buffer.from("pulled") });
    assert.deepEqual(await receive(context, client, subscription, 1), ["pulled"]);
    assert.equal(receiver.pushes.length, 1);
  }),
  nodeCase(
    "FLT-002",
    "creates a filtered subscription and receives what matches",
    ["filter"],
    async (context, client) => {
      const topic = client.topic(await context.createTopic());
      const name = context.subscriptionName("filtered");
      await topic.createSubscription(name, { filter: 'attributes.kind = "wanted"' });
      for (const kind of ["wanted", "other", "wanted"]) {
        await topic.publishMessage({ data: Buffer.from(kind), attributes: { kind } });
      }
      assert.deepEqual(await receive(context, client, name, 2), ["wanted", "wanted"]);
      await context.expectNothing(name, "nothing else matches");
    },
  ),
  pythonCase("EOD-001", "confirms acks and nacks", "exactly_once", { enableExactlyOnceDelivery: true }, "exactly-once"),
  pythonCase(
    "ORD-001",
    "publishes in order to three subscribers",
    "ordered",
    { enableMessageOrdering: true },
    "ordering",
  ),
];

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 20));
}
