/** What is stored of a topic and of a subscription. Plain values; `api` translates from and to the wire. */

/** A span as the wire has it, so that what was given comes back to the nanosecond. Both parts non-negative. */
export interface Span {
  readonly seconds: number;
  readonly nanos: number;
}

export interface TopicSettings {
  /** Full name, `projects/P/topics/T`. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly messageStoragePolicy?: {
    readonly allowedPersistenceRegions: readonly string[];
    readonly enforceInTransit: boolean;
  };
  readonly kmsKeyName?: string;
  /** How long every message stays readable, acked or not; absent: off. */
  readonly messageRetention?: Span;
}

export interface SubscriptionSettings {
  /** Full name, `projects/P/subscriptions/S`. */
  readonly name: string;
  /** Full name of the topic at creation; what clients see after its deletion is `SubscriptionState.hasTopic`. */
  readonly topic: string;
  readonly labels: Readonly<Record<string, string>>;
  /** 10 to 600 (the emulator profile takes less). */
  readonly ackDeadlineSeconds: number;
  readonly retainAckedMessages: boolean;
  /** How long an unacked message is kept. */
  readonly messageRetention: Span;
  /** Deleted after this long without activity; absent: never. */
  readonly expirationTtl?: Span;
  /** Absent: false. Never changes. */
  readonly isOrdered?: boolean;
  /** Absent: false. */
  readonly isExactlyOnce?: boolean;
  /** As it was given; absent or empty: everything. Never changes. */
  readonly filter?: string;
  /** Absent: at once. */
  readonly retryPolicy?: { readonly minimumBackoff: Span; readonly maximumBackoff: Span };
  readonly deadLetterPolicy?: { readonly topic: string; readonly maxDeliveryAttempts: number };
  /** Absent: the subscription is pulled from. */
  readonly pushConfig?: PushConfig;
}

/** Where messages are pushed to, and how. */
export interface PushConfig {
  readonly endpoint: string;
  /** `x-goog-version` among them. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly oidcToken?: { readonly serviceAccountEmail: string; readonly audience: string };
  /** Absent: the default wrapper, which is not echoed. */
  readonly wrapper?: { readonly kind: "pubsub" } | { readonly kind: "none"; readonly writesMetadata: boolean };
}

/** A subscription as a reader sees it. */
export interface SubscriptionState extends SubscriptionSettings {
  readonly isDetached: boolean;
  /** False once its topic is deleted. */
  readonly hasTopic: boolean;
  /** The topic's retention; absent when off or the topic is gone. */
  readonly topicMessageRetention?: Span;
}

export interface SnapshotSettings {
  /** Full name, `projects/P/snapshots/S`. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** A snapshot as a reader sees it. */
export interface SnapshotState extends SnapshotSettings {
  /** Full name of the topic it is of. */
  readonly topic: string;
  /** False once its topic is deleted. */
  readonly hasTopic: boolean;
  /** Wall clock, ms since 1970. */
  readonly expireAtMs: number;
}

/** Where a seek leads. */
export type SeekTarget =
  | { readonly kind: "time"; readonly timeMs: number }
  /** Full name. */
  | { readonly kind: "snapshot"; readonly name: string };

/** What clients are told of a subscription with its messages. */
export interface DeliveryProperties {
  readonly isExactlyOnce: boolean;
  readonly isOrdered: boolean;
}
