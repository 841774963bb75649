/**
 * What the api layer may ask of the engine. Names are full resource names, already checked for their form; everything
 * about limits and error texts of requests is the api's, everything about existence and delivery the engine's.
 *
 * Errors are `PubSubError`s: NOT_FOUND `Resource not found (resource=ID).`, ALREADY_EXISTS `Resource already exists in
 * the project (resource=ID).` (ID is the last segment), RESOURCE_EXHAUSTED when there is no room, UNAVAILABLE while draining.
 * Every change is durable when its promise resolves, and seen by the next call on any connection.
 */
import type { AckFailureReason, PubSubError } from "@peal/core";
import type {
  DeliveryProperties,
  PushConfig,
  SeekTarget,
  SnapshotSettings,
  SnapshotState,
  SubscriptionSettings,
  SubscriptionState,
  TopicSettings,
} from "./settings.js";
import type { SubscriptionUsage } from "./subscription-usage.js";
import type { TopicUsage } from "./topic-usage.js";

/** A slice of a list in name order: those after `after` (exclusive; undefined: from the start), at most `limit`. */
export interface ListSlice {
  readonly after: string | undefined;
  readonly limit: number;
}

/**
 * Messages as the publisher sent them: slices of the request's bytes, each a serialized PubsubMessage without id and time.
 * At least one. Nothing of it may change until `publish` has settled.
 */
export interface PublishBatch {
  readonly bytes: Uint8Array;
  readonly count: number;
  /** Where message i lies in `bytes`. */
  readonly offsets: ArrayLike<number>;
  readonly lengths: ArrayLike<number>;
  /** Where message i's ordering key lies in `bytes`; length 0: none. */
  readonly keyOffsets: ArrayLike<number>;
  readonly keyLengths: ArrayLike<number>;
  /** Attributes of all messages in order, four numbers each: key offset, key length, value offset, value length, in `bytes`. */
  readonly attributes: ArrayLike<number>;
  /** How many attributes message i has. */
  readonly attributeCounts: ArrayLike<number>;
}

/** Consecutive messages of one block that are delivered together. */
export interface DeliveredRun {
  /** The block's bytes; the messages lie in it as the publisher sent them. Never write to it. */
  readonly bytes: Uint8Array;
  readonly firstSequence: number;
  readonly firstMessageId: number;
  readonly publishTimeMs: number;
  readonly count: number;
  /** The same for all of the run; from 1. 0: the subscription has no dead-letter policy. */
  readonly deliveryAttempt: number;
  /** Where message i of the run lies in `bytes`. */
  offset(index: number): number;
  length(index: number): number;
}

export interface DeliveredBatch {
  readonly messageCount: number;
  /** Sum of the message lengths. */
  readonly sizeBytes: number;
  readonly runs: readonly DeliveredRun[];
  /** Every ack id has this many ASCII characters. */
  readonly ackIdLength: number;
  /** Writes the ack id of one of the batch's messages. */
  writeAckId(sequence: number, target: Uint8Array, at: number): void;
}

/** Where an open puller's messages go. Called on the engine's turn; must not throw. */
export interface PullerSink {
  /** What holds for everything that follows: called before `openPuller` returns, and at every change. */
  configured(properties: DeliveryProperties): void;
  /** One batch, in answer to one `ready`. */
  deliver(batch: DeliveredBatch): void;
  /** The puller is over: subscription deleted (NOT_FOUND), detached (FAILED_PRECONDITION), server draining (UNAVAILABLE). */
  end(error: PubSubError): void;
}

export interface PullerOptions {
  readonly maxOutstandingMessages: number;
  readonly maxOutstandingBytes: number;
  /** Undefined: the subscription's ack deadline. */
  readonly leaseMs: number | undefined;
  readonly isOnce: boolean;
  /** Pushes and pulls exclude each other: `openPuller` refuses what the subscription's settings do not ask for. */
  readonly isPush: boolean;
  readonly clientId: string;
}

/** An open pull or streaming pull. */
export interface Puller {
  /** Says that one batch of at most this much can be taken now. Allowed once per `deliver`. */
  ready(maxMessages: number, maxBytes: number): void;
  setLeaseMs(leaseMs: number): void;
  /** The batch last delivered could not be written: its leases end at once. */
  returnLast(): void;
  /** Leases stay. */
  close(): void;
}

