import assert from "node:assert/strict";
import { test } from "node:test";
import { PLAIN_RULES } from "@peal/core";
import { subscriptionSettings } from "./engine.test.support.js";
import { areSameRules, rulesOf } from "./rules.js";

test("a subscription stored without any of the settings is a plain one", () => {
  assert.deepEqual(rulesOf(subscriptionSettings()), PLAIN_RULES);
});

test("an empty filter is none", () => {
  assert.equal(rulesOf(subscriptionSettings({ filter: " " })).filter, undefined);
});

test("each setting has its rule, in milliseconds", () => {
  const rules = rulesOf(
    subscriptionSettings({
      isOrdered: true,
      isExactlyOnce: true,
      filter: "attributes:a",
      retryPolicy: { minimumBackoff: { seconds: 1, nanos: 500_000_000 }, maximumBackoff: { seconds: 60, nanos: 0 } },
      deadLetterPolicy: { topic: "projects/p/topics/dead", maxDeliveryAttempts: 7 },
    }),
  );
  assert.equal(rules.filter?.text, "attributes:a");
  assert.deepEqual(
    { ...rules, filter: undefined },
    {
      isOrdered: true,
      isExactlyOnce: true,
      filter: undefined,
      backoff: { minimumMs: 1_500, maximumMs: 60_000 },
      deliveryAttemptsMax: 7,
    },
  );
});

test("rules after a change keep the filter they had, and are the same only where nothing they say changed", () => {
  const settings = subscriptionSettings({ filter: "attributes:a" });
  const rules = rulesOf(settings);
  assert.equal(areSameRules(rules, rulesOf({ ...settings, labels: { a: "b" } }, rules)), true);
  assert.equal(areSameRules(rules, rulesOf({ ...settings, isExactlyOnce: true }, rules)), false);
  const retryPolicy = { minimumBackoff: { seconds: 1, nanos: 0 }, maximumBackoff: { seconds: 2, nanos: 0 } };
  assert.equal(areSameRules(rules, rulesOf({ ...settings, retryPolicy }, rules)), false);
  const deadLetterPolicy = { topic: "projects/p/topics/dead", maxDeliveryAttempts: 7 };
  assert.equal(areSameRules(rules, rulesOf({ ...settings, deadLetterPolicy }, rules)), false);
});
