import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.js";
import { type Context, dataOf, secondsOf } from "../context.js";
import {
  expirationTooSmall,
  invalidAckDeadline,
  notFound,
  outOfBounds,
  RETENTION_OUT_OF_BOUNDS,
  retentionBeyondTtl,
} from "../texts.js";

const DAY_SECONDS = 86_400;

/** Creates a subscription to a topic of its own and reads it back. */
async function created(context: Context, fields: Parameters<Context["createSubscription"]>[1] = {}) {
  const { subscription } = await context.createPair(fields);
  return (await context.subscriber.getSubscription({ subscription }))[0];
}

export const SUB_CASES: readonly ConformanceCase[] = [
  {
    id: "SUB-001",
    title: "the defaults are 10 s, 7 days, a ttl of 31 days, ACTIVE, no filter",
    run: async (context) => {
      const read = await created(context);
      assert.equal(read.ackDeadlineSeconds, 10);
      assert.equal(secondsOf(read.messageRetentionDuration), 7 * DAY_SECONDS);
      assert.equal(secondsOf(read.expirationPolicy?.ttl), 31 * DAY_SECONDS);
      assert.equal(read.state, "ACTIVE");
      assert.equal(read.filter, "");
      assert.equal(read.retainAckedMessages, false);
      assert.equal(read.detached, false);
    },
  },
  {
    id: "SUB-002",
    title: "the ack deadline is 10 to 600 seconds, and 0 is 10",
    run: async (context) => {
      for (const [asked, got] of [
        [0, 10],
        [10, 10],
        [600, 600],
      ]) {
        assert.equal((await created(context, { ackDeadlineSeconds: asked ?? 0 })).ackDeadlineSeconds, got);
      }
      if (!context.isService) {
        assert.equal((await created(context, { ackDeadlineSeconds: 9 })).ackDeadlineSeconds, 9);
        return;
      }
      for (const seconds of [9, 601]) {
        const call = context.createPair({ ackDeadlineSeconds: seconds });
        await context.refuses(call, "INVALID_ARGUMENT", invalidAckDeadline(seconds, 10));
      }
    },
  },
  {
    id: "SUB-003",
    title: "with exactly-once the default ack deadline is 60 s",
    needs: ["exactly-once"],
    run: async (context) => {
      assert.equal((await created(context, { enableExactlyOnceDelivery: true })).ackDeadlineSeconds, 60);
    },
  },
  {
    id: "SUB-004",
    title: "a subscription retains messages for 10 minutes to 31 days",
    run: async (context) => {
      for (const seconds of [600, 31 * DAY_SECONDS]) {
        const read = await created(context, { messageRetentionDuration: { seconds } });
        assert.equal(secondsOf(read.messageRetentionDuration), seconds);
      }
      await context.refuses(
        created(context, { messageRetentionDuration: { seconds: 599 } }),
        "INVALID_ARGUMENT",
        outOfBounds("message retention duration", "9m59s", "10m", "744h"),
      );
      await context.refuses(
        created(context, { messageRetentionDuration: { seconds: 31 * DAY_SECONDS + 1 } }),
        "INVALID_ARGUMENT",
        RETENTION_OUT_OF_BOUNDS,
      );
    },
  },
  {
    id: "SUB-005",
    title: "the ttl is a day or more, and an empty policy is never",
    run: async (context) => {
      const tooShort = created(context, { expirationPolicy: { ttl: { seconds: 3600 } } });
      await context.refuses(tooShort, "INVALID_ARGUMENT", expirationTooSmall("1h"));
      const day = await created(context, { expirationPolicy: { ttl: { seconds: DAY_SECONDS } } });
      assert.equal(secondsOf(day.expirationPolicy?.ttl), DAY_SECONDS);
      const never = await created(context, { expirationPolicy: {} });
      assert.ok(never.expirationPolicy, "the policy is there");
      assert.equal(never.expirationPolicy.ttl ?? null, null);
    },
  },
  {
    id: "SUB-006",
    title: "retention is at most the ttl, and by default no more than it",
    run: async (context) => {
      const expirationPolicy = { ttl: { seconds: DAY_SECONDS } };
      await context.refuses(
        created(context, { expirationPolicy, messageRetentionDuration: { seconds: 7 * DAY_SECONDS } }),
        "INVALID_ARGUMENT",
        retentionBeyondTtl(7 * DAY_SECONDS, DAY_SECONDS),
      );
      const read = await created(context, { expirationPolicy });
      assert.equal(secondsOf(read.messageRetentionDuration), DAY_SECONDS);
    },
  },
  {
    id: "SUB-007",
    title: "a missing topic is NOT_FOUND",
    run: async (context) => {
      const topic = context.topicName("nowhere");
      await context.refuses(context.createSubscription(topic), "NOT_FOUND", notFound(topic));
    },
  },
  {
    id: "SUB-014",
    title: "a subscription may be in another project than its topic",
    run: async (context) => {
      const topic = await context.createTopic();
      const name = `projects/${context.project}-other/subscriptions/sub`;
      context.atEnd(() => context.subscriber.deleteSubscription({ subscription: name }));
      await context.createSubscription(topic, { name });
      await context.publish(topic, "across");
      assert.deepEqual((await context.pull(name, 1)).map(dataOf), ["across"]);
      const [names] = await context.publisher.listTopicSubscriptions({ topic });
      assert.deepEqual(names, [name]);
    },
  },
  {
    id: "SUB-015",
    title: "UpdateSubscription changes deadline, retention, labels and expiration",
    run: async (context) => {
      const { subscription } = await context.createPair();
      const [updated] = await context.subscriber.updateSubscription({
        subscription: {
          name: subscription,
          ackDeadlineSeconds: 77,
          retainAckedMessages: true,
          messageRetentionDuration: { seconds: 1200 },
          labels: { k: "v" },
          expirationPolicy: { ttl: { seconds: 2 * DAY_SECONDS } },
        },
        updateMask: {
          paths: [
            "ack_deadline_seconds",
            "retain_acked_messages",
            "message_retention_duration",
            "labels",
            "expiration_policy",
          ],
        },
      });
      const [read] = await context.subscriber.getSubscription({ subscription });
      for (const one of [updated, read]) {
        assert.equal(one.ackDeadlineSeconds, 77);
        assert.equal(one.retainAckedMessages, true);
        assert.equal(secondsOf(one.messageRetentionDuration), 1200);
        assert.deepEqual(one.labels, { k: "v" });
        assert.equal(secondsOf(one.expirationPolicy?.ttl), 2 * DAY_SECONDS);
      }
    },
  },
  {
    id: "SUB-016",
    title: "topic_message_retention_duration follows the topic",
    run: async (context) => {
      const topic = await context.createTopic({ messageRetentionDuration: { seconds: 1200 } });
      const subscription = await context.createSubscription(topic);
      const retention = async (): Promise<number | undefined> =>
        secondsOf((await context.subscriber.getSubscription({ subscription }))[0].topicMessageRetentionDuration);
      assert.equal(await retention(), 1200);
      const updateMask = { paths: ["message_retention_duration"] };
      const longer = { name: topic, messageRetentionDuration: { seconds: 2400 } };
      await context.publisher.updateTopic({ topic: longer, updateMask });
      assert.equal(await retention(), 2400);
      await context.publisher.updateTopic({ topic: { name: topic }, updateMask });
      assert.equal(await retention(), undefined);
    },
  },
  {
    id: "SUB-018",
    title: "deleting drops the backlog and frees the name",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      await context.publish(topic, "dropped");
      await context.subscriber.deleteSubscription({ subscription });
      const again = context.subscriber.deleteSubscription({ subscription });
      await context.refuses(again, "NOT_FOUND", notFound(subscription));
      await context.createSubscription(topic, { name: subscription });
      await context.expectNothing(subscription, "the backlog of the deleted one is gone");
    },
  },
  {
    id: "SUB-019",
    title: "settings come back exactly as created",
    run: async (context) => {
      const read = await created(context, {
        ackDeadlineSeconds: 30,
        retainAckedMessages: true,
        messageRetentionDuration: { seconds: 911 },
        expirationPolicy: { ttl: { seconds: 90_210 } },
      });
      assert.equal(read.ackDeadlineSeconds, 30);
      assert.equal(read.retainAckedMessages, true);
      assert.equal(secondsOf(read.messageRetentionDuration), 911);
      assert.equal(secondsOf(read.expirationPolicy?.ttl), 90_210);
    },
  },
  {
    id: "SUB-020",
    title: "a subscription starts with what is published after its creation",
    run: async (context) => {
      const topic = await context.createTopic();
      await context.createSubscription(topic);
      await context.publish(topic, "before");
      const late = await context.createSubscription(topic);
      await context.publish(topic, "after");
      assert.deepEqual((await context.pull(late, 1)).map(dataOf), ["after"]);
      await context.expectNothing(late, "nothing from before its creation");
    },
  },
  {
    id: "SUB-021",
    title: "ListSubscriptions returns what Get returns",
    run: async (context) => {
      const topic = await context.createTopic({ messageRetentionDuration: { seconds: 1200 } });
      const name = await context.createSubscription(topic, { labels: { k: "v" }, ackDeadlineSeconds: 33 });
      await context.createSubscription(topic);
      const [listed] = await context.subscriber.listSubscriptions({ project: `projects/${context.project}` });
      const [read] = await context.subscriber.getSubscription({ subscription: name });
      assert.equal(listed.length, 2);
      assert.deepEqual(
        listed.find((one) => one.name === name),
        read,
      );
    },
  },
];
