import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Duration, DurationSchema } from "@bufbuild/protobuf/wkt";
import { type Subscription, Subscription_State, SubscriptionSchema, UpdateSubscriptionRequestSchema } from "@peal/wire";
import { apiFixture } from "../api-fixture.test.support.js";
import { createSubscription, updateSubscription } from "./subscriptions.js";

const TOPIC = "projects/p/topics/orders";
const NAME = "projects/p/subscriptions/billing";
const DAY = 86_400;

type Fields = MessageInitShape<typeof SubscriptionSchema>;

function fixture(profile: "service" | "emulator" = "service") {
  const { context, engine } = apiFixture(profile);
  engine.topics.set(TOPIC, { name: TOPIC, labels: {} });
  return {
    context,
    engine,
    make: (fields: Fields = {}) =>
      createSubscription(context, create(SubscriptionSchema, { name: NAME, topic: TOPIC, ...fields })),
    update: (paths: string[], fields: Fields = {}) =>
      updateSubscription(
        context,
        create(UpdateSubscriptionRequestSchema, { subscription: { name: NAME, ...fields }, updateMask: { paths } }),
      ),
  };
}

function seconds(value: number, nanos = 0): Duration {
  return create(DurationSchema, { seconds: BigInt(value), nanos });
}

function refused(message: string, code = "INVALID_ARGUMENT") {
  return { name: "PubSubError", code, message };
}

test("a plain subscription has the defaults of the service", async () => {
  const { make } = fixture();
  const made = await make();
  assert.equal(made.ackDeadlineSeconds, 10);
  assert.deepEqual(made.messageRetentionDuration, seconds(7 * DAY));
  assert.deepEqual(made.expirationPolicy?.ttl, seconds(31 * DAY));
  assert.equal(made.state, Subscription_State.ACTIVE);
  assert.equal(made.pushConfig?.pushEndpoint, "");
  assert.equal(made.filter, "");
});

test("settings that are given come back as they were given", async () => {
  const { make } = fixture();
  const made = await make({
    ackDeadlineSeconds: 30,
    retainAckedMessages: true,
    messageRetentionDuration: seconds(911),
    expirationPolicy: { ttl: seconds(90_210) },
    labels: { a: "" },
  });
  assert.equal(made.ackDeadlineSeconds, 30);
  assert.equal(made.retainAckedMessages, true);
  assert.deepEqual(made.messageRetentionDuration, seconds(911));
  assert.deepEqual(made.expirationPolicy?.ttl, seconds(90_210));
});

test("a subscription without a name gets one in the project of its topic", async () => {
  const { make } = fixture();
  assert.match((await make({ name: "" })).name, /^projects\/p\/subscriptions\/[a-z][a-z0-9]{2,}$/);
});

test("an ack deadline is 0 or between 10 and 600 seconds", async () => {
  for (const ackDeadlineSeconds of [9, 601, -1]) {
    await assert.rejects(
      fixture().make({ ackDeadlineSeconds }),
      refused(
        `Invalid ack deadline given (ack_deadline=${ackDeadlineSeconds}). The ack deadline must be between 10 and 600 seconds.`,
      ),
    );
  }
  assert.equal((await fixture().make({ ackDeadlineSeconds: 600 })).ackDeadlineSeconds, 600);
  assert.equal((await fixture("emulator").make({ ackDeadlineSeconds: 9 })).ackDeadlineSeconds, 9);
});

test("retention and expiration are checked alone and against each other", async () => {
  const { make } = fixture();
  await assert.rejects(
    make({ messageRetentionDuration: seconds(599) }),
    refused(
      "The value for message retention duration is out of bounds. You passed 9m59s in the request, but the value must be between 10m and 744h.",
    ),
  );
  await assert.rejects(
    make({ expirationPolicy: { ttl: seconds(3_600) } }),
    refused(
      "The value for expiration duration is too small. You passed 1h in the request, but the minimum value is 24h.",
    ),
  );
  await assert.rejects(
    make({ expirationPolicy: { ttl: seconds(DAY) }, messageRetentionDuration: seconds(2 * DAY) }),
    refused(
      "The subscription's message retention duration (172800 seconds) cannot be greater than the TTL in the subscription's expiration policy (86400 seconds), since messages cannot be retained past subscription expiration.",
    ),
  );
  const short = await make({ expirationPolicy: { ttl: seconds(DAY) } });
  assert.deepEqual(short.messageRetentionDuration, seconds(DAY));
});

