// What a Subscription may say. First every field is checked, then what this server cannot do yet is refused by name.
import { FilterSyntaxError, parseFilter } from "@peal/core";
import { LIMITS, type Subscription, SubscriptionSchema } from "@peal/wire";
import {
  backoffsCrossed,
  badAckDeadline,
  badFilter,
  retentionAboveTtl,
  spanOutOfBounds,
  tooLarge,
  tooSmall,
  unsupportedField,
} from "../error-catalogue.js";
import type { ProfileRules } from "../profile.js";
import { expirationTtl, messageRetention } from "../resources.js";
import {
  checkBigQueryConfig,
  checkBigtableConfig,
  checkCloudStorageConfig,
  checkOneDelivery,
  checkPushConfig,
} from "./delivery-rules.js";
import { goDuration, goSeconds } from "./go-duration.js";
import { checkLabels } from "./labels.js";
import { checkMessageTransforms } from "./message-transforms.js";
import { checkTopicName } from "./names.js";
import { checkSpan, compareSpans, isAbove, isBelow, secondsText, spanOf } from "./spans.js";
import type { MaskedResource } from "./update-mask.js";

type SubscriptionCheck = (rules: ProfileRules, subscription: Subscription) => void;

/** Subscriptions as UpdateSubscription sees them. */
export const MASKED_SUBSCRIPTION: MaskedResource = {
  request: "UpdateSubscriptionRequest",
  desc: SubscriptionSchema,
  immutableFields: new Set([
    "name",
    "topic",
    "enable_message_ordering",
    "filter",
    "tags",
    "state",
    "topic_message_retention_duration",
    "analytics_hub_subscription_info",
    "detached",
  ]),
};

/** By the proto name of the field; fields without a rule are not here. */
const CHECKS: { readonly [field: string]: SubscriptionCheck } = {
  push_config: checkPushConfig,
  ack_deadline_seconds: checkAckDeadline,
  message_retention_duration: checkRetention,
  labels: (rules, subscription) => checkLabels(rules, subscription.labels),
  expiration_policy: checkExpiration,
  filter: checkFilter,
  dead_letter_policy: checkDeadLetterPolicy,
  retry_policy: checkRetryPolicy,
  bigquery_config: (_rules, subscription) => checkBigQueryConfig(subscription),
  cloud_storage_config: (_rules, subscription) => checkCloudStorageConfig(subscription),
  bigtable_config: (_rules, subscription) => checkBigtableConfig(subscription),
  message_transforms: (_rules, subscription) => checkMessageTransforms(subscription.messageTransforms),
};

/** Settings whose semantics this server does not have. */
const UNSUPPORTED: { readonly [field: string]: (subscription: Subscription) => boolean } = {
  bigquery_config: (subscription) => subscription.bigqueryConfig !== undefined,
  cloud_storage_config: (subscription) => subscription.cloudStorageConfig !== undefined,
  bigtable_config: (subscription) => subscription.bigtableConfig !== undefined,
  message_transforms: (subscription) => subscription.messageTransforms.length > 0,
};

/**
 * Checks the fields of a subscription other than its name and topic, without looking whether what they name exists.
 *
 * @param fields - Proto names of the fields to look at; all where left out.
 * @throws PubSubError INVALID_ARGUMENT
 */
export function checkSubscription(rules: ProfileRules, subscription: Subscription, fields?: ReadonlySet<string>): void {
  for (const [field, check] of Object.entries(CHECKS)) {
    if (fields === undefined || fields.has(field)) check(rules, subscription);
  }
  checkOneDelivery(subscription);
  if (fields === undefined || fields.has("message_retention_duration") || fields.has("expiration_policy")) {
    checkRetentionWithinTtl(subscription);
  }
}

/** @throws PubSubError UNIMPLEMENTED for a setting that this server does not have. */
export function refuseUnsupportedSubscription(subscription: Subscription): void {
  for (const [field, isUsed] of Object.entries(UNSUPPORTED)) {
    if (isUsed(subscription)) throw unsupportedField("a Subscription", field);
  }
}

function checkAckDeadline(rules: ProfileRules, subscription: Subscription): void {
  const seconds = subscription.ackDeadlineSeconds;
  const { min, max } = LIMITS.ackDeadlineSeconds;
  if (seconds === 0) return;
  if (seconds < rules.minAckDeadlineSeconds || seconds > max) throw badAckDeadline(seconds, min, max);
}

function checkRetention(_rules: ProfileRules, subscription: Subscription): void {
  const retention = subscription.messageRetentionDuration;
  if (retention === undefined) return;
  const bounds = LIMITS.subscriptionRetentionSeconds;
  checkSpan("message_retention_duration", "message retention duration", retention, bounds);
}

function checkExpiration(_rules: ProfileRules, subscription: Subscription): void {
  const ttl = subscription.expirationPolicy?.ttl;
  if (ttl === undefined) return;
  const span = spanOf("expiration_policy.ttl", ttl);
  const { min, max } = LIMITS.expirationTtlSeconds;
  if (isBelow(span, min)) throw tooSmall("expiration duration", goDuration(span), goSeconds(min));
  if (isAbove(span, max)) throw tooLarge("expiration duration", goDuration(span), goSeconds(max));
}

function checkRetentionWithinTtl(subscription: Subscription): void {
  const ttl = expirationTtl(subscription);
  const retention = messageRetention(subscription);
  if (ttl !== undefined && compareSpans(retention, ttl) > 0) {
    throw retentionAboveTtl(secondsText(retention), secondsText(ttl));
  }
}

function checkFilter(rules: ProfileRules, { filter }: Subscription): void {
  const sizeBytes = Buffer.byteLength(filter);
  if (sizeBytes > LIMITS.filterBytes) throw tooLarge("filter", sizeBytes, LIMITS.filterBytes);
  try {
    parseFilter(filter, { allowsMixing: rules.allowsMixedFilterOperators });
  } catch (error) {
    throw error instanceof FilterSyntaxError ? badFilter(error.message) : error;
  }
}

function checkDeadLetterPolicy(rules: ProfileRules, subscription: Subscription): void {
  const policy = subscription.deadLetterPolicy;
  if (policy === undefined) return;
  checkTopicName(rules, policy.deadLetterTopic);
  const attempts = policy.maxDeliveryAttempts;
  const { min, max } = LIMITS.maxDeliveryAttempts;
  if (attempts === 0) return;
  if (attempts < min) throw tooSmall("max_delivery_attempts", attempts, min);
  if (attempts > max) throw tooLarge("max_delivery_attempts", attempts, max);
}

function checkRetryPolicy(_rules: ProfileRules, subscription: Subscription): void {
  const policy = subscription.retryPolicy;
  if (policy === undefined) return;
  const minimum = policy.minimumBackoff
    ? checkBackoff("minimum_backoff", spanOf("retry_policy.minimum_backoff", policy.minimumBackoff))
    : { seconds: LIMITS.defaultMinimumBackoffSeconds, nanos: 0 };
  const maximum = policy.maximumBackoff
    ? checkBackoff("maximum_backoff", spanOf("retry_policy.maximum_backoff", policy.maximumBackoff))
    : { seconds: LIMITS.defaultMaximumBackoffSeconds, nanos: 0 };
  if (compareSpans(maximum, minimum) < 0) throw backoffsCrossed(maximum, minimum);
}

function checkBackoff(what: string, span: ReturnType<typeof spanOf>): ReturnType<typeof spanOf> {
  const { min, max } = LIMITS.retryBackoffSeconds;
  if (isBelow(span, min) || isAbove(span, max)) throw spanOutOfBounds(what, span, min, max);
  return span;
}
