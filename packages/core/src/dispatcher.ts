import { assert } from "./assert.js";
import type { BlockView } from "./block-view.js";
import type { Cursor } from "./cursor.js";
import type { DeliveryRun, Effect, Generation } from "./events.js";
import type { LeaseTable } from "./lease-table.js";
import type { CoreLimits } from "./limits.js";
import { freeBytes, freeMessages, type Puller } from "./puller.js";
import type { PullerTable } from "./puller-table.js";
import type { ReadAhead } from "./read-ahead.js";
import type { SubscriptionParts } from "./subscription-parts.js";

/** One delivery while it is put together. */
interface Draft {
  readonly puller: Puller;
  readonly generation: Generation;
  readonly leaseMs: number;
  readonly deadlineAtMs: number;
  readonly runs: DeliveryRun[];
  messageCount: number;
  bytes: number;
  /** Bytes it may hold in all; the first message may exceed it. */
  readonly bytesMax: number;
  /** Nothing more is begun when it holds this many bytes. */
  readonly bytesFree: number;
}

/**
 * Decides which puller gets which messages now, and grants the leases.
 *
 * Pullers take turns, the one that waits longest first; where there is not enough for all, each gets a share by what it
 * could take. Within a batch, redeliveries and first deliveries get half each, so that neither starves the other.
 */
export class Dispatcher {
  readonly #cursor: Cursor;
  readonly #leases: LeaseTable;
  readonly #pullers: PullerTable;
  readonly #readAhead: ReadAhead;
  readonly #limits: CoreLimits;
  #latestGeneration: Generation;
  #passedOver = 0;
  /** Turns between 0 and 1: who gets the odd message of a batch. */
  #oddTurn = 1;

  constructor(parts: SubscriptionParts, latestGeneration: Generation) {
    this.#cursor = parts.cursor;
    this.#leases = parts.leases;
    this.#pullers = parts.pullers;
    this.#readAhead = parts.readAhead;
    this.#limits = parts.limits;
    this.#latestGeneration = latestGeneration;
  }

  get latestGeneration(): Generation {
    return this.#latestGeneration;
  }

  /** Waiting messages that the last `handOut` found dropped and forgot: work too, though nobody got them. */
  get passedOver(): number {
    return this.#passedOver;
  }

  /** Whether nothing may be handed out for the first time, unless it lies in a hole. */
  get isAtLimit(): boolean {
    return this.#hasLeasesMax || this.#hasHolesMax;
  }

  /** How many more messages may be out under a lease. */
  get #leasesLeft(): number {
    return Math.max(0, this.#limits.leasesMax - this.#leases.leasedCount);
  }

