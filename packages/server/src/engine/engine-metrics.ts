import type { SnapshotRegistry } from "./snapshot-registry.js";
import type { SubscriptionRegistry } from "./subscription-registry.js";
import type { SubscriptionTotals } from "./subscription-totals.js";
import type { SubscriptionUsage } from "./subscription-usage.js";
import type { TopicRegistry } from "./topic-registry.js";
import type { TopicUsage } from "./topic-usage.js";

/** The engine as a whole. */
export interface EngineStats {
  readonly topics: number;
  readonly subscriptions: number;
  readonly snapshots: number;
  readonly tailCacheBytes: number;
  /** Bytes of publish requests that wait for the log. */
  readonly waitingBytes: number;
  /** True after a failure that only a restart clears up. */
  readonly isStopped: boolean;
}

/** Counters count since the server's start. */
export interface TopicMetrics {
  readonly name: string;
  readonly messageCount: number;
  /** Undefined: nothing was asked of it since the server's start. */
  readonly usage: TopicUsage | undefined;
}

/** Gauges of the present and counters since the server's start. */
export interface SubscriptionMetrics extends SubscriptionTotals {
  readonly name: string;
  readonly topic: string;
  /**
   * Messages not settled; an upper bound while the subscription was not used since the server's start. Where a filter
   * must be asked first, it is exact the next time.
   */
  readonly backlog: number;
  readonly outstanding: number;
  /** Nacked or expired, and not yet handed out again: at once, or after a delay. */
  readonly waiting: number;
  /** Those of them that wait for the end of a retry policy's delay. */
  readonly delayed: number;
  readonly pullers: number;
  /** Nothing is delivered for the first time: too many holes or leases. */
  readonly isAtLimit: boolean;
  /** Wall-clock time of the oldest message not settled; one that must be looked up on disk is known the next time. */
  readonly oldestUnackedAtMs: number | undefined;
  /** Undefined: acked messages are not retained. */
  readonly retainedAcked: number | undefined;
  /** Undefined: nothing was asked of it since the server's start. */
  readonly usage: SubscriptionUsage | undefined;
}

export interface SnapshotMetrics {
  readonly name: string;
  /** Messages that a seek to it would leave unsettled: those it held when it was made, and all that came since. */
  readonly messageCount: number;
  /** Wall-clock time of the oldest message it held when it was made; undefined where it held none. */
  readonly oldestAtMs: number | undefined;
  /** Wall clock, ms since 1970. */
  readonly expireAtMs: number;
  readonly configUpdates: number;
}

export function* snapshotMetrics(snapshots: SnapshotRegistry): Generator<SnapshotMetrics> {
  for (let index = 0; index < snapshots.items.length; index += 1) {
    const { name, messageCount, configUpdates, record, hasTopic } = snapshots.items[index]!;
    const oldestAtMs = hasTopic ? record.oldestAtMs : undefined;
    yield { name, messageCount, oldestAtMs, expireAtMs: record.expireAtMs, configUpdates };
  }
}

export function* topicMetrics(topics: TopicRegistry): Generator<TopicMetrics> {
  // By index: the list may change between two slices.
  for (let index = 0; index < topics.items.length; index += 1) {
    const { name, messageCount, knownUsage } = topics.items[index]!;
    yield { name, messageCount, usage: knownUsage };
  }
}

export function* subscriptionMetrics(subscriptions: SubscriptionRegistry): Generator<SubscriptionMetrics> {
  for (let index = 0; index < subscriptions.items.length; index += 1) {
    const host = subscriptions.items[index]!;
    const { counts } = host;
    host.countBacklog();
    yield {
      ...host.totals,
      name: host.name,
      topic: host.record.settings.topic,
      backlog: host.backlog,
      outstanding: counts?.outstanding ?? 0,
      waiting: counts?.blocked ?? 0,
      delayed: counts?.delayed ?? 0,
      pullers: host.pullerCount,
      isAtLimit: counts?.isAtLimit ?? false,
      oldestUnackedAtMs: host.oldestUnackedAtMs,
      retainedAcked: host.retainedAcked,
      usage: host.knownUsage,
    };
  }
}
