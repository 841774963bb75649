import { readAckRecord } from "./ack-record.js";
import { Cursor } from "./cursor.js";
import type { Generation } from "./events.js";

/** A lease that a clean stop has kept. */
export interface KeptLease {
  readonly sequence: number;
  readonly generation: Generation;
  readonly leaseMs: number;
}

/** What the records of an ack log add up to. */
export interface ReplayedAckLog {
  readonly cursor: Cursor;
  /** 0 where no record tells. */
  readonly latestGeneration: Generation;
  readonly leases: readonly KeptLease[];
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
  let leases: KeptLease[] = [];
  for (const record of records) {
    readAckRecord(record, {
      // Leases are kept by a clean stop, for the start that follows: a later record shows that it has been.
      onStep: () => {
        leases = [];
      },
      onCheckpoint: () => {
        cursor = new Cursor(0);
        leases = [];
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
      onLease: (sequence, generation, leaseMs) => leases.push({ sequence, generation, leaseMs }),
    });
  }
  return { cursor, latestGeneration, leases };
}

/** An ack of what was never published would swallow the message that gets that sequence later. */
function requireBelowHead(sequence: number, head: number): void {
  if (sequence <= head) return;
  throw new Error(`ack log settles sequence ${sequence}, but the topic's log ends at ${head}: one of them is damaged`);
}
