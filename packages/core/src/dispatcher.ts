import { assert } from "./assert.js";
import type { BlockView } from "./block-view.js";
import type { DeliveryRun, Effect, Generation } from "./events.js";
import { NO_ACCOUNT } from "./lease-table.js";
import { freeBytes, freeMessages, type Puller } from "./puller.js";
import { countsFailures, type SubscriptionParts } from "./subscription-parts.js";

/** A run that may still grow. */
type OpenRun = Omit<DeliveryRun, "count"> & { count: number };

/** One delivery while it is put together. */
interface Draft {
  readonly puller: Puller;
  readonly generation: Generation;
  readonly leaseMs: number;
  readonly deadlineAtMs: number;
  readonly runs: OpenRun[];
  messageCount: number;
  bytes: number;
  /** Bytes it may hold in all; the first message may exceed it. */
  readonly bytesMax: number;
  /** Nothing more is begun when it holds this many bytes. */
  readonly bytesFree: number;
  /** Some of it has failed before, and the record of that must be durable first. */
  hasFailures: boolean;
}

/**
 * Decides which puller gets which messages now, and grants the leases.
 *
 * Pullers take turns, the one that waits longest first; where there is not enough for all, each gets a share by what it
 * could take. Within a batch, redeliveries and first deliveries get half each, so that neither starves the other.
 */
export class Dispatcher {
  readonly #parts: SubscriptionParts;
  #latestGeneration: Generation;
  #passedOver = 0;
  /** Turns between 0 and 1: who gets the odd message of a batch. */
  #oddTurn = 1;
  /** Keys of which something is out with a puller, and those of which nothing is, take turns: neither starves the other. */
  #isTurnOfFreeKeys = false;

  constructor(parts: SubscriptionParts, latestGeneration: Generation) {
    this.#parts = parts;
    this.#latestGeneration = latestGeneration;
  }

  get latestGeneration(): Generation {
    return this.#latestGeneration;
  }

  /** Gives only generations above `generation` from now on. */
  goAbove(generation: Generation): void {
    this.#latestGeneration = Math.max(this.#latestGeneration, generation);
  }

  /** Messages that the last `handOut` forgot, since they were dropped, or set aside: work too, though nobody got them. */
  get passedOver(): number {
    return this.#passedOver;
  }

  /** Whether nothing may be handed out for the first time, unless it lies in a hole. */
  get isAtLimit(): boolean {
    return this.#hasLeasesMax || this.#hasHolesMax;
  }

