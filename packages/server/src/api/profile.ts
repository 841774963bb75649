// Everything in which the two profiles differ at this layer: one table, chosen once, when the services are made.
import type { Profile } from "@peal/wire/hot";

/** What is missing or already there, for the texts that name it: the emulator's depend on who asks. */
export type ResourceKind = "topic" | "subscription" | "topicOfSubscription" | "streamedSubscription" | "snapshot";

/** How strictly requests are judged, and in which words the answers come. Reference 4.1, 4.3. */
export interface ProfileRules {
  readonly profile: Profile;
  /** Text for a malformed resource name; `collection` is the plural, as in `topics`. */
  readonly invalidName: (name: string, collection: string) => string;
  /** Text for a resource that does not exist; `id` is the last segment of its name. */
  readonly notFound: (kind: ResourceKind, id: string) => string;
  readonly alreadyExists: (kind: ResourceKind, id: string) => string;
  /** Least seconds of an ack deadline, of a subscription and of a stream (EMU-23). */
  readonly minAckDeadlineSeconds: number;
  /** May label keys and values have upper-case letters? (EMU-32) */
  readonly allowsUpperCaseLabels: boolean;
  /** Are attribute keys refused that are empty or begin with `goog`? (EMU-22) */
  readonly refusesReservedAttributes: boolean;
  /** Must all messages of one publish request have the same ordering key? */
  readonly refusesMixedOrderingKeys: boolean;
  /** Are page sizes outside of 0..1000 refused, and page tokens that this server did not make? (EMU-24) */
  readonly checksPaging: boolean;
  /** What a stream deadline of 0 in the first request means. (S-7.1) */
  readonly zeroStreamDeadline: "serviceError" | "subscriptionDeadline";
  /** Does a malformed ack id end a stream? Else it is ignored. (S-7.5, EMU-31) */
  readonly endsStreamOnMalformedAckId: boolean;
  /** May later requests of a stream name the subscription again? (S-7.2) */
  readonly allowsRepeatedSubscription: boolean;
  /** May push endpoints be plain http? (EMU-29) */
  readonly allowsHttpPushEndpoints: boolean;
  /** May AND and OR stand side by side in a filter, AND binding tighter? (S-11.4) */
  readonly allowsMixedFilterOperators: boolean;
  /** What a Pull from a subscription that is pushed to is answered. (EMU-27) */
  readonly pullFromPushed: "refused" | "nothing";
  /** The body of the answer to a path without a route. (REST-008) */
  readonly unknownRouteBody: "html" | "json";
}

const SERVICE: ProfileRules = {
  profile: "service",
  invalidName: (name) =>
    `Invalid resource name given (name=${name}). Refer to https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names for more information.`,
  notFound: (_kind, id) => `Resource not found (resource=${id}).`,
  alreadyExists: (_kind, id) => `Resource already exists in the project (resource=${id}).`,
  minAckDeadlineSeconds: 10,
  allowsUpperCaseLabels: false,
  refusesReservedAttributes: true,
  refusesMixedOrderingKeys: true,
  checksPaging: true,
  zeroStreamDeadline: "serviceError",
  endsStreamOnMalformedAckId: true,
  allowsRepeatedSubscription: false,
  allowsHttpPushEndpoints: false,
  allowsMixedFilterOperators: false,
  pullFromPushed: "refused",
  unknownRouteBody: "html",
};

/** Measured on version 0.8.20. */
const EMULATOR_NOT_FOUND: { readonly [kind in ResourceKind]: (id: string) => string } = {
  topic: () => "Topic not found",
  subscription: () => "Subscription does not exist",
  topicOfSubscription: () => "Subscription topic does not exist",
  streamedSubscription: (id) => `Subscription does not exist (resource=${id})`,
  // By choice: nobody has measured it.
  snapshot: () => "Snapshot not found",
};

const EMULATOR_ALREADY_EXISTS: { readonly [kind in ResourceKind]: string } = {
  topic: "Topic already exists",
  subscription: "Subscription already exists",
  topicOfSubscription: "Topic already exists",
  streamedSubscription: "Subscription already exists",
  snapshot: "Snapshot already exists",
};

const EMULATOR: ProfileRules = {
  profile: "emulator",
  invalidName: (name, collection) => `Invalid [${collection}] name: (name=${name})`,
  notFound: (kind, id) => EMULATOR_NOT_FOUND[kind](id),
  alreadyExists: (kind) => EMULATOR_ALREADY_EXISTS[kind],
  minAckDeadlineSeconds: 1,
  allowsUpperCaseLabels: true,
  refusesReservedAttributes: false,
  refusesMixedOrderingKeys: false,
  checksPaging: false,
  zeroStreamDeadline: "subscriptionDeadline",
  endsStreamOnMalformedAckId: false,
  allowsRepeatedSubscription: true,
  allowsHttpPushEndpoints: true,
  allowsMixedFilterOperators: true,
  pullFromPushed: "nothing",
  unknownRouteBody: "json",
};

const RULES: { readonly [profile in Profile]: ProfileRules } = { service: SERVICE, emulator: EMULATOR };

/** Returns the table of one profile. */
export function rulesOf(profile: Profile): ProfileRules {
  return RULES[profile];
}
