import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.js";
import type { Context } from "../context.js";
import { upperCaseLabelKey } from "../texts.js";

type Labels = Record<string, string>;

async function expectAccepted(context: Context, labels: Labels): Promise<void> {
  const name = await context.createTopic({ labels });
  const [topic] = await context.publisher.getTopic({ topic: name });
  assert.deepEqual(topic.labels, labels);
  const subscription = await context.createSubscription(name, { labels });
  const [read] = await context.subscriber.getSubscription({ subscription });
  assert.deepEqual(read.labels, labels);
}

async function expectRefused(context: Context, labels: Labels, text?: string | RegExp): Promise<void> {
  await context.refuses(context.createTopic({ labels }), "INVALID_ARGUMENT", text);
  const topic = await context.createTopic();
  await context.refuses(context.createSubscription(topic, { labels }), "INVALID_ARGUMENT", text);
}

function manyLabels(count: number): Labels {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`key-${index}`, `value-${index}`]));
}

export const LABEL_CASES: readonly ConformanceCase[] = [
  {
    id: "LABEL-001",
    title: "a resource has at most 64 labels",
    run: async (context) => {
      await expectAccepted(context, manyLabels(64));
      await expectRefused(context, manyLabels(65));
    },
  },
  {
    id: "LABEL-002",
    title: "a key and a value have at most 63 characters",
    run: async (context) => {
      await expectAccepted(context, { ["k".repeat(63)]: "v".repeat(63) });
      const value = "v".repeat(64);
      const ending = `Invalid field "labels.k"; value "${value}" exceeds maximum value length 63 with a length of 64).`;
      await expectRefused(context, { k: value }, new RegExp(`${ending.replace(/[.()]/g, "\\$&")}$`));
      await expectRefused(context, { ["k".repeat(64)]: "v" });
    },
  },
  {
    id: "LABEL-003",
    title: "a key starts with a letter that is not upper case",
    run: async (context) => {
      if (context.isService) await expectRefused(context, { Upper: "v" }, upperCaseLabelKey("Upper"));
      else await expectAccepted(context, { Upper: "v" });
    },
  },
  {
    id: "LABEL-004",
    title: "a value may be empty, a key may not",
    run: async (context) => {
      await expectAccepted(context, { k: "" });
      await expectRefused(context, { "": "v" });
    },
  },
  {
    id: "LABEL-005",
    title: "keys and values may use lower-case letters of any script",
    run: (context) =>
      expectAccepted(context, { "\u00e9t\u00e9": "\u043a\u043b\u044e\u0447", "\u65e5\u672c": "\u5024" }),
  },
];