test("a policy without a ttl means never", async () => {
  const { make } = fixture();
  const made = await make({ expirationPolicy: {} });
  assert.ok(made.expirationPolicy);
  assert.equal(made.expirationPolicy.ttl, undefined);
});

test("a duration whose parts contradict each other is refused", async () => {
  await assert.rejects(fixture().make({ messageRetentionDuration: seconds(700, -1) }), { code: "INVALID_ARGUMENT" });
});

const UNIMPLEMENTED: readonly (readonly [field: string, fields: Fields])[] = [
  ["bigquery_config", { bigqueryConfig: { table: "p.d.t" } }],
  ["cloud_storage_config", { cloudStorageConfig: { bucket: "b" } }],
  ["bigtable_config", { bigtableConfig: { table: "projects/p/instances/i/tables/t" } }],
  [
    "message_transforms",
    { messageTransforms: [{ transform: { case: "javascriptUdf", value: { functionName: "f" } } }] },
  ],
];

test("a setting that is not implemented is refused by its name, and nothing is stored", async () => {
  for (const [field, fields] of UNIMPLEMENTED) {
    const { make, engine } = fixture();
    await assert.rejects(
      make(fields),
      refused(
        `The field ${field} of a Subscription is not implemented by this server; leave it unset.`,
        "UNIMPLEMENTED",
      ),
    );
    assert.equal(engine.subscriptions.size, 0);
  }
});

const INVALID: readonly (readonly [fields: Fields, message: RegExp])[] = [
  [{ filter: "x".repeat(257) }, /^The value for filter is too large\. You passed 257/],
  [{ deadLetterPolicy: {} }, /^Invalid resource name given \(name=\)/],
  [
    { deadLetterPolicy: { deadLetterTopic: TOPIC, maxDeliveryAttempts: 4 } },
    /^The value for max_delivery_attempts is too small\. You passed 4 in the request, but the minimum value is 5\.$/,
  ],
  [
    { deadLetterPolicy: { deadLetterTopic: TOPIC, maxDeliveryAttempts: 101 } },
    /^The value for max_delivery_attempts is too large\. You passed 101 in the request, but the maximum value is 100\.$/,
  ],
  [
    { retryPolicy: { minimumBackoff: seconds(601) } },
    /^The value for minimum_backoff is out of bounds\. You passed 10m1s in the request, but the value must be between 0 and 10m\.$/,
  ],
  [
    { retryPolicy: { minimumBackoff: seconds(20), maximumBackoff: seconds(15) } },
    /^The specified maximum_backoff 15s cannot be smaller than minimum_backoff 20s\.$/,
  ],
  [
    { pushConfig: { pushEndpoint: "http://example.com" } },
    /^Invalid push endpoint given \(endpoint=http:\/\/example\.com\)\. Refer to https:\/\/cloud\.google\.com\/pubsub\/subscriber#create for more information\.$/,
  ],
  [
    { pushConfig: { attributes: { "x-goog-version": "v9" } } },
    /^Invalid push endpoint version given in push config \(version=v9\)\.$/,
  ],
  [{ bigqueryConfig: { table: "p.d.t" }, cloudStorageConfig: { bucket: "b" } }, /^You have passed an invalid argument/],
  [
    { pushConfig: { pushEndpoint: "https://example.com" }, enableExactlyOnceDelivery: true },
    /^You have passed an invalid argument to the service \(argument=enable_exactly_once_delivery cannot be used together with push_config\)\.$/,
  ],
  [
    { pushConfig: { pushEndpoint: "https://example.com" }, bigqueryConfig: { table: "p.d.t" } },
    /^You have passed an invalid argument to the service \(argument=Only one of push_config and bigquery_config may be set\)\.$/,
  ],
  [
    { filter: 'attributes.a == "b"' },
    /^You have passed an invalid argument to the service \(argument=Invalid filter: expected .* at position 14, found .*\)\.$/,
  ],
  [
    { filter: "attributes:a AND attributes:b OR attributes:c" },
    /Invalid filter: .* at position 31.*AND and OR mix only with parentheses/,
  ],
  [{ retryPolicy: { maximumBackoff: seconds(9) } }, /maximum_backoff 9s cannot be smaller than minimum_backoff 10s\.$/],
  [
    { retryPolicy: { minimumBackoff: seconds(-1) } },
    /^The value for minimum_backoff is out of bounds\. You passed -1s/,
  ],
  [{ retryPolicy: { maximumBackoff: seconds(600, 1) } }, /^The value for maximum_backoff is out of bounds/],
  ...[
    "https:example.com",
    "https://",
    "https:///path",
    " https://example.com",
    "https://exa mple.com",
    "ftp://a",
    "x",
  ].map((pushEndpoint) => [{ pushConfig: { pushEndpoint } }, /^Invalid push endpoint given/] as const),
];

