import assert from "node:assert/strict";
import { protos } from "@google-cloud/pubsub";
import type { ConformanceCase } from "../conformance-case.js";
import { EMPTY_MESSAGE, MIXED_ORDERING_KEYS, tooLarge, tooLargeOfAnything, tooSmall } from "../texts.js";

const { PublishRequest } = protos.google.pubsub.v1;
const REQUEST_BYTES_MAX = 10_000_000;

function texts(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `m${index}`);
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

/** What a publish may hold, and what it is refused for. */
export const PUB_LIMIT_CASES: readonly ConformanceCase[] = [
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
];
