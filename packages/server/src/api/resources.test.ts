import assert from "node:assert/strict";
import { test } from "node:test";
import { clone, fromBinary, toBinary } from "@bufbuild/protobuf";
import { SnapshotSchema, SubscriptionSchema } from "@peal/wire";
import fc from "fast-check";
import type { PushConfig, Span, SubscriptionState } from "../engine/settings.js";
import { snapshotMessage, subscriptionMessage, subscriptionSettings } from "./resources.js";

/** Objects as they are read from storage. */
const plain = { noNullPrototype: true } as const;
const spans: fc.Arbitrary<Span> = fc.record(
  { seconds: fc.integer({ min: 0, max: 2_678_400 }), nanos: fc.integer({ min: 0, max: 999_999_999 }) },
  plain,
);
const texts = fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" });
const labels = fc.dictionary(fc.stringMatching(/^[a-zà-ö][a-z0-9_-]{0,5}$/), texts, { maxKeys: 3, ...plain });

const pushConfigs: fc.Arbitrary<PushConfig> = fc.record(
  {
    endpoint: fc.webUrl(),
    attributes: fc.constantFrom({ "x-goog-version": "v1" }, { "x-goog-version": "v1beta2" }),
    oidcToken: fc.record({ serviceAccountEmail: fc.string(), audience: fc.string() }, plain),
    wrapper: fc.constantFrom<NonNullable<PushConfig["wrapper"]>>(
      { kind: "pubsub" },
      { kind: "none", writesMetadata: false },
      { kind: "none", writesMetadata: true },
    ),
  },
  { requiredKeys: ["endpoint", "attributes"], ...plain },
);

const states: fc.Arbitrary<SubscriptionState> = fc.record(
  {
    name: texts,
    topic: texts,
    labels,
    ackDeadlineSeconds: fc.integer({ min: 1, max: 600 }),
    retainAckedMessages: fc.boolean(),
    messageRetention: spans,
    expirationTtl: spans,
    isOrdered: fc.constant(true),
    isExactlyOnce: fc.constant(true),
    filter: texts,
    retryPolicy: fc.record({ minimumBackoff: spans, maximumBackoff: spans }, plain),
    deadLetterPolicy: fc.record({ topic: texts, maxDeliveryAttempts: fc.integer({ min: 5, max: 100 }) }, plain),
    pushConfig: pushConfigs,
    isDetached: fc.boolean(),
    hasTopic: fc.constant(true),
  },
  {
    requiredKeys: [
      "name",
      "topic",
      "labels",
      "ackDeadlineSeconds",
      "retainAckedMessages",
      "messageRetention",
      "isDetached",
      "hasTopic",
    ],
    ...plain,
  },
);

test("whatever is stored of a subscription comes back from the message that describes it", () => {
  fc.assert(
    fc.property(states, (state) => {
      const { isDetached: _detached, hasTopic: _topic, ...settings } = state;
      const received = fromBinary(SubscriptionSchema, toBinary(SubscriptionSchema, subscriptionMessage(state)));
      assert.deepEqual(subscriptionSettings(received), settings);
    }),
  );
});

test("a message shares nothing with what is stored that a caller could change", () => {
  fc.assert(
    fc.property(states, (state) => {
      const before = structuredClone(state);
      const message = subscriptionMessage(state);
      const same = clone(SubscriptionSchema, message);
      message.labels["changed"] = "yes";
      if (message.pushConfig) message.pushConfig.attributes["changed"] = "yes";
      if (message.retryPolicy?.minimumBackoff) message.retryPolicy.minimumBackoff.seconds = 77n;
      if (message.deadLetterPolicy) message.deadLetterPolicy.deadLetterTopic = "changed";
      assert.deepEqual(state, before);
      assert.deepEqual(subscriptionMessage(state), same);
    }),
  );
});

test("an expiry is told to the millisecond, also before 1970", () => {
  const cases: readonly (readonly [expireAtMs: number, seconds: bigint, nanos: number])[] = [
    [0, 0n, 0],
    [1_700_000_000_123, 1_700_000_000n, 123_000_000],
    [1_700_000_000_999, 1_700_000_000n, 999_000_000],
    [-1, -1n, 999_000_000],
  ];
  for (const [expireAtMs, seconds, nanos] of cases) {
    const state = { name: "n", topic: "t", labels: {}, hasTopic: false, expireAtMs };
    const { expireTime, topic } = fromBinary(SnapshotSchema, toBinary(SnapshotSchema, snapshotMessage(state)));
    assert.deepEqual([expireTime?.seconds, expireTime?.nanos, topic], [seconds, nanos, "_deleted-topic_"]);
  }
});
