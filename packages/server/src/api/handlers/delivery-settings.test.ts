import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Duration, DurationSchema } from "@bufbuild/protobuf/wkt";
import {
  ModifyPushConfigRequestSchema,
  type PushConfigSchema,
  SubscriptionSchema,
  UpdateSubscriptionRequestSchema,
} from "@peal/wire";
import { apiFixture } from "../api-fixture.test.support.js";
import { createSubscription, getSubscription, modifyPushConfig, updateSubscription } from "./subscriptions.js";

const TOPIC = "projects/p/topics/orders";
const DEAD = "projects/q/topics/dead";
const NAME = "projects/p/subscriptions/billing";
const ENDPOINT = "https://example.com/push";

type Fields = MessageInitShape<typeof SubscriptionSchema>;

function fixture(profile: "service" | "emulator" = "service") {
  const { context, engine } = apiFixture(profile);
  engine.topics.set(TOPIC, { name: TOPIC, labels: {} });
  engine.topics.set(DEAD, { name: DEAD, labels: {} });
  return {
    engine,
    make: (fields: Fields = {}) =>
      createSubscription(context, create(SubscriptionSchema, { name: NAME, topic: TOPIC, ...fields })),
    get: () => getSubscription(context, { $typeName: "google.pubsub.v1.GetSubscriptionRequest", subscription: NAME }),
    update: (paths: string[], fields: Fields = {}) =>
      updateSubscription(
        context,
        create(UpdateSubscriptionRequestSchema, { subscription: { name: NAME, ...fields }, updateMask: { paths } }),
      ),
    push: (pushConfig?: MessageInitShape<typeof PushConfigSchema>) =>
      modifyPushConfig(
        context,
        create(ModifyPushConfigRequestSchema, { subscription: NAME, ...(pushConfig && { pushConfig }) }),
      ),
  };
}

function seconds(value: number, nanos = 0): Duration {
  return create(DurationSchema, { seconds: BigInt(value), nanos });
}

test("ordering, exactly-once and a filter come back as they were given, and reach the engine", async () => {
  const { make, get, engine } = fixture();
  const filter = 'attributes.lang = "de"\n\tAND NOT attributes:draft';
  await make({ enableMessageOrdering: true, enableExactlyOnceDelivery: true, filter });
  const { isOrdered, isExactlyOnce, filter: stored } = engine.getSubscription(NAME);
  assert.deepEqual([isOrdered, isExactlyOnce, stored], [true, true, filter]);
  const got = await get();
  assert.deepEqual([got.enableMessageOrdering, got.enableExactlyOnceDelivery, got.filter], [true, true, filter]);
});

test("exactly-once has a longer default deadline, which an explicit one overrides", async () => {
  assert.equal((await fixture().make({ enableExactlyOnceDelivery: true })).ackDeadlineSeconds, 60);
  assert.equal(
    (await fixture().make({ enableExactlyOnceDelivery: true, ackDeadlineSeconds: 10 })).ackDeadlineSeconds,
    10,
  );
});

test("exactly-once that is switched on later leaves the deadline as it is", async () => {
  const { make, update } = fixture();
  await make();
  const on = await update(["enable_exactly_once_delivery"], { enableExactlyOnceDelivery: true });
  assert.deepEqual([on.enableExactlyOnceDelivery, on.ackDeadlineSeconds], [true, 10]);
  const off = await update(["enable_exactly_once_delivery"]);
  assert.equal(off.enableExactlyOnceDelivery, false);
});

test("AND and OR may be mixed in the emulator profile", async () => {
  const filter = "attributes:a AND attributes:b OR attributes:c";
  assert.equal((await fixture("emulator").make({ filter })).filter, filter);
  await assert.rejects(fixture("emulator").make({ filter: "attributes:" }), { code: "INVALID_ARGUMENT" });
});

test("a filter of exactly 256 bytes is taken, whatever nests in it", async () => {
  const term = "attributes:a";
  const depth = (256 - term.length) / 2;
  const filter = `${"(".repeat(depth)}${term}${")".repeat(depth)}`;
  assert.equal(Buffer.byteLength(filter), 256);
  assert.equal((await fixture().make({ filter })).filter, filter);
  await assert.rejects(fixture().make({ filter: "(".repeat(256) }), { code: "INVALID_ARGUMENT" });
});

