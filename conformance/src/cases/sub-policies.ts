import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.js";
import { dataOf, secondsOf } from "../context.js";
import {
  backoffReversed,
  invalidName,
  invalidPushEndpoint,
  invalidPushVersion,
  notFound,
  outOfBounds,
  tooLarge,
  tooSmall,
} from "../texts.js";

const PUSH_ENDPOINT = "https://example.com/push";

/** The cases of SUB whose settings mean something only with a later feature. */
export const SUB_POLICY_CASES: readonly ConformanceCase[] = [
  {
    id: "SUB-007",
    title: "a missing dead-letter topic is NOT_FOUND, an empty one a bad name",
    needs: ["dead letter"],
    run: async (context) => {
      const topic = await context.createTopic();
      const deadLetterTopic = context.topicName("nowhere");
      const missing = context.createSubscription(topic, { deadLetterPolicy: { deadLetterTopic } });
      await context.refuses(missing, "NOT_FOUND", notFound(deadLetterTopic));
      const empty = context.createSubscription(topic, { deadLetterPolicy: { maxDeliveryAttempts: 5 } });
      await context.refuses(empty, "INVALID_ARGUMENT", invalidName(""));
    },
  },
  {
    id: "SUB-008",
    title: "max_delivery_attempts is 5 to 100, and 0 is 5",
    needs: ["dead letter"],
    run: async (context) => {
      const topic = await context.createTopic();
      const deadLetterTopic = await context.createTopic();
      const create = (maxDeliveryAttempts: number): Promise<string> =>
        context.createSubscription(topic, { deadLetterPolicy: { deadLetterTopic, maxDeliveryAttempts } });
      const [read] = await context.subscriber.getSubscription({ subscription: await create(0) });
      assert.equal(read.deadLetterPolicy?.maxDeliveryAttempts, 5);
      await create(100);
      await context.refuses(create(4), "INVALID_ARGUMENT", tooSmall("max_delivery_attempts", 4, 5));
      await context.refuses(create(101), "INVALID_ARGUMENT", tooLarge("max_delivery_attempts", 101, 100));
    },
  },
  {
    id: "SUB-009",
    title: "backoff is 0 to 600 seconds, in order, and defaults to 10 and 600",
    needs: ["retry policy"],
    run: async (context) => {
      const topic = await context.createTopic();
      const create = (minimumSeconds: number, maximumSeconds: number): Promise<string> =>
        context.createSubscription(topic, {
          retryPolicy: { minimumBackoff: { seconds: minimumSeconds }, maximumBackoff: { seconds: maximumSeconds } },
        });
      const subscription = await context.createSubscription(topic, { retryPolicy: {} });
      const [read] = await context.subscriber.getSubscription({ subscription });
      assert.equal(secondsOf(read.retryPolicy?.minimumBackoff), 10);
      assert.equal(secondsOf(read.retryPolicy?.maximumBackoff), 600);
      await create(0, 600);
      const tooLong = outOfBounds("minimum_backoff", "10m1s", 0, "10m");
      await context.refuses(create(601, 601), "INVALID_ARGUMENT", tooLong);
      await context.refuses(create(20, 10), "INVALID_ARGUMENT", backoffReversed("10s", "20s"));
    },
  },
  {
    id: "SUB-010",
    title: "two ways of delivery are refused",
    needs: ["push", "exports"],
    run: async (context) => {
      const topic = await context.createTopic();
      const both = { pushConfig: { pushEndpoint: PUSH_ENDPOINT }, bigqueryConfig: { table: "project.dataset.table" } };
      await context.refuses(context.createSubscription(topic, both), "INVALID_ARGUMENT");
    },
  },
  {
    id: "SUB-011",
    title: "exactly-once with push is refused",
    needs: ["push", "exactly-once"],
    run: async (context) => {
      const topic = await context.createTopic();
      const both = { pushConfig: { pushEndpoint: PUSH_ENDPOINT }, enableExactlyOnceDelivery: true };
      await context.refuses(context.createSubscription(topic, both), "INVALID_ARGUMENT");
    },
  },
  {
    id: "SUB-012",
    title: "a push endpoint is an https URL; the emulator takes http too",
    needs: ["push"],
    run: async (context) => {
      const topic = await context.createTopic();
      const create = (pushEndpoint: string): Promise<string> =>
        context.createSubscription(topic, { pushConfig: { pushEndpoint } });
      if (!context.isService) {
        await create("http://localhost:1/push");
        return;
      }
      for (const url of ["nonsense", "http://example.com/push"]) {
        await context.refuses(create(url), "INVALID_ARGUMENT", invalidPushEndpoint(url));
      }
    },
  },
  {
    id: "SUB-013",
    title: "x-goog-version comes back as v1, and v9 is refused",
    needs: ["push"],
    run: async (context) => {
      const topic = await context.createTopic();
      const subscription = await context.createSubscription(topic, { pushConfig: { pushEndpoint: PUSH_ENDPOINT } });
      const [read] = await context.subscriber.getSubscription({ subscription });
      assert.deepEqual(read.pushConfig?.attributes, { "x-goog-version": "v1" });
      const pushConfig = { pushEndpoint: PUSH_ENDPOINT, attributes: { "x-goog-version": "v9" } };
      const refused = context.createSubscription(topic, { pushConfig });
      await context.refuses(refused, "INVALID_ARGUMENT", invalidPushVersion("v9"));
    },
  },
  {
    id: "SUB-015",
    title: "UpdateSubscription changes the dead-letter policy",
    needs: ["dead letter"],
    run: async (context) => {
      const { subscription } = await context.createPair();
      const deadLetterTopic = await context.createTopic();
      const [updated] = await context.subscriber.updateSubscription({
        subscription: { name: subscription, deadLetterPolicy: { deadLetterTopic, maxDeliveryAttempts: 7 } },
        updateMask: { paths: ["dead_letter_policy"] },
      });
      assert.deepEqual(updated.deadLetterPolicy, { deadLetterTopic, maxDeliveryAttempts: 7 });
    },
  },
  {
    id: "SUB-015",
    title: "UpdateSubscription changes the retry policy",
    needs: ["retry policy"],
    run: async (context) => {
      const { subscription } = await context.createPair();
      const [updated] = await context.subscriber.updateSubscription({
        subscription: { name: subscription, retryPolicy: { minimumBackoff: { seconds: 3 } } },
        updateMask: { paths: ["retry_policy"] },
      });
      assert.equal(secondsOf(updated.retryPolicy?.minimumBackoff), 3);
    },
  },
  {
    id: "SUB-015",
    title: "UpdateSubscription turns exactly-once on",
    needs: ["exactly-once"],
    run: async (context) => {
      const { subscription } = await context.createPair();
      const [updated] = await context.subscriber.updateSubscription({
        subscription: { name: subscription, enableExactlyOnceDelivery: true },
        updateMask: { paths: ["enable_exactly_once_delivery"] },
      });
      assert.equal(updated.enableExactlyOnceDelivery, true);
    },
  },
  {
    id: "SUB-015",
    title: "UpdateSubscription changes the push config",
    needs: ["push"],
    run: async (context) => {
      const { subscription } = await context.createPair();
      const [updated] = await context.subscriber.updateSubscription({
        subscription: { name: subscription, pushConfig: { pushEndpoint: PUSH_ENDPOINT } },
        updateMask: { paths: ["push_config"] },
      });
      assert.equal(updated.pushConfig?.pushEndpoint, PUSH_ENDPOINT);
    },
  },
  {
    id: "SUB-017",
    title: "ModifyPushConfig to push and back keeps the backlog",
    needs: ["push"],
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      // Nothing listens at this address, so that the message stays in the backlog.
      const pushConfig = { pushEndpoint: context.isService ? "https://127.0.0.1:1/" : "http://127.0.0.1:1/" };
      await context.subscriber.modifyPushConfig({ subscription, pushConfig });
      await context.publish(topic, "kept");
      await context.subscriber.modifyPushConfig({ subscription, pushConfig: {} });
      assert.deepEqual((await context.pull(subscription, 1)).map(dataOf), ["kept"]);
    },
  },
];
