// Names as requests carry them, parsed once; what is malformed is refused in the words of the profile.
import {
  type ProjectName,
  parseProjectName,
  parseSnapshotName,
  parseSubscriptionName,
  parseTopicName,
  type SnapshotName,
  type SubscriptionName,
  type TopicName,
} from "@peal/wire/hot";
import { invalidName } from "../error-catalogue.js";
import type { ProfileRules } from "../profile.js";

/** @throws PubSubError INVALID_ARGUMENT where `text` is not `projects/P/topics/T`. */
export function checkTopicName(rules: ProfileRules, text: string): TopicName {
  const name = parseTopicName(text, rules.profile);
  if (name === undefined) throw invalidName(rules, text, "topics");
  return name;
}

/** @throws PubSubError INVALID_ARGUMENT where `text` is not `projects/P/subscriptions/S`. */
export function checkSubscriptionName(rules: ProfileRules, text: string): SubscriptionName {
  const name = parseSubscriptionName(text, rules.profile);
  if (name === undefined) throw invalidName(rules, text, "subscriptions");
  return name;
}

/** @throws PubSubError INVALID_ARGUMENT where `text` is not `projects/P/snapshots/S`. */
export function checkSnapshotName(rules: ProfileRules, text: string): SnapshotName {
  const name = parseSnapshotName(text, rules.profile);
  if (name === undefined) throw invalidName(rules, text, "snapshots");
  return name;
}

/** @throws PubSubError INVALID_ARGUMENT where `text` is not `projects/P`. */
export function checkProjectName(rules: ProfileRules, text: string): ProjectName {
  const name = parseProjectName(text);
  if (name === undefined) throw invalidName(rules, text, "projects");
  return name;
}
