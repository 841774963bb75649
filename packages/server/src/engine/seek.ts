/** Works out where a seek leads: what is settled afterwards, and what comes back. */
import type { SeekPlan } from "@peal/core";
import type { Storage } from "@peal/store";
import { detached, snapshotOfOtherTopic, withoutTopic } from "./engine-errors.js";
import type { SubscriptionRecord } from "./resource-record.js";
import type { Snapshot } from "./snapshot.js";
import type { SubscriptionHost } from "./subscription-host.js";

/** A seek that only needs its turn. */
export interface PlannedSeek {
  /** Asked when it is its turn, so that it knows what is retained then. */
  readonly plan: () => SeekPlan;
  /** The subscription's record afterwards. */
  readonly record: SubscriptionRecord;
}

/** @throws {PubSubError} FAILED_PRECONDITION where there is nothing to seek in. */
export function checkSeekable(host: SubscriptionHost): void {
  if (host.record.isDetached) throw detached(host.name);
  if (host.topic.isDeleted) throw withoutTopic(host.name);
}

/** To a time: what was published before is settled, and what was published at it or later is not, as far as it was kept. */
export async function planSeekToTime(host: SubscriptionHost, timeMs: number, storage: Storage): Promise<PlannedSeek> {
  const settledUpTo = await storage.seekTime(host.topic.log.ref, timeMs);
  const { heldAbove: _heldAbove, heldUntilMs: _heldUntilMs, ...record } = host.record;
  return {
    plan: () => ({ settledUpTo, revivedAbove: revivedAbove(host, storage), discardBeforeMs: timeMs }),
    record,
  };
}

/** To a snapshot: its messages come back, and stay at least as long as it would have lived. */
export function planSeekToSnapshot(host: SubscriptionHost, snapshot: Snapshot, contents: Uint8Array): PlannedSeek {
  const { topicId, floor, expireAtMs } = snapshot.record;
  if (topicId !== host.topic.id) throw snapshotOfOtherTopic(snapshot.name, host.name);
  return {
    plan: () => ({ settledUpTo: 0, revivedAbove: Number.POSITIVE_INFINITY, snapshot: contents, discardBeforeMs: 0 }),
    record: { ...host.record, heldAbove: floor, heldUntilMs: expireAtMs },
  };
}

/** Above this position every message is there, acked or not; Infinity where acked ones are not kept. */
function revivedAbove(host: SubscriptionHost, storage: Storage): number {
  const { topic, record } = host;
  const byTopic =
    topic.record?.retainedAfter === undefined
      ? Number.POSITIVE_INFINITY
      : Math.max(topic.record.retainedAfter, topic.retainedAfter);
  const own = record.settings.retainAckedMessages
    ? Math.max(record.retainedAfter ?? record.start, host.droppedUpTo)
    : Number.POSITIVE_INFINITY;
  return Math.max(Math.min(byTopic, own), storage.head(topic.log.ref) - 1);
}
