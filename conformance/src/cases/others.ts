import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.js";
import { ackIdOf, dataOf } from "../context.js";
import { expectRestError, okJson } from "../rest.js";

/** Cases of groups that come with later issues, where they can be judged already or cost little. */
export const OTHER_CASES: readonly ConformanceCase[] = [
  {
    id: "AUTH-002",
    title: "any Authorization header is ignored",
    profile: "emulator",
    run: async (context) => {
      const headers = { authorization: "Bearer nonsense" };
      okJson(await context.rest("PUT", "/topics/topic", {}, headers));
    },
  },
  {
    id: "ORD-011",
    title: "the ordering key is delivered on an unordered subscription",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      await context.publish(topic, { data: Buffer.from("x"), orderingKey: "key" });
      const [received] = await context.pull(subscription, 1);
      assert.equal(received?.message?.orderingKey, "key");
    },
  },
  {
    id: "ORD-001",
    title: "1000 messages of 10 keys come in order of their key over 3 streams",
    needs: ["ordering"],
    run: async (context) => {
      const { topic, subscription } = await context.createPair({ enableMessageOrdering: true });
      const byKey = new Map<string, string[]>();
      const streams = Array.from({ length: 3 }, () =>
        context.openStream(subscription, { streamAckDeadlineSeconds: 60 }),
      );
      await Promise.all(streams.map((stream) => stream.opened()));
      const keys = Array.from({ length: 10 }, (_, index) => `key-${index}`);
      for (let index = 0; index < 100; index += 1) {
        const publishes = keys.map((orderingKey) =>
          context.publish(topic, { data: Buffer.from(String(index)), orderingKey }),
        );
        await Promise.all(publishes);
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
      const inOrder = Array.from({ length: 100 }, (_, index) => String(index));
      for (const key of keys) assert.deepEqual(byKey.get(key), inOrder, key);
    },
  },
  {
    id: "ORD-003",
    title: "a nacked message comes back before the later ones of its key",
    needs: ["ordering"],
    run: async (context) => {
      const { topic, subscription } = await context.createPair({ enableMessageOrdering: true });
      for (const text of ["1", "2", "3"]) {
        await context.publish(topic, { data: Buffer.from(text), orderingKey: "key" });
      }
      const first = await context.pullNow(subscription, 10);
      assert.deepEqual(first.map(dataOf), ["1", "2", "3"].slice(0, first.length));
      await context.modifyAckDeadline(subscription, [ackIdOf(first[0])], 0);
      const again: string[] = [];
      while (again.length < 3) {
        const received = await context.pull(subscription, 1);
        again.push(...received.map(dataOf));
        await context.acknowledge(subscription, received.map(ackIdOf));
      }
      assert.deepEqual(again, ["1", "2", "3"]);
    },
  },
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
    needs: ["dead letter"],
    run: async (context) => {
      const deadLetterTopic = await context.createTopic();
      const { topic, subscription } = await context.createPair({ deadLetterPolicy: { deadLetterTopic } });
      await context.publish(topic, "m");
      for (let attempt = 1; attempt <= 3; attempt += 1) {
        const [received] = await context.pull(subscription, 1);
        assert.equal(received?.deliveryAttempt, attempt);
        await context.modifyAckDeadline(subscription, [ackIdOf(received)], 0);
      }
    },
  },
  {
    id: "DLQ-002",
    title: "a message is forwarded after exactly as many failed deliveries as allowed",
    needs: ["dead letter"],
    run: async (context) => {
      const deadLetterTopic = await context.createTopic();
      const dead = await context.createSubscription(deadLetterTopic);
      const deadLetterPolicy = { deadLetterTopic, maxDeliveryAttempts: 5 };
      const { topic, subscription } = await context.createPair({ deadLetterPolicy });
      await context.publish(topic, "m");
      for (let attempt = 1; attempt <= 5; attempt += 1) {
        const [received] = await context.pull(subscription, 1);
        await context.modifyAckDeadline(subscription, [ackIdOf(received)], 0);
      }
      assert.deepEqual((await context.pull(dead, 1)).map(dataOf), ["m"]);
      await context.expectNothing(subscription, "the source has it no more");
    },
  },
  {
    id: "SEEK-003",
    title: "a seek into the future purges the backlog",
    needs: ["seek"],
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      await context.publish(topic, "purged");
      await context.subscriber.seek({ subscription, time: { seconds: Math.floor(Date.now() / 1000) + 86_400 } });
      await context.expectNothing(subscription, "the backlog is purged");
    },
  },
  {
    id: "SEEK-005",
    title: "a seek without a target, or with two, is refused",
    needs: ["seek"],
    run: async (context) => {
      const { subscription } = await context.createPair();
      await context.refuses(context.subscriber.seek({ subscription }), "INVALID_ARGUMENT");
      const both = { time: "2026-09-10T08:00:00Z", snapshot: context.snapshotName("snap") };
      expectRestError(await context.rest("POST", `/v1/${subscription}:seek`, both), "INVALID_ARGUMENT");
    },
  },
  {
    id: "SEEK-006",
    title: "a seek of a missing subscription or to a missing snapshot is NOT_FOUND",
    needs: ["seek"],
    run: async (context) => {
      const { subscription } = await context.createPair();
      const time = { seconds: 1_700_000_000 };
      const missing = context.subscriber.seek({ subscription: context.subscriptionName("nowhere"), time });
      await context.refuses(missing, "NOT_FOUND");
      const snapshot = context.snapshotName("nowhere");
      await context.refuses(context.subscriber.seek({ subscription, snapshot }), "NOT_FOUND");
    },
  },
];
