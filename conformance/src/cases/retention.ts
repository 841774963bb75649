import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.js";
import { dataOf } from "../context.js";
import { notFound } from "../texts.js";

const HOUR_SECONDS = 3600;
const DAY_SECONDS = 24 * HOUR_SECONDS;
const DAY_TTL = { expirationPolicy: { ttl: { seconds: DAY_SECONDS } } };

/** Retention of messages and expiration of subscriptions: the clock decides. */
export const RETENTION_CASES: readonly ConformanceCase[] = [
  {
    id: "RET-001",
    title: "an unacked message is dropped after the retention of its subscription",
    clockSeconds: 660,
    run: async (context) => {
      const topic = await context.createTopic();
      const short = await context.createSubscription(topic, { messageRetentionDuration: { seconds: 600 } });
      const long = await context.createSubscription(topic);
      await context.publish(topic, "m");
      await context.advance(660);
      await context.expectNothing(short, "the message is older than ten minutes");
      assert.deepEqual((await context.pull(long, 1)).map(dataOf), ["m"]);
    },
  },
  {
    id: "RET-001",
    title: "by default an unacked message is kept for a week and no longer",
    clockSeconds: 8 * DAY_SECONDS,
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      await context.publish(topic, "m");
      await context.advance(6 * DAY_SECONDS);
      const [received] = await context.pull(subscription, 1);
      assert.equal(received && dataOf(received), "m");
      await context.advance(2 * DAY_SECONDS);
      await context.expectNothing(subscription, "the message is older than seven days");
    },
  },
  {
    id: "RET-004",
    title: "a shorter retention drops what is older",
    clockSeconds: HOUR_SECONDS,
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      await context.publish(topic, "old");
      await context.advance(HOUR_SECONDS);
      await context.publish(topic, "new");
      await context.subscriber.updateSubscription({
        subscription: { name: subscription, messageRetentionDuration: { seconds: 600 } },
        updateMask: { paths: ["message_retention_duration"] },
      });
      assert.deepEqual((await context.pull(subscription, 1)).map(dataOf), ["new"]);
      await context.expectNothing(subscription, "the old message is dropped");
    },
  },
  {
    id: "EXP-001",
    title: "an idle subscription is deleted after its ttl",
    clockSeconds: 30 * HOUR_SECONDS,
    run: async (context) => {
      const { subscription } = await context.createPair(DAY_TTL);
      await context.advance(30 * HOUR_SECONDS);
      await context.refuses(context.subscriber.getSubscription({ subscription }), "NOT_FOUND", notFound(subscription));
    },
  },
  {
    id: "EXP-002",
    title: "a pull keeps a subscription alive",
    clockSeconds: 40 * HOUR_SECONDS,
    run: async (context) => {
      const { subscription } = await context.createPair(DAY_TTL);
      await context.advance(20 * HOUR_SECONDS);
      await context.pullNow(subscription);
      await context.advance(20 * HOUR_SECONDS);
      await context.pullNow(subscription);
    },
  },
  {
    id: "EXP-003",
    title: "a subscription whose policy has no ttl never expires",
    clockSeconds: 300 * DAY_SECONDS,
    run: async (context) => {
      const { subscription } = await context.createPair({ expirationPolicy: {} });
      await context.advance(300 * DAY_SECONDS);
      await context.pullNow(subscription);
    },
  },
  {
    id: "EXP-004",
    title: "publishing alone does not keep a subscription alive",
    clockSeconds: 40 * HOUR_SECONDS,
    run: async (context) => {
      const { topic, subscription } = await context.createPair(DAY_TTL);
      await context.advance(20 * HOUR_SECONDS);
      await context.publish(topic, "m");
      await context.advance(20 * HOUR_SECONDS);
      await context.refuses(context.pullNow(subscription), "NOT_FOUND", notFound(subscription));
    },
  },
];