test("policies are filled in with the defaults of the service", async () => {
  const made = await fixture().make({ retryPolicy: {}, deadLetterPolicy: { deadLetterTopic: DEAD } });
  assert.deepEqual(made.retryPolicy?.minimumBackoff, seconds(10));
  assert.deepEqual(made.retryPolicy?.maximumBackoff, seconds(600));
  assert.equal(made.deadLetterPolicy?.deadLetterTopic, DEAD);
  assert.equal(made.deadLetterPolicy?.maxDeliveryAttempts, 5);
});

test("backoffs come back to the nanosecond, 0 among them", async () => {
  const made = await fixture().make({ retryPolicy: { minimumBackoff: seconds(0), maximumBackoff: seconds(1, 5) } });
  assert.deepEqual(made.retryPolicy?.minimumBackoff, seconds(0));
  assert.deepEqual(made.retryPolicy?.maximumBackoff, seconds(1, 5));
});

test("a subscription without policies has none", async () => {
  const made = await fixture().make();
  assert.equal(made.retryPolicy, undefined);
  assert.equal(made.deadLetterPolicy, undefined);
});

test("a part of a policy changes alone", async () => {
  const { make, update } = fixture();
  await make({
    retryPolicy: { minimumBackoff: seconds(20), maximumBackoff: seconds(30) },
    deadLetterPolicy: { deadLetterTopic: DEAD, maxDeliveryAttempts: 7 },
  });
  const retried = await update(["retry_policy.minimum_backoff"], { retryPolicy: { minimumBackoff: seconds(25) } });
  assert.deepEqual(retried.retryPolicy?.minimumBackoff, seconds(25));
  assert.deepEqual(retried.retryPolicy?.maximumBackoff, seconds(30));
  const dead = await update(["dead_letter_policy.max_delivery_attempts"], {
    deadLetterPolicy: { maxDeliveryAttempts: 9 },
  });
  assert.deepEqual([dead.deadLetterPolicy?.deadLetterTopic, dead.deadLetterPolicy?.maxDeliveryAttempts], [DEAD, 9]);
  const moved = await update(["dead_letter_policy.dead_letter_topic"], {
    deadLetterPolicy: { deadLetterTopic: TOPIC },
  });
  assert.deepEqual([moved.deadLetterPolicy?.deadLetterTopic, moved.deadLetterPolicy?.maxDeliveryAttempts], [TOPIC, 9]);
});

test("a part that is named but not given goes back to its default", async () => {
  const { make, update } = fixture();
  await make({
    retryPolicy: { minimumBackoff: seconds(20), maximumBackoff: seconds(30) },
    deadLetterPolicy: { deadLetterTopic: DEAD, maxDeliveryAttempts: 7 },
  });
  const changed = await update([
    "retry_policy.minimum_backoff",
    "retry_policy.maximum_backoff",
    "dead_letter_policy.max_delivery_attempts",
  ]);
  assert.deepEqual(changed.retryPolicy?.minimumBackoff, seconds(10));
  assert.deepEqual(changed.retryPolicy?.maximumBackoff, seconds(600));
  assert.equal(changed.deadLetterPolicy?.maxDeliveryAttempts, 5);
});

test("a part that breaks its policy is refused, and the policy stays", async () => {
  const { make, update, get } = fixture();
  await make({
    retryPolicy: { minimumBackoff: seconds(20), maximumBackoff: seconds(30) },
    deadLetterPolicy: { deadLetterTopic: DEAD },
  });
  const before = await get();
  const cases: readonly (readonly [string, Fields, RegExp])[] = [
    ["retry_policy.minimum_backoff", { retryPolicy: { minimumBackoff: seconds(31) } }, /cannot be smaller/],
    ["dead_letter_policy.max_delivery_attempts", { deadLetterPolicy: { maxDeliveryAttempts: 4 } }, /too small/],
    ["dead_letter_policy.dead_letter_topic", {}, /^Invalid resource name given \(name=\)/],
    ["retry_policy.jitter", {}, /'retry_policy\.jitter' is not a known Subscription field/],
    ["push_config.attributes.", {}, /is not a known Subscription field/],
  ];
  for (const [path, fields, message] of cases) {
    await assert.rejects(update([path], fields), { code: "INVALID_ARGUMENT", message });
  }
  assert.deepEqual(await get(), before);
});

