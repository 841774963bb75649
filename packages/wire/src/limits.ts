// Every limit of the published service, in one place. The section of the service reference that states it stands in
// brackets; "A" is its appendix of constants. What is bounded by choice, not by the service, says so.

const MINUTE_SECONDS = 60;
const HOUR_SECONDS = 60 * MINUTE_SECONDS;
const DAY_SECONDS = 24 * HOUR_SECONDS;

/** Bounds of a value, both included. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Counts, bytes, lengths in characters and spans, as the unit at the end of each name says; a bare plural is a count. */
export const LIMITS = {
  /** Characters in a resource id. [0.4] */
  resourceIdLength: { min: 3, max: 255 },
  /** Labels per resource, and characters in a label's key and value. [0.5] */
  labels: 64,
  labelKeyLength: { min: 1, max: 63 },
  labelValueLength: { min: 0, max: 63 },
  /** 0 asks for the server's default. [0.6] */
  pageSize: { min: 0, max: 1000 },
  /** By choice: what a page size of 0 means. [0.6] */
  defaultPageSize: 1000,

  /** Messages in one Publish request. [1.2, A] */
  publishMessages: { min: 1, max: 1000 },
  /** Bytes of a serialized PublishRequest. [S-1.7] */
  publishRequestBytes: 10_000_000,
  /** Bytes of any request as transported: HTTP body or gRPC message. [S-1.7] */
  requestPayloadBytes: 10_485_760,
  /** Bytes of an Acknowledge or ModifyAckDeadline request as transported. [1.3, A] */
  ackRequestPayloadBytes: 524_288,
  /** Attributes per message, and UTF-8 bytes in an attribute's key and value. [2.2] */
  attributes: 100,
  attributeKeyBytes: { min: 1, max: 256 },
  attributeValueBytes: 1024,
  /** UTF-8 bytes of an ordering key. [2.2] */
  orderingKeyBytes: 1024,
  /** Published bytes per second on one ordering key. [A] */
  orderingKeyBytesPerSecond: 1_000_000,

  /** Messages in one pull response, unary or streaming. [S-6.1, S-7.10] */
  pullMessages: 1000,
  /** Bytes of messages in one pull response; a single bigger message still goes. [S-6.1, S-7.10] */
  pullResponseBytes: 10_000_000,
  /** By choice: bytes of messages in one streaming response, so that nobody waits behind a big one. [design 3] */
  streamingPullResponseBytes: 1_048_576,
  /** By choice: how long a Pull waits for a first message, and the wait when the caller gave no deadline. [S-6.3] */
  pullWaitMs: 30_000,
  pullWaitWithoutDeadlineMs: 20_000,
  /** By choice: how long before the caller's deadline a waiting Pull answers. [S-6.3] */
  pullDeadlineMarginMs: 1_000,

  /** Seconds of a subscription's and a stream's ack deadline. [1.3, S-7.1] */
  ackDeadlineSeconds: { min: 10, max: 600 },
  /** What 0 means at creation; the second with exactly-once delivery. [1.3, S-8.2] */
  defaultAckDeadlineSeconds: 10,
  defaultExactlyOnceAckDeadlineSeconds: 60,
  /** Seconds in ModifyAckDeadline; 0 is a nack. [1.3] */
  modifyAckDeadlineSeconds: { min: 0, max: 600 },
  /** How often a client pings a stream with keepalive, and how soon it expects an answer. [S-7.15] */
  keepalivePingMs: 30_000,
  keepaliveAnswerMs: 15_000,

  /** UTF-8 bytes of a filter. [2.7] */
  filterBytes: 256,
  /** How long a subscription keeps messages. [2.7] */
  subscriptionRetentionSeconds: { min: 10 * MINUTE_SECONDS, max: 31 * DAY_SECONDS },
  defaultSubscriptionRetentionSeconds: 7 * DAY_SECONDS,
  /** How long a topic keeps messages; off by default. [2.1] */
  topicRetentionSeconds: { min: 10 * MINUTE_SECONDS, max: 31 * DAY_SECONDS },
  /** How long an idle subscription lives. [2.7] */
  expirationTtlSeconds: { min: DAY_SECONDS, max: 365 * DAY_SECONDS },
  defaultExpirationTtlSeconds: 31 * DAY_SECONDS,
  /** Deliveries before a message is a dead letter. [2.7] */
  maxDeliveryAttempts: { min: 5, max: 100 },
  defaultMaxDeliveryAttempts: 5,
  /** Backoff of a retry policy, and what a present policy without values means. [2.7] */
  retryBackoffSeconds: { min: 0, max: 600 },
  defaultMinimumBackoffSeconds: 10,
  defaultMaximumBackoffSeconds: 600,
  /** Message transforms per topic or subscription, and bytes of a user-defined function's code. [2.6] */
  messageTransforms: 5,
  udfCodeBytes: 20_480,
  udfTimeoutMs: 500,

  /** Longest life of a snapshot, and the least that must be left when it is made. [2.12] */
  snapshotLifeSeconds: 7 * DAY_SECONDS,
  snapshotMinimumLifeSeconds: HOUR_SECONDS,

  /** Push: backoff after failures, and the life of the token sent along. [3.14, A] */
  pushBackoffMs: { min: 100, max: 60_000 },
  pushWindowKnee: 3_000,
  pushTokenLifeMs: 3_600_000,

  /** Bytes of a schema's definition, and its revisions. [1.4] */
  schemaDefinitionBytes: 307_200,
  schemaRevisions: 20,

  /** Principals in an IAM policy, and groups among them. [1.5] */
  policyPrincipals: 1_500,
  policyGroups: 250,

  /** Resources of one project, and those that hang on one topic. [A] */
  topicsPerProject: 10_000,
  subscriptionsPerProject: 10_000,
  subscriptionsPerTopic: 10_000,
  snapshotsPerProject: 5_000,
  snapshotsPerTopic: 5_000,
  schemasPerProject: 10_000,
  /** Administrative calls per second and project. [A] */
  adminCallsPerSecond: 100,
} as const satisfies { readonly [name: string]: number | Range };
