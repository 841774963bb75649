import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.js";
import { secondsOf } from "../context.js";
import { okJson } from "../rest.js";
import { emptyMask, immutablePath, invalidAckDeadline, unknownPath } from "../texts.js";

const SUBSCRIPTION_REQUEST = "UpdateSubscriptionRequest";
const TOPIC_REQUEST = "UpdateTopicRequest";

export const MASK_CASES: readonly ConformanceCase[] = [
  {
    id: "MASK-001",
    title: "an empty or absent mask is refused for topics and subscriptions",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      for (const mask of [{}, { updateMask: { paths: [] } }]) {
        await context.refuses(
          context.publisher.updateTopic({ topic: { name: topic, labels: { k: "v" } }, ...mask }),
          "INVALID_ARGUMENT",
          emptyMask(TOPIC_REQUEST),
        );
        await context.refuses(
          context.subscriber.updateSubscription({ subscription: { name: subscription }, ...mask }),
          "INVALID_ARGUMENT",
          emptyMask(SUBSCRIPTION_REQUEST),
        );
      }
    },
  },
  {
    id: "MASK-001",
    title: "an empty mask is refused for snapshots",
    needs: ["snapshots"],
    run: async (context) => {
      const { subscription } = await context.createPair();
      const name = context.snapshotName("snap");
      await context.subscriber.createSnapshot({ name, subscription });
      await context.refuses(
        context.subscriber.updateSnapshot({ snapshot: { name }, updateMask: { paths: [] } }),
        "INVALID_ARGUMENT",
        emptyMask("UpdateSnapshotRequest"),
      );
    },
  },
  {
    id: "MASK-002",
    title: "an unknown path is refused",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      await context.refuses(
        context.publisher.updateTopic({ topic: { name: topic }, updateMask: { paths: ["nope"] } }),
        "INVALID_ARGUMENT",
        unknownPath(TOPIC_REQUEST, "nope", "Topic"),
      );
      await context.refuses(
        context.subscriber.updateSubscription({
          subscription: { name: subscription },
          updateMask: { paths: ["labels", "nope"] },
        }),
        "INVALID_ARGUMENT",
        unknownPath(SUBSCRIPTION_REQUEST, "nope", "Subscription"),
      );
    },
  },
  {
    id: "MASK-003",
    title: "a camelCase path is refused over gRPC and accepted over REST",
    run: async (context) => {
      const { subscription } = await context.createPair();
      await context.refuses(
        context.subscriber.updateSubscription({
          subscription: { name: subscription, ackDeadlineSeconds: 20 },
          updateMask: { paths: ["ackDeadlineSeconds"] },
        }),
        "INVALID_ARGUMENT",
        unknownPath(SUBSCRIPTION_REQUEST, "ackDeadlineSeconds", "Subscription"),
      );
      for (const [updateMask, seconds] of [
        ["ackDeadlineSeconds", 30],
        ["ack_deadline_seconds", 40],
      ] as const) {
        const body = { subscription: { ackDeadlineSeconds: seconds }, updateMask };
        const updated = okJson(await context.rest("PATCH", `/v1/${subscription}`, body));
        assert.equal(updated["ackDeadlineSeconds"], seconds);
      }
    },
  },
  {
    id: "MASK-004",
    title: "an immutable path is refused",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      for (const path of ["name", "topic", "filter", "enable_message_ordering"]) {
        await context.refuses(
          context.subscriber.updateSubscription({
            subscription: { name: subscription },
            updateMask: { paths: [path] },
          }),
          "INVALID_ARGUMENT",
          immutablePath(SUBSCRIPTION_REQUEST, path, "Subscription"),
        );
      }
      await context.refuses(
        context.publisher.updateTopic({ topic: { name: topic }, updateMask: { paths: ["name"] } }),
        "INVALID_ARGUMENT",
        immutablePath(TOPIC_REQUEST, "name", "Topic"),
      );
    },
  },
  {
    id: "MASK-005",
    title: "an invalid value in one path leaves all others unchanged",
    run: async (context) => {
      const topic = await context.createTopic();
      const subscription = await context.createSubscription(topic, { labels: { old: "yes" } });
      await context.refuses(
        context.subscriber.updateSubscription({
          subscription: { name: subscription, labels: { new: "yes" }, ackDeadlineSeconds: 601 },
          updateMask: { paths: ["labels", "ack_deadline_seconds"] },
        }),
        "INVALID_ARGUMENT",
        invalidAckDeadline(601, 10),
      );
      const [read] = await context.subscriber.getSubscription({ subscription });
      assert.deepEqual(read.labels, { old: "yes" });
      assert.equal(read.ackDeadlineSeconds, 10);
    },
  },
  {
    id: "MASK-006",
    title: "naming an unset field returns it to its default",
    run: async (context) => {
      const topic = await context.createTopic();
      const name = await context.createSubscription(topic, {
        labels: { k: "v" },
        ackDeadlineSeconds: 30,
        messageRetentionDuration: { seconds: 1200 },
        expirationPolicy: { ttl: { seconds: 172_800 } },
      });
      const paths = ["labels", "ack_deadline_seconds", "message_retention_duration", "expiration_policy"];
      const [updated] = await context.subscriber.updateSubscription({ subscription: { name }, updateMask: { paths } });
      assert.deepEqual(updated.labels, {});
      assert.equal(updated.ackDeadlineSeconds, 10);
      assert.equal(secondsOf(updated.messageRetentionDuration), 604_800);
      assert.equal(secondsOf(updated.expirationPolicy?.ttl), 2_678_400);
    },
  },
  {
    id: "MASK-006",
    title: "naming an unset policy removes it",
    needs: ["dead letter", "retry policy"],
    run: async (context) => {
      const topic = await context.createTopic();
      const deadLetterTopic = await context.createTopic();
      const name = await context.createSubscription(topic, { deadLetterPolicy: { deadLetterTopic }, retryPolicy: {} });
      const paths = ["dead_letter_policy", "retry_policy"];
      const [updated] = await context.subscriber.updateSubscription({ subscription: { name }, updateMask: { paths } });
      assert.equal(updated.deadLetterPolicy ?? null, null);
      assert.equal(updated.retryPolicy ?? null, null);
    },
  },
  {
    id: "MASK-007",
    title: "the path push_config.push_endpoint changes only the endpoint",
    needs: ["push"],
    run: async (context) => {
      const topic = await context.createTopic();
      const oidcToken = { serviceAccountEmail: "push@example.com", audience: "everyone" };
      const pushConfig = { pushEndpoint: "https://example.com/old", oidcToken };
      const name = await context.createSubscription(topic, { pushConfig });
      const [updated] = await context.subscriber.updateSubscription({
        subscription: { name, pushConfig: { pushEndpoint: "https://example.com/new" } },
        updateMask: { paths: ["push_config.push_endpoint"] },
      });
      assert.equal(updated.pushConfig?.pushEndpoint, "https://example.com/new");
      assert.deepEqual(updated.pushConfig?.oidcToken, oidcToken);
    },
  },
  {
    id: "MASK-008",
    title: "fields outside the mask are ignored even when invalid",
    run: async (context) => {
      const { subscription } = await context.createPair();
      const [updated] = await context.subscriber.updateSubscription({
        subscription: {
          name: subscription,
          labels: { k: "v" },
          ackDeadlineSeconds: 5000,
          messageRetentionDuration: { seconds: 1 },
        },
        updateMask: { paths: ["labels"] },
      });
      assert.deepEqual(updated.labels, { k: "v" });
      assert.equal(updated.ackDeadlineSeconds, 10);
    },
  },
];
