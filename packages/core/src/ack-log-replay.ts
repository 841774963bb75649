import { readAckRecord } from "./ack-record.js";
import { Cursor } from "./cursor.js";
import type { Generation } from "./events.js";

/** Below every generation that is given. */
export const NO_GENERATION: Generation = -1;

/** A lease that was written down. */
export interface KeptLease {
  readonly generation: Generation;
  readonly leaseMs: number;
}

/** A message whose deliveries have failed. */
export interface KeptFailures {
  readonly failures: number;
  /** 0: it was not delayed. */
  readonly delayMs: number;
}

/** What the records of an ack log add up to. Maps are by sequence, and have none that is settled. */
export interface ReplayedAckLog {
  readonly cursor: Cursor;
  /** 0 where no record tells. */
  readonly latestGeneration: Generation;
  readonly leases: ReadonlyMap<number, KeptLease>;
  readonly failures: ReadonlyMap<number, KeptFailures>;
  readonly voidGeneration: Generation;
  readonly discardBeforeMs: number;
}

/**
 * Reads an ack log: a Checkpoint (where there is none, all starts at 0), then Steps.
 *
 * @param head - The topic's log is durable up to here.
 * @throws Error when a record cannot be read or settles what is beyond the head, with what is wrong in it.
 */
export function replayAckLog(records: Iterable<Uint8Array>, head: number): ReplayedAckLog {
  let cursor = new Cursor(0);
  let latestGeneration: Generation = 0;
  let voidGeneration: Generation = NO_GENERATION;
  let discardBeforeMs = 0;
  /** Kept by a clean stop, for the start that follows: a later record shows that it has been. */
  const stopLeases = new Map<number, KeptLease>();
  const grants = new Map<number, KeptLease>();
  const failures = new Map<number, KeptFailures>();
  for (const record of records) {
    readAckRecord(record, {
      onStep: () => stopLeases.clear(),
      onCheckpoint: () => {
        cursor = new Cursor(0);
        stopLeases.clear();
        grants.clear();
        failures.clear();
        voidGeneration = NO_GENERATION;
        discardBeforeMs = 0;
      },
      onFloor: (floor) => {
        requireBelowHead(floor, head);
        cursor.settle(0, floor);
      },
      onGeneration: (generation) => {
        latestGeneration = Math.max(latestGeneration, generation);
      },
      onAcked: (first, last) => {
        requireBelowHead(last, head);
        cursor.settle(first, last);
      },
      onLease: (sequence, generation, leaseMs) => stopLeases.set(sequence, { generation, leaseMs }),
      onGrant: (first, last, generation, leaseMs) => {
        for (let sequence = first; sequence <= last; sequence += 1) grants.set(sequence, { generation, leaseMs });
      },
      onGrantEnded: (first, last) => {
        if (last - first < grants.size) {
          for (let sequence = first; sequence <= last; sequence += 1) grants.delete(sequence);
          return;
        }
        for (const sequence of grants.keys()) if (sequence >= first && sequence <= last) grants.delete(sequence);
      },
      onFailures: (sequence, count, delayMs) => {
        if (count === 0 && delayMs === 0) failures.delete(sequence);
        else failures.set(sequence, { failures: count, delayMs });
      },
      onVoid: (generation) => {
        voidGeneration = generation;
        latestGeneration = Math.max(latestGeneration, generation);
      },
      onDiscardBefore: (timeMs) => {
        discardBeforeMs = timeMs;
      },
    });
  }
  for (const [sequence, lease] of stopLeases) grants.set(sequence, lease);
  forgetSettled(grants, cursor);
  forgetSettled(failures, cursor);
  return { cursor, latestGeneration, leases: grants, failures, voidGeneration, discardBeforeMs };
}

function forgetSettled(kept: Map<number, unknown>, cursor: Cursor): void {
  for (const sequence of kept.keys()) if (cursor.has(sequence)) kept.delete(sequence);
}

/** An ack of what was never published would swallow the message that gets that sequence later. */
function requireBelowHead(sequence: number, head: number): void {
  if (sequence <= head) return;
  throw new Error(`ack log settles sequence ${sequence}, but the topic's log ends at ${head}: one of them is damaged`);
}