test("a policy that is named but not given is gone", async () => {
  const { make, update } = fixture();
  await make({ retryPolicy: {}, deadLetterPolicy: { deadLetterTopic: DEAD }, pushConfig: { pushEndpoint: ENDPOINT } });
  const cleared = await update(["retry_policy", "dead_letter_policy", "push_config"]);
  assert.equal(cleared.retryPolicy, undefined);
  assert.equal(cleared.deadLetterPolicy, undefined);
  assert.equal(cleared.pushConfig?.pushEndpoint, "");
});

test("the dead-letter topic of an update must exist, in the words of the profile", async () => {
  const { make, update } = fixture();
  await make();
  for (const path of ["dead_letter_policy", "dead_letter_policy.dead_letter_topic"]) {
    await assert.rejects(update([path], { deadLetterPolicy: { deadLetterTopic: "projects/q/topics/other" } }), {
      code: "NOT_FOUND",
      message: "Resource not found (resource=other).",
    });
  }
  const emulator = fixture("emulator");
  await emulator.make();
  await assert.rejects(
    emulator.update(["dead_letter_policy"], { deadLetterPolicy: { deadLetterTopic: "projects/q/topics/other" } }),
    { code: "NOT_FOUND", message: "Topic not found" },
  );
});

test("a policy keeps the name of a dead-letter topic that is deleted, and other settings still change", async () => {
  const { make, update, engine } = fixture();
  await make({ deadLetterPolicy: { deadLetterTopic: DEAD } });
  await engine.deleteTopic(DEAD);
  const updated = await update(["labels", "dead_letter_policy.max_delivery_attempts"], {
    labels: { a: "1" },
    deadLetterPolicy: { maxDeliveryAttempts: 6 },
  });
  assert.equal(updated.deadLetterPolicy?.deadLetterTopic, DEAD);
  await assert.rejects(update(["dead_letter_policy"], { deadLetterPolicy: { deadLetterTopic: "_deleted-topic_" } }), {
    code: "INVALID_ARGUMENT",
  });
});

test("a push config comes back with its version, and a wrapper only where one was given", async () => {
  const plain = await fixture().make({ pushConfig: { pushEndpoint: ENDPOINT } });
  assert.deepEqual(plain.pushConfig?.attributes, { "x-goog-version": "v1" });
  assert.equal(plain.pushConfig?.wrapper.case, undefined);
  assert.equal(plain.pushConfig?.authenticationMethod.case, undefined);
  const full = await fixture().make({
    pushConfig: {
      pushEndpoint: ENDPOINT,
      attributes: { "x-goog-version": "v1beta2" },
      authenticationMethod: { case: "oidcToken", value: { serviceAccountEmail: "a@b", audience: "us" } },
      wrapper: { case: "noWrapper", value: { writeMetadata: true } },
    },
  });
  assert.deepEqual(full.pushConfig?.attributes, { "x-goog-version": "v1beta2" });
  assert.ok(full.pushConfig?.wrapper.case === "noWrapper");
  assert.equal(full.pushConfig.wrapper.value.writeMetadata, true);
  assert.ok(full.pushConfig.authenticationMethod.case === "oidcToken");
  assert.equal(full.pushConfig.authenticationMethod.value.serviceAccountEmail, "a@b");
  assert.equal(full.pushConfig.authenticationMethod.value.audience, "us");
  const wrapped = await fixture().make({
    pushConfig: { pushEndpoint: ENDPOINT, wrapper: { case: "pubsubWrapper", value: {} } },
  });
  assert.equal(wrapped.pushConfig?.wrapper.case, "pubsubWrapper");
});

test("a push config without an endpoint means pull", async () => {
  const { make, engine } = fixture();
  const made = await make({ pushConfig: { attributes: { "x-goog-version": "v1" } } });
  assert.deepEqual([made.pushConfig?.pushEndpoint, made.pushConfig?.attributes], ["", {}]);
  assert.equal(engine.getSubscription(NAME).pushConfig, undefined);
});