  /** How many more messages may be out under a lease. */
  get #leasesLeft(): number {
    const { leases, limits } = this.#parts;
    return Math.max(0, limits.leasesMax - leases.leasedCount);
  }

  get #hasLeasesMax(): boolean {
    return this.#leasesLeft === 0;
  }

  get #hasHolesMax(): boolean {
    const { cursor, leases, limits } = this.#parts;
    // What is known from before the start can only be handed out when it has been met: it holds nothing up.
    const waiting = Math.max(0, leases.waitingCount - leases.unsizedCount);
    return cursor.runCount + waiting >= limits.holesMax;
  }

  /** Nothing above this is handed out for the first time. What lies in a hole always is: only its ack closes the hole. */
  get #firstMax(): number {
    if (this.#hasLeasesMax) return 0;
    return this.#hasHolesMax ? this.#parts.cursor.lastSettled : Number.POSITIVE_INFINITY;
  }

  /** Positions that may be handed out for the first time now. */
  get #firstCount(): number {
    const { aheadCount, end } = this.#parts.readAhead;
    return Math.max(0, aheadCount - Math.max(0, end - this.#firstMax));
  }

  /** Messages that wait and that no delay or dead letter holds back; an ordering key still may. */
  get #waitingCount(): number {
    const { leases } = this.#parts;
    return leases.waitingCount - leases.delayedCount - leases.dyingCount;
  }

  /**
   * Hands out what can be handed out, at most `messagesMax` messages.
   * @returns How many messages that were.
   */
  handOut(nowMs: number, messagesMax: number, effects: Effect[]): number {
    const { pullers } = this.#parts;
    let left = messagesMax;
    this.#passedOver = 0;
    let takersFree = pullers.takerCount > 1 ? pullers.takersFreeMessages() : 0;
    let inVain = 0;
    for (let puller = pullers.firstTaker; puller !== undefined && left > 0; puller = pullers.firstTaker) {
      const available = Math.min(this.#leasesLeft, this.#waitingCount + this.#firstCount);
      if (available === 0) break;
      const free = freeMessages(puller);
      const isAlone = pullers.takerCount === 1;
      const share = isAlone ? free : Math.min(free, Math.ceil((available * free) / Math.max(takersFree, free)));
      takersFree -= free;
      const count = this.#deliver(puller, Math.min(share, left), nowMs, effects);
      if (count === 0) {
        // Nothing of what seemed available was: it is settled or leased, or its keys are bound to others.
        inVain += 1;
        if (inVain >= pullers.takerCount || this.#passedOver >= this.#parts.limits.stepMessagesMax) break;
        pullers.postpone(puller);
      } else {
        inVain = 0;
        left -= count;
      }
    }
    return messagesMax - left;
  }

  #deliver(puller: Puller, quota: number, nowMs: number, effects: Effect[]): number {
    const { isExactlyOnce, deliveryAttemptsMax } = this.#parts.rules;
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
      hasFailures: false,
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
      isHeld: isExactlyOnce || (draft.hasFailures && deliveryAttemptsMax !== undefined),
    });
    return draft.messageCount;
  }

  #noteDelivery(draft: Draft): void {
    const { puller } = draft;
    const { pullers, rules, unrecorded } = this.#parts;
    const lastRuns: number[] = [];
    for (const run of draft.runs) {
      lastRuns.push(run.first, run.count);
      if (rules.isExactlyOnce) unrecorded.leases.add(run.first, run.first + run.count - 1);
    }
    puller.lastGeneration = draft.generation;
    puller.lastRuns = lastRuns;
    pullers.charge(puller, draft.messageCount, draft.bytes);
    if (puller.isOnce) pullers.close(puller);
  }

  /** Adds messages that wait until the draft holds `countMax`. */
  #takeWaiting(draft: Draft, countMax: number): void {
    const { keys, leases, limits } = this.#parts;
    const messagesMax = Math.min(countMax, draft.messageCount + this.#leasesLeft);
    for (let slot = leases.firstWaiting; slot !== -1 && draft.messageCount < messagesMax; slot = leases.firstWaiting) {
      if (!this.#takeAgain(draft, slot)) break;
      if (this.#passedOver >= limits.stepMessagesMax) break;
    }
    if (keys.waitingCount > 0) this.#takeByKey(draft, messagesMax);
  }

  /** Adds what waits for its ordering key's turn, a stretch of each key. */
  #takeByKey(draft: Draft, messagesMax: number): void {
    const { keys, limits } = this.#parts;
    const { account, isKeyExclusive } = draft.puller;
    const stretchMax = isKeyExclusive ? 1 : limits.keyTurnMessages;
    while (draft.messageCount < messagesMax && this.#passedOver < limits.stepMessagesMax) {
      let slot = keys.nextFor(account.index, isKeyExclusive, this.#isTurnOfFreeKeys);
      this.#isTurnOfFreeKeys = !this.#isTurnOfFreeKeys;
      if (slot === -1) return;
      for (let taken = 0; slot !== -1 && taken < stretchMax && draft.messageCount < messagesMax; taken += 1) {
        const behind = keys.waitingBehind(slot);
        if (!this.#takeAgain(draft, slot)) return;
        slot = behind;
      }
    }
  }

  /** Adds one message that waits, or forgets it where it was dropped. @returns False where the draft has no room for it. */
  #takeAgain(draft: Draft, slot: number): boolean {
    const { cursor, keys, leases, rules } = this.#parts;
    const sequence = leases.sequence(slot);
    const isKeyed = keys.has(slot);
    if (sequence <= cursor.floor) {
      // Dropped by retention meanwhile.
      if (isKeyed) keys.remove(slot, false);
      leases.remove(slot);
      this.#passedOver += 1;
      return true;
    }
    const sizeBytes = leases.sizeBytes(slot);
    if (!hasRoom(draft, sizeBytes)) return false;
    const { index } = draft.puller.account;
    if (isKeyed) keys.takeOut(slot, index);
    leases.grantAgain(slot, draft.generation, index, draft.leaseMs, draft.deadlineAtMs);
    draft.messageCount += 1;
    draft.bytes += sizeBytes;
    const failures = countsFailures(rules) ? leases.failures(slot) : 0;
    if (failures > 0) draft.hasFailures = true;
    addAgain(draft.runs, sequence, failures);
    return true;
  }

  /** Adds messages never handed out since the start, oldest first, until the draft holds `countMax`. */
  #takeFirst(draft: Draft, countMax: number): void {
    const { cursor, limits, readAhead } = this.#parts;
    const firstMax = this.#firstMax;
    const messagesMax = Math.min(countMax, draft.messageCount + this.#leasesLeft);
    for (let block = readAhead.current; block !== undefined; block = readAhead.current) {
      const first = cursor.nextUnsettled(Math.max(readAhead.position + 1, block.first));
      const blockLast = block.first + block.count - 1;
      const last = Math.min(blockLast, firstMax, cursor.nextSettled(first) - 1);
      if (first > blockLast) {
        readAhead.passTo(blockLast);
        continue;
      }
      if (draft.messageCount >= messagesMax || first > firstMax || this.#passedOver >= limits.stepMessagesMax) return;
      const passed = this.#takeRun(draft, messagesMax, block, first, last);
      readAhead.passTo(passed);
      if (passed < last) return;
    }
  }

  /**
   * Adds messages `first` to `last` of a block, none of which is settled.
   * @returns The last one that was added, is known already or was set aside; `first - 1` if none.
   */
  #takeRun(draft: Draft, messagesMax: number, block: BlockView, first: number, last: number): number {
    const { leases, rules } = this.#parts;
    const account = draft.puller.account.index;
    let runFirst = first;
    let sequence = first;
    for (; sequence <= last; sequence += 1) {
      const index = sequence - block.first;
      const sizeBytes = block.sizeBytes(index);
      const hash = rules.isOrdered ? block.orderingKeyHash(index) : 0;
      const known = leases.unsizedCount === 0 ? -1 : leases.find(sequence);
      if (known !== -1) {
        this.#meet(known, sizeBytes, hash);
        pushRun(draft, runFirst, sequence - 1, block);
        runFirst = sequence + 1;
        continue;
      }
      if (draft.messageCount >= messagesMax || !hasRoom(draft, sizeBytes)) break;
      if (hash !== 0 && !this.#accepts(draft.puller, hash)) {
        if (!this.#setAside(sequence, sizeBytes, hash)) break;
        pushRun(draft, runFirst, sequence - 1, block);
        runFirst = sequence + 1;
        continue;
      }
      const slot = leases.grant(sequence, draft.generation, account, sizeBytes, draft.leaseMs, draft.deadlineAtMs);
      if (hash !== 0) this.#parts.keys.addOut(slot, hash, account);
      draft.messageCount += 1;
      draft.bytes += sizeBytes;
    }
    pushRun(draft, runFirst, sequence - 1, block);
    return sequence - 1;
  }

  #accepts(puller: Puller, hash: number): boolean {
    return this.#parts.keys.accepts(hash, puller.account.index, puller.isKeyExclusive);
  }

  /** A message that must wait for others of its key. @returns False where no more can be set aside now. */
  #setAside(sequence: number, sizeBytes: number, hash: number): boolean {
    const { keys, leases, limits } = this.#parts;
    if (this.#hasHolesMax || this.#passedOver >= limits.stepMessagesMax) return false;
    keys.addWaiting(leases.park(sequence, sizeBytes), hash);
    this.#passedOver += 1;
    return true;
  }

  /** The read-ahead comes by a message that is known from before the start. */
  #meet(slot: number, sizeBytes: number, hash: number): void {
    const { keys, leases } = this.#parts;
    leases.setSize(slot, sizeBytes);
    const isLeased = leases.isLeased(slot);
    if (hash !== 0) {
      if (isLeased && keys.accepts(hash, NO_ACCOUNT, false)) keys.addOut(slot, hash, NO_ACCOUNT);
      else {
        // What is out is the front of its key: where something before it is not, this waits, too.
        if (isLeased) leases.end(slot, true, true);
        keys.addWaiting(slot, hash);
        if (leases.isDelayed(slot) || leases.isDying(slot)) keys.setBlocked(slot, true);
      }
    }
    if (!leases.isLeased(slot) && !leases.isDelayed(slot) && !leases.isDying(slot)) leases.wait(slot, hash !== 0);
  }
}

function pushRun(draft: Draft, first: number, last: number, block: BlockView): void {
  assert(last >= first - 1, "a run does not end before it begins");
  if (last >= first) draft.runs.push({ first, count: last - first + 1, block, failures: 0 });
}

/** Adds a message to the last run where it continues it. */
function addAgain(runs: OpenRun[], sequence: number, failures: number): void {
  const last = runs.at(-1);
  const isSame = last !== undefined && last.block === undefined && last.failures === failures;
  if (isSame && sequence === last.first + last.count) last.count += 1;
  else runs.push({ first: sequence, count: 1, block: undefined, failures });
}

function hasRoom(draft: Draft, sizeBytes: number): boolean {
  if (draft.messageCount === 0) return draft.bytesFree > 0;
  return draft.bytes < draft.bytesFree && draft.bytes + sizeBytes <= draft.bytesMax;
}
