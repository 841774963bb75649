// Settings as they are stored, to and from the messages of the wire. Nothing is checked here; defaults are filled in.
import { create } from "@bufbuild/protobuf";
import { type Duration, DurationSchema, type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import {
  DELETED_TOPIC,
  LIMITS,
  type Snapshot,
  SnapshotSchema,
  type Subscription,
  Subscription_State,
  SubscriptionSchema,
  type Topic,
  TopicSchema,
} from "@peal/wire";
import type {
  SnapshotState,
  Span,
  SubscriptionSettings,
  SubscriptionState,
  TopicSettings,
} from "../engine/settings.js";
import { pushConfigMessage, pushSettings } from "./push-config-message.js";
import { compareSpans } from "./validation/spans.js";

const MS_PER_SECOND = 1_000;
const NANOS_PER_MS = 1_000_000;

/** The Topic that describes `settings`. Its parts are new: a caller may change them. */
export function topicMessage(settings: TopicSettings): Topic {
  const policy = settings.messageStoragePolicy;
  return create(TopicSchema, {
    name: settings.name,
    labels: { ...settings.labels },
    kmsKeyName: settings.kmsKeyName ?? "",
    ...(policy && {
      messageStoragePolicy: {
        allowedPersistenceRegions: [...policy.allowedPersistenceRegions],
        enforceInTransit: policy.enforceInTransit,
      },
    }),
    ...(settings.messageRetention && { messageRetentionDuration: durationOf(settings.messageRetention) }),
  });
}

/** What is stored of a Topic that was checked. */
export function topicSettings(topic: Topic): TopicSettings {
  const policy = topic.messageStoragePolicy;
  const retention = topic.messageRetentionDuration;
  return {
    name: topic.name,
    labels: topic.labels,
    ...(policy && {
      messageStoragePolicy: {
        allowedPersistenceRegions: policy.allowedPersistenceRegions,
        enforceInTransit: policy.enforceInTransit,
      },
    }),
    ...(topic.kmsKeyName !== "" && { kmsKeyName: topic.kmsKeyName }),
    ...(retention && { messageRetention: wholeSpan(retention) }),
  };
}

/** The Subscription that describes `state`. Its parts are new: a caller may change them. */
export function subscriptionMessage(state: SubscriptionState): Subscription {
  const { expirationTtl: ttl, retryPolicy, deadLetterPolicy } = state;
  return create(SubscriptionSchema, {
    name: state.name,
    topic: state.hasTopic ? state.topic : DELETED_TOPIC,
    pushConfig: pushConfigMessage(state.pushConfig),
    ackDeadlineSeconds: state.ackDeadlineSeconds,
    retainAckedMessages: state.retainAckedMessages,
    messageRetentionDuration: durationOf(state.messageRetention),
    labels: { ...state.labels },
    expirationPolicy: ttl ? { ttl: durationOf(ttl) } : {},
    enableMessageOrdering: state.isOrdered ?? false,
    enableExactlyOnceDelivery: state.isExactlyOnce ?? false,
    filter: state.filter ?? "",
    ...(retryPolicy && {
      retryPolicy: {
        minimumBackoff: durationOf(retryPolicy.minimumBackoff),
        maximumBackoff: durationOf(retryPolicy.maximumBackoff),
      },
    }),
    ...(deadLetterPolicy && {
      deadLetterPolicy: {
        deadLetterTopic: deadLetterPolicy.topic,
        maxDeliveryAttempts: deadLetterPolicy.maxDeliveryAttempts,
      },
    }),
    detached: state.isDetached,
    state: Subscription_State.ACTIVE,
    ...(state.topicMessageRetention && { topicMessageRetentionDuration: durationOf(state.topicMessageRetention) }),
  });
}

/** What is stored of a Subscription that was checked. */
export function subscriptionSettings(subscription: Subscription): SubscriptionSettings {
  const ttl = expirationTtl(subscription);
  const { retryPolicy: retry, deadLetterPolicy: deadLetter } = subscription;
  const pushConfig = pushSettings(subscription.pushConfig);
  return {
    name: subscription.name,
    topic: subscription.topic,
    labels: subscription.labels,
    ackDeadlineSeconds: subscription.ackDeadlineSeconds || defaultAckDeadlineSeconds(subscription),
    retainAckedMessages: subscription.retainAckedMessages,
    messageRetention: messageRetention(subscription),
    ...(ttl && { expirationTtl: ttl }),
    ...(subscription.enableMessageOrdering && { isOrdered: true }),
    ...(subscription.enableExactlyOnceDelivery && { isExactlyOnce: true }),
    ...(subscription.filter !== "" && { filter: subscription.filter }),
    ...(retry && {
      retryPolicy: {
        minimumBackoff: spanOr(retry.minimumBackoff, LIMITS.defaultMinimumBackoffSeconds),
        maximumBackoff: spanOr(retry.maximumBackoff, LIMITS.defaultMaximumBackoffSeconds),
      },
    }),
    ...(deadLetter && {
      deadLetterPolicy: {
        topic: deadLetter.deadLetterTopic,
        maxDeliveryAttempts: deadLetter.maxDeliveryAttempts || LIMITS.defaultMaxDeliveryAttempts,
      },
    }),
    ...(pushConfig && { pushConfig }),
  };
}

/** The Snapshot that describes `state`. Its parts are new: a caller may change them. */
export function snapshotMessage(state: SnapshotState): Snapshot {
  return create(SnapshotSchema, {
    name: state.name,
    topic: state.hasTopic ? state.topic : DELETED_TOPIC,
    expireTime: timestampOf(state.expireAtMs),
    labels: { ...state.labels },
  });
}

/** How long a subscription without activity lives; undefined: for ever, asked for by a policy without a ttl. */
export function expirationTtl(subscription: Subscription): Span | undefined {
  const policy = subscription.expirationPolicy;
  if (policy === undefined) return { seconds: LIMITS.defaultExpirationTtlSeconds, nanos: 0 };
  return policy.ttl && wholeSpan(policy.ttl);
}

/** How long messages are kept: seven days where nothing is said, but no longer than the subscription lives. */
export function messageRetention(subscription: Subscription): Span {
  if (subscription.messageRetentionDuration) return wholeSpan(subscription.messageRetentionDuration);
  const usual = { seconds: LIMITS.defaultSubscriptionRetentionSeconds, nanos: 0 };
  const ttl = expirationTtl(subscription);
  return ttl && compareSpans(ttl, usual) < 0 ? ttl : usual;
}

/** What an ack deadline of 0 means. (S-8.2) */
function defaultAckDeadlineSeconds(subscription: Subscription): number {
  return subscription.enableExactlyOnceDelivery
    ? LIMITS.defaultExactlyOnceAckDeadlineSeconds
    : LIMITS.defaultAckDeadlineSeconds;
}

function spanOr(duration: Duration | undefined, defaultSeconds: number): Span {
  return duration ? wholeSpan(duration) : { seconds: defaultSeconds, nanos: 0 };
}

function timestampOf(timeMs: number): Timestamp {
  const seconds = Math.floor(timeMs / MS_PER_SECOND);
  return create(TimestampSchema, {
    seconds: BigInt(seconds),
    nanos: Math.round((timeMs - seconds * MS_PER_SECOND) * NANOS_PER_MS),
  });
}

function durationOf(span: Span): Duration {
  return create(DurationSchema, { seconds: BigInt(span.seconds), nanos: span.nanos });
}

/** A Duration that was checked. */
function wholeSpan(duration: Duration): Span {
  return { seconds: Number(duration.seconds), nanos: duration.nanos };
}