  get #hasLeasesMax(): boolean {
    return this.#leasesLeft === 0;
  }

  get #hasHolesMax(): boolean {
    return this.#cursor.runCount + this.#leases.waitingCount >= this.#limits.holesMax;
  }

  /** Nothing above this is handed out for the first time. What lies in a hole always is: only its ack closes the hole. */
  get #firstMax(): number {
    if (this.#hasLeasesMax) return 0;
    return this.#hasHolesMax ? this.#cursor.lastSettled : Number.POSITIVE_INFINITY;
  }

  /** Positions that may be handed out for the first time now. */
  get #firstCount(): number {
    const { aheadCount, end } = this.#readAhead;
    return Math.max(0, aheadCount - Math.max(0, end - this.#firstMax));
  }

  /**
   * Hands out what can be handed out, at most `messagesMax` messages.
   * @returns How many messages that were.
   */
  handOut(nowMs: number, messagesMax: number, effects: Effect[]): number {
    let left = messagesMax;
    this.#passedOver = 0;
    let takersFree = this.#pullers.takerCount > 1 ? this.#pullers.takersFreeMessages() : 0;
    for (let puller = this.#pullers.firstTaker; puller !== undefined && left > 0; puller = this.#pullers.firstTaker) {
      const available = Math.min(this.#leasesLeft, this.#leases.waitingCount + this.#firstCount);
      if (available === 0) break;
      const free = freeMessages(puller);
      const isAlone = this.#pullers.takerCount === 1;
      const share = isAlone ? free : Math.min(free, Math.ceil((available * free) / Math.max(takersFree, free)));
      takersFree -= free;
      const count = this.#deliver(puller, Math.min(share, left), nowMs, effects);
      // Nothing of what seemed available was: it is settled or leased, and was passed over.
      if (count === 0) break;
      left -= count;
    }
    return messagesMax - left;
  }

  #deliver(puller: Puller, quota: number, nowMs: number, effects: Effect[]): number {
    const draft: Draft = {
      puller,
      generation: this.#latestGeneration + 1,
      leaseMs: puller.leaseMs,
      deadlineAtMs: Math.ceil(nowMs + puller.leaseMs),
      runs: [],
      messageCount: 0,
      bytes: 0,
      bytesMax: puller.readyBytes,
      bytesFree: freeBytes(puller),
    };
    const redeliveries = this.#firstCount > 0 ? (quota + this.#oddTurn) >> 1 : quota;
    this.#takeWaiting(draft, redeliveries);
    this.#takeFirst(draft, quota);
    this.#takeWaiting(draft, quota);
    if (draft.messageCount === 0) return 0;
    this.#oddTurn = 1 - this.#oddTurn;
    this.#latestGeneration = draft.generation;
    this.#noteDelivery(draft);
    effects.push({
      kind: "deliver",
      puller: puller.id,
      generation: draft.generation,
      runs: draft.runs,
      messageCount: draft.messageCount,
      isHeld: false,
    });
    return draft.messageCount;
  }

  #noteDelivery(draft: Draft): void {
    const { puller } = draft;
    const lastRuns: number[] = [];
    for (const run of draft.runs) lastRuns.push(run.first, run.count);
    puller.lastGeneration = draft.generation;
    puller.lastRuns = lastRuns;
    this.#pullers.charge(puller, draft.messageCount, draft.bytes);
    if (puller.isOnce) this.#pullers.close(puller);
  }

  /** Adds messages that wait until the draft holds `countMax`. */
  #takeWaiting(draft: Draft, countMax: number): void {
    const leases = this.#leases;
    let first = 0;
    let count = 0;
    const messagesMax = Math.min(countMax, draft.messageCount + this.#leasesLeft);
    for (let slot = leases.firstWaiting; slot !== -1 && draft.messageCount < messagesMax; slot = leases.firstWaiting) {
      const sequence = leases.sequence(slot);
      if (sequence <= this.#cursor.floor) {
        // Dropped by retention meanwhile.
        leases.remove(slot);
        this.#passedOver += 1;
        if (this.#passedOver >= this.#limits.stepMessagesMax) break;
        continue;
      }
      const sizeBytes = leases.sizeBytes(slot);
      if (!hasRoom(draft, sizeBytes)) break;
      leases.grantAgain(slot, draft.generation, draft.puller.account.index, draft.leaseMs, draft.deadlineAtMs);
      draft.messageCount += 1;
      draft.bytes += sizeBytes;
      if (count > 0 && sequence === first + count) count += 1;
      else {
        if (count > 0) draft.runs.push({ first, count, block: undefined, failures: 0 });
        first = sequence;
        count = 1;
      }
    }
    if (count > 0) draft.runs.push({ first, count, block: undefined, failures: 0 });
  }

  /** Adds messages never handed out since the start, oldest first, until the draft holds `countMax`. */
  #takeFirst(draft: Draft, countMax: number): void {
    const firstMax = this.#firstMax;
    const messagesMax = Math.min(countMax, draft.messageCount + this.#leasesLeft);
    const readAhead = this.#readAhead;
    for (let block = readAhead.current; block !== undefined; block = readAhead.current) {
      const first = this.#cursor.nextUnsettled(Math.max(readAhead.position + 1, block.first));
      const blockLast = block.first + block.count - 1;
      const last = Math.min(blockLast, firstMax, this.#cursor.nextSettled(first) - 1);
      if (first > blockLast) {
        readAhead.passTo(blockLast);
        continue;
      }
      if (draft.messageCount >= messagesMax || first > firstMax) return;
      const passed = this.#takeRun(draft, messagesMax, block, first, last);
      readAhead.passTo(passed);
      if (passed < last) return;
    }
  }

  /**
   * Adds messages `first` to `last` of a block, none of which is settled.
   * @returns The last one that was added or is leased already; `first - 1` if none.
   */
  #takeRun(draft: Draft, messagesMax: number, block: BlockView, first: number, last: number): number {
    const leases = this.#leases;
    const account = draft.puller.account.index;
    let runFirst = first;
    let sequence = first;
    for (; sequence <= last; sequence += 1) {
      const sizeBytes = block.sizeBytes(sequence - block.first);
      const slot = leases.unsizedCount === 0 ? -1 : leases.find(sequence);
      if (slot !== -1) {
        leases.setSize(slot, sizeBytes);
        pushRun(draft, runFirst, sequence - 1, block);
        runFirst = sequence + 1;
        continue;
      }
      if (draft.messageCount >= messagesMax || !hasRoom(draft, sizeBytes)) break;
      leases.grant(sequence, draft.generation, account, sizeBytes, draft.leaseMs, draft.deadlineAtMs);
      draft.messageCount += 1;
      draft.bytes += sizeBytes;
    }
    pushRun(draft, runFirst, sequence - 1, block);
    return sequence - 1;
  }
}

function pushRun(draft: Draft, first: number, last: number, block: BlockView): void {
  assert(last >= first - 1, "a run does not end before it begins");
  if (last >= first) draft.runs.push({ first, count: last - first + 1, block, failures: 0 });
}

function hasRoom(draft: Draft, sizeBytes: number): boolean {
  if (draft.messageCount === 0) return draft.bytesFree > 0;
  return draft.bytes < draft.bytesFree && draft.bytes + sizeBytes <= draft.bytesMax;
}
