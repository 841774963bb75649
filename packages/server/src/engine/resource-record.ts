/** What the store keeps of a topic, a subscription and a snapshot, and under which keys. */
import { createHash } from "node:crypto";
import type { SnapshotSettings, SubscriptionSettings, TopicSettings } from "./settings.js";

export const TOPIC_PREFIX = "topic/";
export const SUBSCRIPTION_PREFIX = "subscription/";
export const SNAPSHOT_PREFIX = "snapshot/";

export interface TopicRecord {
  /** Names the log; drawn once, never used again. */
  readonly id: string;
  readonly settings: TopicSettings;
  /** Where messages are retained whether acked or not: above this position. Absent: they are not. */
  readonly retainedAfter?: number;
}

export interface SubscriptionRecord {
  /** Names the ack log and is part of every ack id; drawn once, never used again. */
  readonly number: number;
  readonly topicId: string;
  /** The position at creation, or a lower one that a seek led to: messages above it are the subscription's. */
  readonly start: number;
  readonly isDetached: boolean;
  /** The server's age (`ServerAge`) at the last activity that was written down. */
  readonly activeAtMs: number;
  readonly settings: SubscriptionSettings;
  /** Where acked messages are retained: above this position. Absent: they are not. */
  readonly retainedAfter?: number;
  /** Dropped by a retention that was shorter than the present one: they stay dropped. Absent: none. */
  readonly droppedUpTo?: number;
  /** After a seek to a snapshot: what lies above this position is not dropped by age before `heldUntilMs` (wall clock). */
  readonly heldAbove?: number;
  readonly heldUntilMs?: number;
}

export interface SnapshotRecord {
  /** Names the log with its contents; drawn once, never used again. */
  readonly number: number;
  readonly topicId: string;
  /** Full name of the topic. */
  readonly topic: string;
  /** Wall clock, ms since 1970. */
  readonly createdAtMs: number;
  readonly expireAtMs: number;
  /** Everything at or below was settled: messages above it must stay. */
  readonly floor: number;
  /** Messages that were not settled, of those up to `head`, the end of the topic's log. */
  readonly backlog: number;
  readonly head: number;
  /** When the oldest of them was published. Absent: there were none. */
  readonly oldestAtMs?: number;
  readonly settings: SnapshotSettings;
}

export function topicKey(name: string): string {
  return TOPIC_PREFIX + keyOf(name);
}

export function subscriptionKey(name: string): string {
  return SUBSCRIPTION_PREFIX + keyOf(name);
}

export function snapshotKey(name: string): string {
  return SNAPSHOT_PREFIX + keyOf(name);
}

/** Keys are printable ASCII of a bounded length; names need not be. The record knows the name. */
function keyOf(name: string): string {
  return /^[\x21-\x7e]{1,900}$/.test(name) ? name : `#${createHash("sha256").update(name).digest("hex")}`;
}