/** An ack id that settled nothing, under exactly-once. */
export interface AckFailure {
  readonly ackId: string;
  readonly reason: AckFailureReason;
}

/** The outcome of looking at one ack id, before anything is done with it. */
export type AckIdCheck = "valid" | "foreign" | "malformed";

export interface PubSubEngine {
  createTopic(settings: TopicSettings): Promise<TopicSettings>;
  getTopic(name: string): TopicSettings;
  /** @param project - `projects/P`. */
  listTopics(project: string, slice: ListSlice): readonly TopicSettings[];
  /** `change` gets the present settings and returns the new ones; it may be called again when somebody else was faster. */
  updateTopic(name: string, change: (present: TopicSettings) => TopicSettings): Promise<TopicSettings>;
  deleteTopic(name: string): Promise<void>;
  /** Full names of the attached subscriptions. */
  listTopicSubscriptions(topic: string, slice: ListSlice): readonly string[];

  createSubscription(settings: SubscriptionSettings): Promise<SubscriptionState>;
  getSubscription(name: string): SubscriptionState;
  /** @param project - `projects/P`. */
  listSubscriptions(project: string, slice: ListSlice): readonly SubscriptionState[];
  updateSubscription(
    name: string,
    change: (present: SubscriptionState) => SubscriptionSettings,
  ): Promise<SubscriptionState>;
  deleteSubscription(name: string): Promise<void>;
  /** A second time is OK. */
  detachSubscription(name: string): Promise<void>;
  /**
   * Atomic and durable: what is delivered afterwards is by the new state, and ids of before settle nothing.
   * NOT_FOUND (subscription, snapshot), INVALID_ARGUMENT (snapshot of another topic), FAILED_PRECONDITION (detached,
   * topic deleted).
   */
  seek(subscription: string, target: SeekTarget): Promise<void>;

  /**
   * @param subscription - Full name of what it is made of.
   * @throws FAILED_PRECONDITION where it would live less than an hour, or the subscription is detached or without a topic.
   */
  createSnapshot(settings: SnapshotSettings, subscription: string): Promise<SnapshotState>;
  getSnapshot(name: string): SnapshotState;
  /** @param project - `projects/P`. */
  listSnapshots(project: string, slice: ListSlice): readonly SnapshotState[];
  /** Full names. */
  listTopicSnapshots(topic: string, slice: ListSlice): readonly string[];
  updateSnapshot(name: string, change: (present: SnapshotState) => SnapshotSettings): Promise<SnapshotState>;
  deleteSnapshot(name: string): Promise<void>;

  /** Durable when it resolves: with the first message's id; the others follow by one each. */
  publish(topic: string, batch: PublishBatch): Promise<number>;

  /** Throws NOT_FOUND, or FAILED_PRECONDITION for a detached subscription or one of the other type (pushed, pulled from). */
  openPuller(subscription: string, options: PullerOptions, sink: PullerSink): Puller;

  /** "foreign": made by this server for another subscription, or for one that is gone. */
  checkAckId(subscription: string, ackId: string): AckIdCheck;
  /**
   * Resolves when durable, with the ids that failed: none but under exactly-once. Elsewhere foreign and stale ids are
   * ignored, and the first malformed one rejects, before any effect, with INVALID_ARGUMENT
   * `You have passed an invalid ack ID to the service (ack_id=ID).`
   */
  acknowledge(subscription: string, ackIds: readonly string[]): Promise<readonly AckFailure[]>;
  /** `seconds` for all, or one per id; 0 is a nack. */
  modifyAckDeadline(
    subscription: string,
    ackIds: readonly string[],
    seconds: number | readonly number[],
  ): Promise<readonly AckFailure[]>;

  /**
   * Tells of every subscription that has a push config, now and at each change; undefined: it has none any more. Called
   * on the engine's turn; must not throw.
   */
  watchPushConfigs(onChange: (subscription: string, config: PushConfig | undefined) => void): void;

  /** How long a subscription's deliveries may take. To ask is no use of it, unlike `getSubscription`. Throws NOT_FOUND. */
  ackDeadlineSeconds(subscription: string): number;

  /** Where the api counts what is asked of a topic; undefined where there is none of the name. */
  topicUsage(name: string): TopicUsage | undefined;
  /** Where the api counts what is asked of a subscription; undefined where there is none of the name. */
  subscriptionUsage(name: string): SubscriptionUsage | undefined;
}
