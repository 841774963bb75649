// What a Subscription may say about where its messages go: push and the three exports.
import type { CloudStorageConfig, Subscription } from "@peal/wire";
import {
  badArgument,
  badPushEndpoint,
  badPushVersion,
  spanOutOfBounds,
  tooLarge,
  tooSmall,
} from "../error-catalogue.js";
import type { ProfileRules } from "../profile.js";
import { PUSH_VERSION_ATTRIBUTE } from "../push-config-message.js";
import { isAbove, isBelow, spanOf } from "./spans.js";

/** `URL` alone would take `https:host`, and leave out white space. */
const ABSOLUTE_URL = /^[a-z]+:\/\/[^\s/?#]\S*$/i;
const PUSH_VERSIONS: ReadonlySet<string> = new Set(["v1", "v1beta1", "v1beta2"]);
const BIGQUERY_TABLE = /^[^.]+[.:][^.]+\.[^.]+$/;
const BIGTABLE_TABLE = /^projects\/[^/]+\/instances\/[^/]+\/tables\/[^/]+$/;
const BATCH_SECONDS = { min: 60, max: 600 };
const MIN_BATCH_BYTES = 1_000n;
const MAX_BATCH_BYTES = 10n * 1024n ** 3n;
const MIN_BATCH_MESSAGES = 1_000n;

/** Does a subscription push? A push_config without an endpoint means pull. */
export function hasPush(subscription: Subscription): boolean {
  return (subscription.pushConfig?.pushEndpoint ?? "") !== "";
}

/** @throws PubSubError INVALID_ARGUMENT */
export function checkPushConfig(rules: ProfileRules, subscription: Subscription): void {
  const config = subscription.pushConfig;
  if (config === undefined) return;
  const version = config.attributes[PUSH_VERSION_ATTRIBUTE];
  if (version !== undefined && !PUSH_VERSIONS.has(version)) throw badPushVersion(version);
  if (config.pushEndpoint !== "" && !isEndpoint(config.pushEndpoint, rules.allowsHttpPushEndpoints)) {
    throw badPushEndpoint(config.pushEndpoint);
  }
}

/** @throws PubSubError INVALID_ARGUMENT where more than one of push and the exports is set. */
export function checkOneDelivery(subscription: Subscription): void {
  const used = [
    hasPush(subscription) && "push_config",
    subscription.bigqueryConfig && "bigquery_config",
    subscription.cloudStorageConfig && "cloud_storage_config",
    subscription.bigtableConfig && "bigtable_config",
  ].filter((field) => typeof field === "string");
  if (used.length > 1) throw badArgument(`Only one of ${used.join(" and ")} may be set`);
  if (used.length === 1 && subscription.enableExactlyOnceDelivery) {
    throw badArgument(`enable_exactly_once_delivery cannot be used together with ${used[0]}`);
  }
}

/** @throws PubSubError INVALID_ARGUMENT */
export function checkBigQueryConfig(subscription: Subscription): void {
  const config = subscription.bigqueryConfig;
  if (config === undefined) return;
  if (!BIGQUERY_TABLE.test(config.table)) {
    throw badArgument("Invalid bigquery_config: table must have the form project.dataset.table");
  }
  if (config.useTopicSchema && config.useTableSchema) {
    throw badArgument("Invalid bigquery_config: use_topic_schema and use_table_schema exclude each other");
  }
}

/** @throws PubSubError INVALID_ARGUMENT */
export function checkBigtableConfig(subscription: Subscription): void {
  const config = subscription.bigtableConfig;
  if (config === undefined || BIGTABLE_TABLE.test(config.table)) return;
  throw badArgument("Invalid bigtable_config: table must have the form projects/P/instances/I/tables/T");
}

/** @throws PubSubError INVALID_ARGUMENT */
export function checkCloudStorageConfig(subscription: Subscription): void {
  const config = subscription.cloudStorageConfig;
  if (config === undefined) return;
  if (config.bucket === "" || config.bucket.startsWith("gs://")) {
    throw badArgument("Invalid cloud_storage_config: bucket must be the name of a bucket, without gs://");
  }
  if (config.filenameSuffix.endsWith("/")) {
    throw badArgument("Invalid cloud_storage_config: filename_suffix must not end with /");
  }
  checkBatchLimits(config);
}

function checkBatchLimits(config: CloudStorageConfig): void {
  if (config.maxDuration !== undefined) {
    const span = spanOf("cloud_storage_config.max_duration", config.maxDuration);
    if (isBelow(span, BATCH_SECONDS.min) || isAbove(span, BATCH_SECONDS.max)) {
      throw spanOutOfBounds("max_duration", span, BATCH_SECONDS.min, BATCH_SECONDS.max);
    }
  }
  if (config.maxBytes !== 0n && config.maxBytes < MIN_BATCH_BYTES) {
    throw tooSmall("max_bytes", String(config.maxBytes), String(MIN_BATCH_BYTES));
  }
  if (config.maxBytes > MAX_BATCH_BYTES) throw tooLarge("max_bytes", String(config.maxBytes), String(MAX_BATCH_BYTES));
  if (config.maxMessages !== 0n && config.maxMessages < MIN_BATCH_MESSAGES) {
    throw tooSmall("max_messages", String(config.maxMessages), String(MIN_BATCH_MESSAGES));
  }
}

function isEndpoint(text: string, allowsHttp: boolean): boolean {
  if (!ABSOLUTE_URL.test(text) || !URL.canParse(text)) return false;
  const { protocol } = new URL(text);
  return protocol === "https:" || (allowsHttp && protocol === "http:");
}
