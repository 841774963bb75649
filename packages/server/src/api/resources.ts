// Settings as they are stored, to and from the messages of the wire. Nothing is checked here; defaults are filled in.
import { create } from "@bufbuild/protobuf";
import { type Duration, DurationSchema } from "@bufbuild/protobuf/wkt";
import {
  DELETED_TOPIC,
  LIMITS,
  type Subscription,
  Subscription_State,
  SubscriptionSchema,
  type Topic,
  TopicSchema,
} from "@peal/wire";
import type { Span, SubscriptionSettings, SubscriptionState, TopicSettings } from "../engine/settings.js";
import { compareSpans } from "./validation/spans.js";

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
  const ttl = state.expirationTtl;
  return create(SubscriptionSchema, {
    name: state.name,
    topic: state.hasTopic ? state.topic : DELETED_TOPIC,
    pushConfig: {},
    ackDeadlineSeconds: state.ackDeadlineSeconds,
    retainAckedMessages: state.retainAckedMessages,
    messageRetentionDuration: durationOf(state.messageRetention),
    labels: { ...state.labels },
    expirationPolicy: ttl ? { ttl: durationOf(ttl) } : {},
    detached: state.isDetached,
    state: Subscription_State.ACTIVE,
    ...(state.topicMessageRetention && { topicMessageRetentionDuration: durationOf(state.topicMessageRetention) }),
  });
}

/** What is stored of a Subscription that was checked. */
export function subscriptionSettings(subscription: Subscription): SubscriptionSettings {
  const ttl = expirationTtl(subscription);
  return {
    name: subscription.name,
    topic: subscription.topic,
    labels: subscription.labels,
    ackDeadlineSeconds: subscription.ackDeadlineSeconds || LIMITS.defaultAckDeadlineSeconds,
    retainAckedMessages: subscription.retainAckedMessages,
    messageRetention: messageRetention(subscription),
    ...(ttl && { expirationTtl: ttl }),
  };
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

function durationOf(span: Span): Duration {
  return create(DurationSchema, { seconds: BigInt(span.seconds), nanos: span.nanos });
}

/** A Duration that was checked. */
function wholeSpan(duration: Duration): Span {
  return { seconds: Number(duration.seconds), nanos: duration.nanos };
}
