import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { PubSub } from "@google-cloud/pubsub";
import type { ConformanceCase } from "../conformance-case.js";
import { ackIdOf, type Context, dataOf } from "../context.js";
import { expectRestError, isObject, type JsonObject, okJson } from "../rest.js";
import { invalidName, notFound } from "../texts.js";

function texts(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `m${index}`);
}

/** Returns the messages of a pull over REST, as their JSON. */
async function pullJson(context: Context, subscription: string, maxMessages = 10): Promise<JsonObject[]> {
  const body = okJson(await context.rest("POST", `/v1/${subscription}:pull`, { maxMessages }));
  const received = body["receivedMessages"];
  return (Array.isArray(received) ? received : []).filter(isObject);
}

function messageOf(received: JsonObject | undefined): JsonObject {
  const message = received?.["message"];
  assert.ok(isObject(message), "a delivery carries a message");
  return message;
}

export const PUB_CASES: readonly ConformanceCase[] = [
  {
    id: "PUB-001",
    title: "the ids are as many as the messages and in their order",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      const sent = texts(10);
      const ids = await context.publish(topic, ...sent);
      assert.equal(ids.length, 10);
      const received = await context.pull(subscription, 10);
      const dataById = new Map(received.map((one) => [one.message?.messageId, dataOf(one)]));
      assert.deepEqual(
        ids.map((id) => dataById.get(id)),
        sent,
      );
      if (context.isService) for (const id of ids) assert.match(id, /^\d{16,17}$/);
    },
  },
  {
    id: "PUB-002",
    title: "100 000 messages have as many ids",
    run: async (context) => {
      const topic = await context.createTopic();
      const ids = new Set<string>();
      for (let round = 0; round < 25; round += 1) {
        const batches = Array.from({ length: 4 }, () => context.publish(topic, ...texts(1000)));
        for (const batch of await Promise.all(batches)) for (const id of batch) ids.add(id);
      }
      assert.equal(ids.size, 100_000);
    },
  },
  {
    id: "PUB-002",
    title: "no id comes again after a restart or a kill",
    ownsServer: true,
    run: async (context) => {
      const server = await context.startDurableServer();
      const topic = await context.createTopic();
      const ids = [...(await context.publish(topic, ...texts(1000)))];
      await server.restart();
      ids.push(...(await context.publish(topic, ...texts(1000))));
      await server.killAndRestart();
      ids.push(...(await context.publish(topic, ...texts(1000))));
      assert.equal(new Set(ids).size, 3000);
    },
  },
  {
    id: "PUB-003",
    title: "id and publish time are the same on every subscription and redelivery",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      const other = await context.createSubscription(topic);
      const [id] = await context.publish(topic, "once");
      const [first] = await pullJson(context, subscription);
      const [elsewhere] = await pullJson(context, other);
      await context.modifyAckDeadline(subscription, [String(first?.["ackId"])], 0);
      const [again] = await pullJson(context, subscription);
      for (const received of [first, elsewhere, again]) {
        assert.equal(messageOf(received)["messageId"], id);
        assert.equal(messageOf(received)["publishTime"], messageOf(first)["publishTime"]);
      }
    },
  },
  {
    id: "PUB-013",
    title: "message id and publish time of the client are overwritten",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      const [id] = await context.publish(topic, {
        data: Buffer.from("x"),
        messageId: "mine",
        publishTime: { seconds: 1_000_000 },
      });
      assert.notEqual(id, "mine");
      const [received] = await context.pull(subscription, 1);
      assert.equal(received?.message?.messageId, id);
      assert.ok(
        Number(String(received?.message?.publishTime?.seconds)) > 1_500_000_000,
        "the publish time is the server's",
      );
    },
  },
  {
    id: "PUB-014",
    title: "binary data comes back unchanged",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      const data = Buffer.concat([Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)), randomBytes(100_000)]);
      await context.publish(topic, { data });
      const [received] = await context.pull(subscription, 1);
      assert.ok(data.equals(Buffer.from(received?.message?.data as Uint8Array)));
    },
  },
  {
    id: "PUB-015",
    title: "publishing to a topic without subscriptions succeeds",
    run: async (context) => {
      assert.equal((await context.publish(await context.createTopic(), "unheard")).length, 1);
    },
  },
  {
    id: "PUB-016",
    title: "an acknowledged publish survives kill -9",
    ownsServer: true,
    run: async (context) => {
      const server = await context.startDurableServer();
      const { topic, subscription } = await context.createPair();
      const ids: string[] = [];
      for (const data of texts(50)) ids.push(...(await context.publish(topic, data)));
      await server.killAndRestart();
      const received = await context.pull(subscription, 50);
      assert.deepEqual(new Set(received.map((one) => one.message?.messageId)), new Set(ids));
      assert.deepEqual(received.map(dataOf).sort(), texts(50).sort());
    },
  },
  {
    id: "PUB-017",
    title: "a message can be pulled as soon as its publish has returned",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      for (const data of texts(50)) {
        await context.publish(topic, data);
        const received = await context.pullNow(subscription);
        assert.deepEqual(received.map(dataOf), [data]);
        await context.acknowledge(subscription, received.map(ackIdOf));
      }
    },
  },
  {
    id: "PUB-018",
    title: "a missing topic is NOT_FOUND, a bad name INVALID_ARGUMENT",
    run: async (context) => {
      await context.refuses(context.publish(context.topicName("nowhere"), "x"), "NOT_FOUND", notFound("nowhere"));
      await context.refuses(context.publish("nonsense", "x"), "INVALID_ARGUMENT", invalidName("nonsense"));
    },
  },
  {
    id: "PUB-019",
    title: "publish times never fall within a key and are milliseconds in JSON",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      for (const text of texts(20)) await context.publish(topic, { data: Buffer.from(text), orderingKey: "k" });
      const timeByData = new Map<string, string>();
      while (timeByData.size < 20) {
        const received = await pullJson(context, subscription, 100);
        assert.ok(received.length > 0, "all messages come");
        for (const one of received) {
          const data = Buffer.from(String(messageOf(one)["data"]), "base64").toString();
          timeByData.set(data, String(messageOf(one)["publishTime"]));
        }
      }
      const times = texts(20).map((text) => timeByData.get(text) ?? "");
      for (const time of times) assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/);
      const inMs = times.map((time) => Date.parse(time));
      assert.deepEqual(
        inMs,
        [...inMs].sort((a, b) => a - b),
      );
    },
  },
  {
    id: "PUB-020",
    title: "a healthy consumer gets 500 concurrent publishes once each",
    run: async (context) => {
      const { topic, subscription } = await context.createPair({ ackDeadlineSeconds: 60 });
      const client = new PubSub({ projectId: context.project, apiEndpoint: context.endpoint, emulatorMode: true });
      context.atEnd(() => client.close());
      const received: string[] = [];
      const listener = client.subscription(subscription);
      const done = new Promise<void>((resolve, reject) => {
        listener.on("error", reject);
        listener.on("message", (message) => {
          received.push(message.id);
          message.ack();
          if (received.length >= 500) resolve();
        });
      });
      // Awaited below; a failure before that must not end the process.
      done.catch(() => undefined);
      context.atEnd(() => listener.close());
      const published = await Promise.all(texts(500).map((text) => context.publish(topic, text)));
      await done;
      await listener.close();
      assert.deepEqual([...received].sort(), published.flat().sort());
      await context.expectNothing(subscription, "all is acked");
    },
  },
  {
    id: "PUB-021",
    title: "data that is not base64 is refused over REST",
    run: async (context) => {
      const topic = await context.createTopic();
      const response = await context.rest("POST", `/v1/${topic}:publish`, { messages: [{ data: "!!!" }] });
      expectRestError(response, "INVALID_ARGUMENT");
    },
  },
  {
    id: "PUB-022",
    title: "the trace context of official clients is delivered unchanged",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      const sent = { googclient_traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
      await context.publish(topic, { data: Buffer.from("x"), attributes: sent });
      const [received] = await context.pull(subscription, 1);
      assert.deepEqual(received?.message?.attributes, sent);
    },
  },
];
