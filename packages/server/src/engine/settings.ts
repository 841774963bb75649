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
}

/** A subscription as a reader sees it. */
export interface SubscriptionState extends SubscriptionSettings {
  readonly isDetached: boolean;
  /** False once its topic is deleted. */
  readonly hasTopic: boolean;
  /** The topic's retention; absent when off or the topic is gone. */
  readonly topicMessageRetention?: Span;
}
