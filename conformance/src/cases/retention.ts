import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.js";
import { ackIdOf, dataOf } from "../context.js";
import { notFound } from "../texts.js";

const LONG_AGO = { seconds: 1_000_000_000 };
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
    id: "RET-002",
    title: "acked messages are replayed where they are retained, and not elsewhere",
    needs: ["seek"],
    clockSeconds: 660,
    run: async (context) => {
      const topic = await context.createTopic();
      const messageRetentionDuration = { seconds: 600 };
      const retaining = await context.createSubscription(topic, {
        retainAckedMessages: true,
        messageRetentionDuration,
      });
      const plain = await context.createSubscription(topic);
      await context.publish(topic, "m");
      const replayed = async (subscription: string): Promise<string[]> => {
        await context.subscriber.seek({ subscription, time: LONG_AGO });
        const received = await context.pullNow(subscription);
        if (received.length > 0) await context.acknowledge(subscription, received.map(ackIdOf));
        return received.map(dataOf);
      };
      assert.deepEqual([await replayed(retaining), await replayed(plain)], [["m"], ["m"]], "unacked messages stay");
      assert.deepEqual([await replayed(retaining), await replayed(plain)], [["m"], []]);
      await context.advance(660);
      assert.deepEqual(await replayed(retaining), [], "retained for ten minutes");
    },
  },
  {
    id: "RET-003",
    title: "what the topic retains is there for a subscription made later, as long as it is retained",
    needs: ["seek"],
    clockSeconds: 1260,
    run: async (context) => {
      const topic = await context.createTopic({ messageRetentionDuration: { seconds: 1200 } });
      await context.publish(topic, "old");
      await context.advance(660);
      await context.publish(topic, "young");
      const [first, second] = [await context.createSubscription(topic), await context.createSubscription(topic)];
      await context.expectNothing(first, "published before it was made");
      await context.subscriber.seek({ subscription: first, time: LONG_AGO });
      const received = await context.pullNow(first);
      assert.deepEqual(received.map(dataOf), ["old", "young"]);
      await context.acknowledge(first, received.map(ackIdOf));
      await context.advance(600);
      for (const subscription of [first, second]) {
        await context.subscriber.seek({ subscription, time: LONG_AGO });
        assert.deepEqual((await context.pullNow(subscription)).map(dataOf), ["young"]);
      }
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
