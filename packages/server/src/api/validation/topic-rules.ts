// What a Topic may say. First every field is checked, then what this server cannot do yet is refused by name.
import { Encoding, LIMITS, parseSchemaName, type Topic, TopicSchema } from "@peal/wire";
import { badArgument, invalidArgument, invalidName, shown, unsupportedField } from "../error-catalogue.js";
import type { ProfileRules } from "../profile.js";
import { checkLabels } from "./labels.js";
import { checkMessageTransforms } from "./message-transforms.js";
import { checkSpan } from "./spans.js";
import type { MaskedResource } from "./update-mask.js";

type TopicCheck = (rules: ProfileRules, topic: Topic) => void;

const KMS_KEY_NAME = /^projects\/[^/]+\/locations\/[^/]+\/keyRings\/[^/]+\/cryptoKeys\/[^/]+$/;

/** Topics as UpdateTopic sees them. */
export const MASKED_TOPIC: MaskedResource = {
  request: "UpdateTopicRequest",
  desc: TopicSchema,
  immutableFields: new Set(["name", "satisfies_pzs", "state", "tags"]),
};

/** By the proto name of the field; fields without a rule are not here. */
const CHECKS: { readonly [field: string]: TopicCheck } = {
  labels: (rules, topic) => checkLabels(rules, topic.labels),
  message_storage_policy: checkStoragePolicy,
  kms_key_name: checkKmsKeyName,
  schema_settings: checkSchemaSettings,
  message_retention_duration: checkRetention,
  message_transforms: (_rules, topic) => checkMessageTransforms(topic.messageTransforms),
};

/** Settings whose semantics this server does not have. */
const UNSUPPORTED: { readonly [field: string]: (topic: Topic) => boolean } = {
  schema_settings: (topic) => topic.schemaSettings !== undefined,
  ingestion_data_source_settings: (topic) => topic.ingestionDataSourceSettings !== undefined,
  message_transforms: (topic) => topic.messageTransforms.length > 0,
};

/**
 * Checks the fields of a topic other than its name.
 *
 * @param fields - Proto names of the fields to look at; all where left out.
 * @throws PubSubError INVALID_ARGUMENT
 */
export function checkTopic(rules: ProfileRules, topic: Topic, fields?: ReadonlySet<string>): void {
  for (const [field, check] of Object.entries(CHECKS)) {
    if (fields === undefined || fields.has(field)) check(rules, topic);
  }
}

/** @throws PubSubError UNIMPLEMENTED for a setting that this server does not have. */
export function refuseUnsupportedTopic(topic: Topic): void {
  for (const [field, isUsed] of Object.entries(UNSUPPORTED)) {
    if (isUsed(topic)) throw unsupportedField("a Topic", field);
  }
}

function checkStoragePolicy(_rules: ProfileRules, topic: Topic): void {
  if (topic.messageStoragePolicy?.allowedPersistenceRegions.length !== 0) return;
  throw badArgument(
    "Invalid message_storage_policy: allowed_persistence_regions is empty; name at least one region, or leave message_storage_policy unset",
  );
}

function checkKmsKeyName(_rules: ProfileRules, topic: Topic): void {
  if (topic.kmsKeyName === "" || KMS_KEY_NAME.test(topic.kmsKeyName)) return;
  throw invalidArgument(
    `Invalid KMS key name given (name=${shown(topic.kmsKeyName)}). It must have the form projects/P/locations/L/keyRings/R/cryptoKeys/K.`,
  );
}

function checkSchemaSettings(rules: ProfileRules, topic: Topic): void {
  const settings = topic.schemaSettings;
  if (settings === undefined) return;
  if (parseSchemaName(settings.schema, rules.profile) === undefined) {
    throw invalidName(rules, settings.schema, "schemas");
  }
  if (settings.encoding !== Encoding.JSON && settings.encoding !== Encoding.BINARY) {
    throw badArgument("Invalid schema_settings: encoding is not set; use JSON or BINARY");
  }
}

function checkRetention(_rules: ProfileRules, topic: Topic): void {
  const retention = topic.messageRetentionDuration;
  if (retention === undefined) return;
  checkSpan("message_retention_duration", "message retention duration", retention, LIMITS.topicRetentionSeconds);
}
