import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { PubSub, protos } from "@google-cloud/pubsub";
import type { ConformanceCase } from "../conformance-case.js";
import { ackIdOf, type Context, dataOf } from "../context.js";
import { expectRestError, isObject, type JsonObject, okJson } from "../rest.js";
import {
  EMPTY_MESSAGE,
  invalidName,
  MIXED_ORDERING_KEYS,
  notFound,
  tooLarge,
  tooLargeOfAnything,
  tooSmall,
} from "../texts.js";

const { PublishRequest } = protos.google.pubsub.v1;
const REQUEST_BYTES_MAX = 10_000_000;

function texts(count: number, prefix = "m"): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}

/** Returns a message that makes the request for `topic` exactly `sizeBytes` long. */
function messageForRequestOf(topic: string, sizeBytes: number): { data: Buffer } {
  let length = sizeBytes;
  for (;;) {
    const size = PublishRequest.encode({ topic, messages: [{ data: Buffer.alloc(length) }] }).finish().length;
    if (size === sizeBytes) return { data: Buffer.alloc(length, "x") };
    length -= size - sizeBytes;
  }
}

function attributes(count: number): Record<string, string> {
  return Object.fromEntries(texts(count).map((name) => [name, "v"]));
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
    id: "PUB-004",
    title: "a request holds 1 to 1000 messages",
    run: async (context) => {
      const topic = await context.createTopic();
      await context.refuses(context.publish(topic), "INVALID_ARGUMENT", tooSmall("message_count", 0, 1));
      const tooMany = context.publish(topic, ...texts(1001));
      await context.refuses(tooMany, "INVALID_ARGUMENT", tooLarge("message_count", 1001, 1000));
      assert.equal((await context.publish(topic, ...texts(1000))).length, 1000);
    },
  },
  {
    id: "PUB-005",
    title: "a request is at most 10 000 000 bytes long",
    run: async (context) => {
      const topic = await context.createTopic();
      await context.publish(topic, messageForRequestOf(topic, REQUEST_BYTES_MAX));
      await context.refuses(
        context.publish(topic, messageForRequestOf(topic, REQUEST_BYTES_MAX + 1)),
        "INVALID_ARGUMENT",
        tooLarge("request_size", REQUEST_BYTES_MAX + 1, REQUEST_BYTES_MAX),
      );
    },
  },
  {
    id: "PUB-006",
    title: "a message has data or an attribute; an ordering key is not enough",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      await context.refuses(context.publish(topic, {}), "INVALID_ARGUMENT", EMPTY_MESSAGE);
      await context.refuses(context.publish(topic, { orderingKey: "k" }), "INVALID_ARGUMENT", EMPTY_MESSAGE);
      await context.publish(topic, { attributes: { k: "v" } });
      const [received] = await context.pull(subscription, 1);
      assert.deepEqual(received?.message?.attributes, { k: "v" });
    },
  },
  {
    id: "PUB-007",
    title: "one bad message keeps the whole batch out",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      await context.refuses(context.publish(topic, "good", {}, "good too"), "INVALID_ARGUMENT", EMPTY_MESSAGE);
      await context.expectNothing(subscription, "nothing of a refused batch is stored");
    },
  },
  {
    id: "PUB-008",
    title: "a message has at most 100 attributes",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      await context.publish(topic, { attributes: attributes(100) });
      const [received] = await context.pull(subscription, 1);
      assert.deepEqual(received?.message?.attributes, attributes(100));
      const tooMany = context.publish(topic, { attributes: attributes(101) });
      await context.refuses(tooMany, "INVALID_ARGUMENT", tooLargeOfAnything(101, 100));
    },
  },
  {
    id: "PUB-009",
    title: "an attribute key has at most 256 bytes of UTF-8, a value 1024",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      const key = "\u00e9".repeat(128);
      const value = "\u00e9".repeat(512);
      await context.publish(topic, { attributes: { [key]: value } });
      const [received] = await context.pull(subscription, 1);
      assert.deepEqual(received?.message?.attributes, { [key]: value });
      const longKey = context.publish(topic, { attributes: { [`${key}k`]: "v" } });
      await context.refuses(longKey, "INVALID_ARGUMENT", tooLargeOfAnything(257, 256));
      const longValue = context.publish(topic, { attributes: { k: `${value}v` } });
      await context.refuses(longValue, "INVALID_ARGUMENT", tooLargeOfAnything(1025, 1024));
    },
  },
  {
    id: "PUB-010",
    title: "attribute keys that are empty or start with goog are refused",
    profile: "service",
    run: async (context) => {
      const topic = await context.createTopic();
      for (const key of ["googx", "GOOGx", "GoOgle", ""]) {
        await context.refuses(context.publish(topic, { attributes: { [key]: "v" } }), "INVALID_ARGUMENT");
      }
    },
  },
  {
    id: "PUB-010",
    title: "attribute keys that are empty or start with goog are accepted",
    profile: "emulator",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      await context.publish(topic, { attributes: { googx: "1", GOOGx: "2", "": "3" } });
      const [received] = await context.pull(subscription, 1);
      assert.deepEqual(received?.message?.attributes, { googx: "1", GOOGx: "2", "": "3" });
    },
  },
  {
    id: "PUB-011",
    title: "an ordering key has at most 1024 bytes of UTF-8",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      const orderingKey = "\u00e9".repeat(512);
      await context.publish(topic, { data: Buffer.from("x"), orderingKey });
      const [received] = await context.pull(subscription, 1);
      assert.equal(received?.message?.orderingKey, orderingKey);
      const tooLong = context.publish(topic, { data: Buffer.from("x"), orderingKey: `${orderingKey}k` });
      await context.refuses(tooLong, "INVALID_ARGUMENT");
    },
  },
  {
    id: "PUB-012",
    title: "one request has one ordering key or none",
    profile: "service",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      const data = Buffer.from("x");
      for (const other of ["b", ""]) {
        const mixed = context.publish(topic, { data, orderingKey: "a" }, { data, orderingKey: other });
        await context.refuses(mixed, "FAILED_PRECONDITION", MIXED_ORDERING_KEYS);
      }
      await context.expectNothing(subscription, "nothing of a refused batch is stored");
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
