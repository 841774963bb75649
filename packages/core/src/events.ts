/**
 * The core's language: what the engine tells it, and what it answers must be done.
 *
 * One event and one effect speak of a batch or a range, never of a single message: the hot path makes no object per
 * message. Effects are carried out in the order in which they come.
 */
import type { BlockView } from "./block-view.js";
import type { DeliveryRules } from "./delivery-rules.js";

/** Names a puller within one subscription; drawn by the engine, never used again while the process lives. */
export type PullerId = number;

/** A lease's generation: start number of the server × 2^32 + a counter. Rising per subscription over restarts. */
export type Generation = number;

/** What the core is given with each event. It reads no clock and draws no random number itself. */
export interface Environment {
  /** Monotonic clock. Leases and backoff run on it. */
  readonly nowMs: number;
  /** In [0, 1). */
  readonly random: () => number;
}

export type Event =
  /** The topic's log is durable up to `head`. `block` is given when it is at hand (it was just appended). */
  | { readonly kind: "appended"; readonly head: number; readonly block?: BlockView }
  /**
   * Answers a `load` effect: the blocks that follow `after`, in order. `isEnd`: nothing more is durable behind them.
   * A block may begin before `after` (the record that holds it comes whole) and gaps between blocks count as acked.
   */
  | { readonly kind: "loaded"; readonly after: number; readonly blocks: readonly BlockView[]; readonly isEnd: boolean }
  /** A load failed; it will be asked for again when needed. */
  | { readonly kind: "loadFailed"; readonly after: number }
  | {
      readonly kind: "opened";
      readonly puller: PullerId;
      /** Infinity where unlimited. */
      readonly maxOutstandingMessages: number;
      readonly maxOutstandingBytes: number;
      readonly leaseMs: number;
      /** True for a unary Pull: it is closed by its first delivery. */
      readonly isOnce: boolean;
      /** At most one message of an ordering key is out with it at a time: push. */
      readonly isKeyExclusive: boolean;
      readonly clientId: string;
    }
  | { readonly kind: "leaseLengthChanged"; readonly puller: PullerId; readonly leaseMs: number }
  /** The puller can take one batch now, of at most this much (one message is always allowed to exceed `maxBytes`). */
  | { readonly kind: "ready"; readonly puller: PullerId; readonly maxMessages: number; readonly maxBytes: number }
  | { readonly kind: "closed"; readonly puller: PullerId }
  /**
   * What was delivered to `puller` could not be written: its leases of this generation end at once, without a failed
   * attempt. Only the last delivery of a puller can be returned: a stream's before it is closed, a unary pull's also later.
   */
  | { readonly kind: "returned"; readonly puller: PullerId; readonly generation: Generation }
  /**
   * Parallel arrays, ids already checked for this subscription. Sequences beyond the head, or settled, are ignored; with
   * exactly-once they fail, and an `outcome` for `request` follows in the same step. 0: nobody asks.
   */
  | {
      readonly kind: "acked";
      readonly request: number;
      readonly sequences: readonly number[];
      readonly generations: readonly Generation[];
    }
  /** `leaseMs[i]` 0 is a nack. `request` as with `acked`. */
  | {
      readonly kind: "modified";
      readonly request: number;
      readonly sequences: readonly number[];
      readonly generations: readonly Generation[];
      readonly leaseMs: readonly number[];
    }
  /**
   * Everything at or below `floor` is gone by retention: settled without an ack, nothing to write. To be told again after
   * a restart. Leases on what is dropped run on and count against their window, but nothing comes again.
   */
  | { readonly kind: "dropped"; readonly floor: number }
  /** Its settings changed. `isOrdered` and `filter` are what they were. Leases that are out stay. */
  | { readonly kind: "rulesChanged"; readonly rules: DeliveryRules }
  /**
   * A seek is durable: `record`, a Checkpoint made by `planSeek`, is the whole state now. Every lease has ended, ids of
   * before settle nothing any more, attempts and delays are forgotten.
   */
  | { readonly kind: "sought"; readonly record: Uint8Array }
  /** Forwarded to the dead-letter topic, and durably acked in the same commit by the record of `deadLetterStep`. */
  | { readonly kind: "deadLettered"; readonly sequences: readonly number[] }
  /** They could not be forwarded: they are delivered again (after their delay), and the next failure tries anew. */
  | { readonly kind: "deadLetterFailed"; readonly sequences: readonly number[] }
  /**
   * The engine has counted what a filter keeps out: `unmatched` of the messages above `after` and up to `upTo`, the range
   * that `counts.uncounted` told, without those that are settled already (`isSettled`). Ignored where the subscription has moved on meanwhile.
   */
  | { readonly kind: "counted"; readonly after: number; readonly upTo: number; readonly unmatched: number }
  /** A wake that was asked for has come. After `Subscription.restore` the first event, so that kept leases get theirs. */
  | { readonly kind: "ticked" };

/** Consecutive sequences of one delivery. `block` is there for first deliveries; redeliveries are read again. */
export interface DeliveryRun {
  readonly first: number;
  readonly count: number;
  readonly block: BlockView | undefined;
  /** Deliveries of each of these messages that have failed (nack, expiry), where a policy has them counted; else 0. */
  readonly failures: number;
}

/** Why an ack id settled nothing, under exactly-once. */
export type AckFailureReason =
  /** Expired, superseded, acked, nacked or never given: it will never count again. */
  | "invalid"
  /** A message of its ordering key is not acked that comes before it: ack that first. */
  | "unordered";

export type Effect =
  /**
   * Something must be written to the ack log before what waits for it is told: take `subscription.takeStep()` when the
   * log is free, and answer when that Step is durable. At most one Step is in flight and one filling.
   */
  | { readonly kind: "persist" }
  /** Leases were granted and run from now: send these messages, each with an ack id of its sequence and `generation`. */
  | {
      readonly kind: "deliver";
      readonly puller: PullerId;
      readonly generation: Generation;
      readonly runs: readonly DeliveryRun[];
      readonly messageCount: number;
      /**
       * True: hand it on only when all that the core was told so far is durable (a grant under exactly-once, attempts
       * with a dead-letter policy).
       */
      readonly isHeld: boolean;
    }
  /**
   * What became of an `acked` or `modified` under exactly-once: which of its ids failed (indexes into the event's arrays,
   * rising) and why. To be told when all that the core was told so far is durable.
   */
  | {
      readonly kind: "outcome";
      readonly request: number;
      readonly indexes: readonly number[];
      readonly reasons: readonly AckFailureReason[];
    }
  /**
   * Forward these to the dead-letter topic and answer with `deadLettered` or `deadLetterFailed`. Until then they are not
   * delivered; an ack that comes meanwhile still settles them (ask `stillDying` before the commit). Rising sequences.
   */
  | { readonly kind: "deadLetter"; readonly sequences: readonly number[]; readonly failures: readonly number[] }
  /** Read blocks from the topic's log that hold sequences above `after`, and answer with `loaded` or `loadFailed`. One at a time. */
  | { readonly kind: "load"; readonly after: number; readonly maxBytes: number }
  /** Tick at this instant of the monotonic clock. Replaces the wake asked for before; Infinity: none. */
  | { readonly kind: "wake"; readonly atMs: number };
