import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.js";
import { ackIdOf, type Context, dataOf } from "../context.js";

const NEEDS = ["ordering"] as const;
export const ORDERED = { enableMessageOrdering: true } as const;

/** Publishes texts with one key, in one request. */
export function publishKeyed(context: Context, topic: string, orderingKey: string, ...texts: string[]) {
  return context.publish(topic, ...texts.map((text) => ({ data: Buffer.from(text), orderingKey })));
}

/** Pulls and acks until nothing is left; returns the texts by key in the order they came. */
export async function drainByKey(context: Context, subscription: string): Promise<Record<string, string[]>> {
  const byKey: Record<string, string[]> = {};
  for (;;) {
    const received = await context.pullNow(subscription);
    if (received.length === 0) return byKey;
    for (const one of received) {
      const key = one.message?.orderingKey ?? "";
      byKey[key] = [...(byKey[key] ?? []), dataOf(one)];
    }
    await context.acknowledge(subscription, received.map(ackIdOf));
  }
}

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => String(from + index));

export const ORDERING_CASES: readonly ConformanceCase[] = [
  {
    id: "ORD-001",
    title: "1000 messages of 10 keys come in order of their key over 3 streams",
    needs: NEEDS,
    run: async (context) => {
      const { topic, subscription } = await context.createPair(ORDERED);
      const byKey = new Map<string, string[]>();
      const streams = Array.from({ length: 3 }, () =>
        context.openStream(subscription, { streamAckDeadlineSeconds: 60 }),
      );
      await Promise.all(streams.map((stream) => stream.opened()));
      const keys = Array.from({ length: 10 }, (_, index) => `key-${index}`);
      for (let index = 0; index < 100; index += 1) {
        await Promise.all(keys.map((key) => publishKeyed(context, topic, key, String(index))));
      }
      let count = 0;
      const lastAtMs = Date.now() + 30_000;
      const taken = streams.map(() => 0);
      while (count < 1000 && Date.now() < lastAtMs) {
        for (const [index, stream] of streams.entries()) {
          const fresh = stream.messages.slice(taken[index]);
          taken[index] = stream.messages.length;
          count += fresh.length;
          for (const one of fresh) {
            const key = one.message?.orderingKey ?? "";
            byKey.set(key, [...(byKey.get(key) ?? []), dataOf(one)]);
          }
          if (fresh.length > 0) stream.write({ ackIds: fresh.map(ackIdOf) });
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      for (const key of keys) assert.deepEqual(byKey.get(key), numbers(0, 99), key);
    },
  },
  {
    id: "ORD-002",
    title: "messages without a key are not held up by each other",
    needs: NEEDS,
    run: async (context) => {
      const { topic, subscription } = await context.createPair({ ...ORDERED, ackDeadlineSeconds: 600 });
      await context.publish(topic, "1", "2", "3");
      const apart = [];
      // Each stays out while the next is pulled.
      for (let count = 0; count < 3; count += 1) apart.push(...(await context.pull(subscription, 1)));
      assert.deepEqual(apart.map(dataOf).sort(), ["1", "2", "3"]);
      await context.modifyAckDeadline(subscription, [ackIdOf(apart[0])], 0);
      const again = await context.pullNow(subscription);
      assert.deepEqual(again.map(dataOf), [dataOf(apart[0] ?? {})], "only the nacked one comes back");
    },
  },
  {
    id: "ORD-003",
    title: "a nacked message comes back before the later ones of its key",
    needs: NEEDS,
    run: async (context) => {
      const { topic, subscription } = await context.createPair(ORDERED);
      for (const text of ["1", "2", "3"]) await publishKeyed(context, topic, "key", text);
      const first = await context.pullNow(subscription, 10);
      assert.deepEqual(first.map(dataOf), ["1", "2", "3"].slice(0, first.length));
      await context.modifyAckDeadline(subscription, [ackIdOf(first[0])], 0);
      assert.deepEqual(await drainByKey(context, subscription), { key: ["1", "2", "3"] });
    },
  },
  {
    id: "ORD-003",
    title: "on a stream the messages behind a nacked one come again in order, and their old ids are OK",
    needs: NEEDS,
    run: async (context) => {
      const { topic, subscription } = await context.createPair(ORDERED);
      await publishKeyed(context, topic, "key", "1", "2", "3");
      const stream = context.openStream(subscription, { streamAckDeadlineSeconds: 60 });
      const first = (await stream.waitForMessages(3)).slice(0, 3);
      assert.deepEqual(first.map(dataOf), ["1", "2", "3"]);
      stream.write({
        ackIds: [ackIdOf(first[0])],
        modifyDeadlineAckIds: [ackIdOf(first[1])],
        modifyDeadlineSeconds: [0],
      });
      const again = (await stream.waitForMessages(5)).slice(3);
      assert.deepEqual(again.map(dataOf), ["2", "3"]);
      assert.notEqual(ackIdOf(again[1]), ackIdOf(first[2]));
      // S-9.6: at least once, an ack of the lease that the nack took away is no error.
      await context.acknowledge(subscription, [ackIdOf(first[2]), ...again.map(ackIdOf)]);
    },
  },
  {
    id: "ORD-006",
    title: "while messages of a key are out on a stream, the next go to no other",
    needs: NEEDS,
    run: async (context) => {
      const { topic, subscription } = await context.createPair({ ...ORDERED, ackDeadlineSeconds: 600 });
      const streams = Array.from({ length: 3 }, () =>
        context.openStream(subscription, { streamAckDeadlineSeconds: 600 }),
      );
      await Promise.all(streams.map((stream) => stream.opened()));
      const keys = ["a", "b", "c", "d", "e", "f"];
      for (let index = 0; index < 10; index += 1) {
        for (const key of keys) await publishKeyed(context, topic, key, String(index));
      }
      const lastAtMs = Date.now() + 10_000;
      const arrived = (): number => streams.reduce((sum, stream) => sum + stream.messages.length, 0);
      while (arrived() < 60 && Date.now() < lastAtMs) await new Promise((resolve) => setTimeout(resolve, 10));
      assert.equal(arrived(), 60);
      for (const key of keys) {
        const having = streams.filter((stream) => stream.messages.some((one) => one.message?.orderingKey === key));
        assert.equal(having.length, 1, `key ${key} is on one stream`);
        const texts = having[0]?.messages.filter((one) => one.message?.orderingKey === key).map(dataOf);
        assert.deepEqual(texts, numbers(0, 9));
      }
    },
  },
  {
    id: "ORD-007",
    title: "a pull takes a run of a key in order, and the next pull none of it until all is settled",
    needs: NEEDS,
    run: async (context) => {
      const { topic, subscription } = await context.createPair({ ...ORDERED, ackDeadlineSeconds: 600 });
      await publishKeyed(context, topic, "key", ...numbers(1, 9));
      const run = await context.pullNow(subscription, 4);
      assert.ok(run.length > 0);
      assert.deepEqual(run.map(dataOf), numbers(1, run.length));
      await publishKeyed(context, topic, "other", "x");
      assert.deepEqual((await context.pullNow(subscription)).map(dataOf), ["x"], "the other key flows");
      const [first, ...rest] = run.map(ackIdOf);
      await context.acknowledge(subscription, [first ?? ""]);
      if (rest.length > 0) {
        await context.expectNothing(subscription, "a part of the run is still out");
        await context.acknowledge(subscription, rest);
      }
      assert.deepEqual(await drainByKey(context, subscription), { key: numbers(run.length + 1, 9) });
    },
  },
  {
    id: "ORD-009",
    title: "a dead-lettered head lets the rest of its key through",
    needs: ["ordering", "dead letter"],
    run: async (context) => {
      const deadLetterTopic = await context.createTopic();
      const dead = await context.createSubscription(deadLetterTopic);
      const deadLetterPolicy = { deadLetterTopic, maxDeliveryAttempts: 5 };
      const { topic, subscription } = await context.createPair({ ...ORDERED, deadLetterPolicy });
      await publishKeyed(context, topic, "key", "poison", "2", "3");
      for (let attempt = 1; attempt <= 5; attempt += 1) {
        const received = await context.pull(subscription, 1);
        assert.deepEqual(received.map(dataOf), ["poison"]);
        assert.equal(received[0]?.deliveryAttempt, attempt);
        await context.modifyAckDeadline(subscription, [ackIdOf(received[0])], 0);
      }
      assert.deepEqual((await context.pull(dead, 1)).map(dataOf), ["poison"]);
      const [second] = await context.pull(subscription, 1);
      assert.equal(second?.deliveryAttempt, 1, "what waited behind it has not failed");
      await context.modifyAckDeadline(subscription, [ackIdOf(second)], 0);
      assert.deepEqual(await drainByKey(context, subscription), { key: ["2", "3"] });
    },
  },
  {
    id: "ORD-010",
    title: "a seek keeps the order of each key",
    needs: ["ordering", "seek"],
    run: async (context) => {
      const { topic, subscription } = await context.createPair({ ...ORDERED, retainAckedMessages: true });
      for (const text of numbers(1, 5)) {
        await publishKeyed(context, topic, "a", text);
        await publishKeyed(context, topic, "b", text);
      }
      const all = { a: numbers(1, 5), b: numbers(1, 5) };
      assert.deepEqual(await drainByKey(context, subscription), all);
      await context.subscriber.seek({ subscription, time: { seconds: 1 } });
      assert.deepEqual(await drainByKey(context, subscription), all);
      // With a run out, too: it comes again from its start.
      await context.subscriber.seek({ subscription, time: { seconds: 1 } });
      await context.pullNow(subscription, 3);
      await context.subscriber.seek({ subscription, time: { seconds: 1 } });
      assert.deepEqual(await drainByKey(context, subscription), all);
    },
  },
  {
    id: "ORD-011",
    title: "the ordering key is delivered on an unordered subscription",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      await publishKeyed(context, topic, "key", "x");
      const [received] = await context.pull(subscription, 1);
      assert.equal(received?.message?.orderingKey, "key");
    },
  },
  {
    id: "ORD-012",
    title: "messages that a filter keeps out do not block their key",
    needs: ["ordering", "filter"],
    run: async (context) => {
      const { topic, subscription } = await context.createPair({ ...ORDERED, filter: "attributes:wanted" });
      for (const text of numbers(1, 9)) {
        const attributes: Record<string, string> = Number(text) % 3 === 0 ? { wanted: "" } : { other: "" };
        await context.publish(topic, { data: Buffer.from(text), orderingKey: "key", attributes });
      }
      assert.deepEqual(await drainByKey(context, subscription), { key: ["3", "6", "9"] });
    },
  },
];