test("a setting out of its rules is refused, and nothing is stored", async () => {
  for (const [fields, message] of INVALID) {
    const { make, engine } = fixture();
    await assert.rejects(make(fields), { code: "INVALID_ARGUMENT", message });
    assert.equal(engine.subscriptions.size, 0);
  }
});

test("what a subscription refers to must exist", async () => {
  const { make } = fixture();
  await assert.rejects(
    make({ topic: "projects/p/topics/other" }),
    refused("Resource not found (resource=other).", "NOT_FOUND"),
  );
  await assert.rejects(
    make({ deadLetterPolicy: { deadLetterTopic: "projects/p/topics/dead" } }),
    refused("Resource not found (resource=dead).", "NOT_FOUND"),
  );
});

test("the emulator profile has the emulator's words", async () => {
  const { make, update } = fixture("emulator");
  await assert.rejects(
    make({ topic: "projects/p/topics/other" }),
    refused("Subscription topic does not exist", "NOT_FOUND"),
  );
  await assert.rejects(update(["labels"]), refused("Subscription does not exist", "NOT_FOUND"));
  await make();
  await assert.rejects(make(), refused("Subscription already exists", "ALREADY_EXISTS"));
});

test("an update is all or nothing", async () => {
  const { make, update, engine } = fixture();
  await make({ labels: { a: "1" } });
  await assert.rejects(update(["labels", "ack_deadline_seconds"], { labels: { b: "2" }, ackDeadlineSeconds: 5 }));
  assert.deepEqual(engine.getSubscription(NAME).labels, { a: "1" });
  await assert.rejects(update(["labels", "bigquery_config"], { labels: {}, bigqueryConfig: { table: "p.d.t" } }), {
    code: "UNIMPLEMENTED",
  });
  assert.deepEqual(engine.getSubscription(NAME).labels, { a: "1" });
});

test("a field that is named but not given goes back to its default", async () => {
  const { make, update } = fixture();
  await make({
    ackDeadlineSeconds: 60,
    labels: { a: "1" },
    messageRetentionDuration: seconds(1_200),
    expirationPolicy: { ttl: seconds(30 * DAY) },
  });
  const reset: Subscription = await update([
    "ack_deadline_seconds",
    "labels",
    "message_retention_duration",
    "expiration_policy",
    "dead_letter_policy",
    "push_config",
  ]);
  assert.equal(reset.ackDeadlineSeconds, 10);
  assert.deepEqual(reset.labels, {});
  assert.deepEqual(reset.messageRetentionDuration, seconds(7 * DAY));
  assert.deepEqual(reset.expirationPolicy?.ttl, seconds(31 * DAY));
});

test("an update of retention or expiration alone is checked against the other", async () => {
  const { make, update } = fixture();
  await make({ expirationPolicy: { ttl: seconds(10 * DAY) } });
  await assert.rejects(update(["message_retention_duration"], { messageRetentionDuration: seconds(11 * DAY) }), {
    message: /cannot be greater than the TTL/,
  });
  await assert.rejects(update(["expiration_policy"], { expirationPolicy: { ttl: seconds(DAY) } }), {
    message: /cannot be greater than the TTL/,
  });
});

test("fields that never change are named in the refusal", async () => {
  const { make, update } = fixture();
  await make();
  for (const path of ["name", "topic", "filter", "enable_message_ordering", "detached", "state", "tags"]) {
    await assert.rejects(
      update([path]),
      refused(
        `Invalid update_mask provided in the UpdateSubscriptionRequest: the '${path}' field in the Subscription is not mutable.`,
      ),
    );
  }
  await assert.rejects(update(["pushConfig"]), {
    message:
      "Invalid update_mask provided in the UpdateSubscriptionRequest: 'pushConfig' is not a known Subscription field. Note that field paths must be of the form 'push_config' rather than 'pushConfig'.",
  });
});

test("a subscription whose topic is gone shows so, keeps it through updates, and can be updated", async () => {
  const { make, update, engine } = fixture();
  await make();
  await engine.deleteTopic(TOPIC);
  const updated = await update(["labels"], { labels: { a: "1" } });
  assert.equal(updated.topic, "_deleted-topic_");
  assert.equal(engine.getSubscription(NAME).topic, TOPIC);
});
