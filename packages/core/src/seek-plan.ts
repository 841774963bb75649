import { replayAckLog } from "./ack-log-replay.js";
import { encodeState } from "./ack-record.js";
import type { Cursor } from "./cursor.js";
import type { Generation } from "./events.js";

/** Deliveries that may still be made between the plan of a seek and its coming true; their ids are void, too. */
const GENERATIONS_UNDER_WAY = 2 ** 20;

/** Where a seek leads. */
export interface SeekPlan {
  /** Everything at or below is settled afterwards. */
  readonly settledUpTo: number;
  /** What is acked above is not any more; Infinity: nothing revives. */
  readonly revivedAbove: number;
  /** The record of a snapshot, whose cursor replaces the present one. */
  readonly snapshot?: Uint8Array;
  /** Messages published before this wall-clock time, in ms, count as acked, also those to come; 0: none. */
  readonly discardBeforeMs: number;
}

/** The state after a seek, as a Checkpoint. */
export function encodeSeek(plan: SeekPlan, cursor: Cursor, latest: Generation, head: number): Uint8Array {
  const { settledUpTo, revivedAbove, snapshot, discardBeforeMs } = plan;
  const present = snapshot === undefined ? cursor : replayAckLog([snapshot], head).cursor;
  const sought = present.upTo(Math.max(revivedAbove, settledUpTo));
  sought.settle(0, settledUpTo);
  const generation = latest + GENERATIONS_UNDER_WAY;
  return encodeState("checkpoint", {
    floor: sought.floor,
    generation,
    acked: sought,
    voidGeneration: generation,
    discardBeforeMs: Math.max(0, discardBeforeMs),
  });
}