test("a part of a push config changes alone", async () => {
  const { make, update } = fixture();
  await make({
    pushConfig: { pushEndpoint: ENDPOINT, wrapper: { case: "noWrapper", value: { writeMetadata: false } } },
  });
  const moved = await update(["push_config.push_endpoint"], { pushConfig: { pushEndpoint: `${ENDPOINT}/2` } });
  assert.equal(moved.pushConfig?.pushEndpoint, `${ENDPOINT}/2`);
  assert.equal(moved.pushConfig.wrapper.case, "noWrapper");
  const written = await update(["push_config.no_wrapper.write_metadata"], {
    pushConfig: { wrapper: { case: "noWrapper", value: { writeMetadata: true } } },
  });
  assert.ok(written.pushConfig?.wrapper.case === "noWrapper");
  assert.equal(written.pushConfig.wrapper.value.writeMetadata, true);
  const signed = await update(["push_config.oidc_token.audience"], {
    pushConfig: { authenticationMethod: { case: "oidcToken", value: { audience: "them" } } },
  });
  assert.ok(signed.pushConfig?.authenticationMethod.case === "oidcToken");
  assert.equal(signed.pushConfig.authenticationMethod.value.audience, "them");
  const pulled = await update(["push_config.push_endpoint"]);
  assert.equal(pulled.pushConfig?.pushEndpoint, "");
  assert.equal(pulled.pushConfig.wrapper.case, undefined);
});

test("plain http is for the emulator profile", async () => {
  const pushConfig = { pushEndpoint: "http://localhost:8080/hook" };
  assert.equal((await fixture("emulator").make({ pushConfig })).pushConfig?.pushEndpoint, pushConfig.pushEndpoint);
  await assert.rejects(fixture().make({ pushConfig }), { code: "INVALID_ARGUMENT" });
});

test("exactly-once and push exclude each other from either side", async () => {
  const pushed = fixture();
  await pushed.make({ pushConfig: { pushEndpoint: ENDPOINT } });
  const message = /enable_exactly_once_delivery cannot be used together with push_config/;
  await assert.rejects(pushed.update(["enable_exactly_once_delivery"], { enableExactlyOnceDelivery: true }), {
    message,
  });
  const pulled = fixture();
  await pulled.make({ enableExactlyOnceDelivery: true });
  await assert.rejects(pulled.push({ pushEndpoint: ENDPOINT }), { code: "INVALID_ARGUMENT", message });
  await pulled.update(["enable_exactly_once_delivery", "push_config"], { pushConfig: { pushEndpoint: ENDPOINT } });
});

test("ModifyPushConfig makes a subscription pushed to and pulled from again", async () => {
  const { make, push, get, engine } = fixture();
  await make({ labels: { a: "1" }, retryPolicy: {} });
  const seen: (string | undefined)[] = [];
  engine.watchPushConfigs((_name, config) => seen.push(config?.endpoint));
  await push({ pushEndpoint: ENDPOINT });
  const pushed = await get();
  assert.equal(pushed.pushConfig?.pushEndpoint, ENDPOINT);
  assert.deepEqual(pushed.labels, { a: "1" });
  assert.ok(pushed.retryPolicy);
  await push();
  assert.equal((await get()).pushConfig?.pushEndpoint, "");
  await push({ pushEndpoint: ENDPOINT });
  await push({});
  assert.deepEqual(seen, [ENDPOINT, undefined, ENDPOINT, undefined]);
});

test("ModifyPushConfig keeps the stored version unless it brings one, and nothing else", async () => {
  const { make, push, get } = fixture();
  await make({
    pushConfig: {
      pushEndpoint: ENDPOINT,
      attributes: { "x-goog-version": "v1beta2" },
      wrapper: { case: "noWrapper", value: {} },
    },
  });
  await push({ pushEndpoint: `${ENDPOINT}/2` });
  const kept = (await get()).pushConfig;
  assert.deepEqual(kept?.attributes, { "x-goog-version": "v1beta2" });
  assert.equal(kept.wrapper.case, undefined);
  await push({ pushEndpoint: ENDPOINT, attributes: { "x-goog-version": "v1" } });
  assert.deepEqual((await get()).pushConfig?.attributes, { "x-goog-version": "v1" });
});

test("ModifyPushConfig refuses what creation refuses, and a subscription that is not there", async () => {
  const { make, push, get } = fixture();
  await assert.rejects(push({ pushEndpoint: ENDPOINT }), { code: "NOT_FOUND" });
  await make();
  await assert.rejects(push({ pushEndpoint: "http://example.com" }), /^PubSubError: Invalid push endpoint given/);
  await assert.rejects(push({ pushEndpoint: ENDPOINT, attributes: { "x-goog-version": "v9" } }), /version=v9/);
  assert.equal((await get()).pushConfig?.pushEndpoint, "");
});

test("a subscription whose topic is gone keeps it through ModifyPushConfig", async () => {
  const { make, push, engine } = fixture();
  await make();
  await engine.deleteTopic(TOPIC);
  await push({ pushEndpoint: ENDPOINT });
  assert.equal(engine.getSubscription(NAME).topic, TOPIC);
});
