import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "./limits.js";

test("every limit is a safe integer, and no range is empty", () => {
  for (const [name, limit] of Object.entries(LIMITS)) {
    const { min, max } = typeof limit === "number" ? { min: 0, max: limit } : limit;
    assert.ok(Number.isSafeInteger(min) && Number.isSafeInteger(max) && min <= max, name);
  }
});

test("every default lies in the range of what it stands for", () => {
  const defaults = [
    [LIMITS.defaultPageSize, LIMITS.pageSize],
    [LIMITS.defaultAckDeadlineSeconds, LIMITS.ackDeadlineSeconds],
    [LIMITS.defaultExactlyOnceAckDeadlineSeconds, LIMITS.ackDeadlineSeconds],
    [LIMITS.defaultSubscriptionRetentionSeconds, LIMITS.subscriptionRetentionSeconds],
    [LIMITS.defaultExpirationTtlSeconds, LIMITS.expirationTtlSeconds],
    [LIMITS.defaultMaxDeliveryAttempts, LIMITS.maxDeliveryAttempts],
    [LIMITS.defaultMinimumBackoffSeconds, LIMITS.retryBackoffSeconds],
    [LIMITS.defaultMaximumBackoffSeconds, LIMITS.retryBackoffSeconds],
  ] as const;
  for (const [value, { min, max }] of defaults) assert.ok(value >= min && value <= max, `${value} in ${min}..${max}`);
});
