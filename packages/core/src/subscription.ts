import { replayAckLog } from "./ack-log-replay.js";
import { encodeCheckpoint, encodeStep } from "./ack-record.js";
import { assert, assertNever } from "./assert.js";
import type { BlockView } from "./block-view.js";
import { Cursor } from "./cursor.js";
import { Dispatcher } from "./dispatcher.js";
import type { Effect, Environment, Event, Generation, PullerId } from "./events.js";
import { LeaseTable } from "./lease-table.js";
import type { CoreLimits } from "./limits.js";
import { PullerTable } from "./puller-table.js";
import { ReadAhead } from "./read-ahead.js";
import { Settlement } from "./settlement.js";
import type { SubscriptionCounts } from "./subscription-counts.js";

/** Generations of one start of the server. */
const GENERATIONS_PER_START = 2 ** 32;

const PERSIST: Effect = { kind: "persist" };
const NO_EFFECTS: readonly Effect[] = [];

export interface SubscriptionOptions {
  /** How many times the server has been started on this store, from 1; new with each start. Below 2^20. */
  readonly startNumber: number;
  readonly limits: CoreLimits;
  /** The `latestGeneration` of an earlier one for the same subscription in this start of the server, if there was one. */
  readonly afterGeneration?: Generation;
}

/**
 * One subscription on one part of its topic's log.
 *
 * Every sequence up to the head is in one of these states: settled (the cursor has it), leased or waiting for
 * redelivery (the lease table has it), or not yet handed out (it lies above the read-ahead's position).
 */
export class Subscription {
  readonly #limits: CoreLimits;
  readonly #cursor: Cursor;
  readonly #leases = new LeaseTable();
  readonly #pullers = new PullerTable();
  readonly #readAhead: ReadAhead;
  readonly #dispatcher: Dispatcher;
  readonly #settlement: Settlement;
  #head: number;
  /** The load under way: where it begins, and the head when it was asked for. */
  #loading: { readonly after: number; readonly head: number } | undefined;
  #loadNotBeforeMs = Number.NEGATIVE_INFINITY;
  /** When the read-ahead is let go because nobody pulls. */
  #readAheadEndsAtMs = Number.POSITIVE_INFINITY;
  /** The wake that was asked for and has not come. */
  #wakeAtMs = Number.POSITIVE_INFINITY;
  #delivered = 0;

  private constructor(cursor: Cursor, head: number, latestGeneration: Generation, options: SubscriptionOptions) {
    this.#limits = options.limits;
    this.#cursor = cursor;
    this.#head = head;
    this.#readAhead = new ReadAhead(cursor.floor, options.limits);
    const parts = {
      cursor,
      leases: this.#leases,
      pullers: this.#pullers,
      readAhead: this.#readAhead,
      limits: options.limits,
    };
    this.#settlement = new Settlement(parts);
    const { startNumber, afterGeneration = 0 } = options;
    const startGeneration = Math.max(startNumber * GENERATIONS_PER_START, afterGeneration);
    // Those given after the last record was written are not known: begin above all there can have been.
    const restartGeneration = (Math.floor(latestGeneration / GENERATIONS_PER_START) + 1) * GENERATIONS_PER_START;
    const isKnown = latestGeneration <= startGeneration;
    const generation = isKnown ? startGeneration : restartGeneration;
    assert(Number.isSafeInteger(generation + GENERATIONS_PER_START), "generations are safe integers");
    this.#dispatcher = new Dispatcher(parts, generation);
  }

  /** A new subscription: everything at or below `cursor` counts as settled. Its first record is a Checkpoint. */
  static create(cursor: number, options: SubscriptionOptions): Subscription {
    return new Subscription(new Cursor(cursor), cursor, 0, options);
  }

  /**
   * The subscription as its ack log tells it.
   *
   * @param records - The ack log in order: a Checkpoint (where there is none, all starts at 0), then Steps.
   * @param head - The topic's log is durable up to here.
   * @throws Error when a record cannot be read or settles what is beyond the head, with what is wrong in it.
   */
  static restore(
    records: Iterable<Uint8Array>,
    head: number,
    options: SubscriptionOptions,
    nowMs: number,
  ): Subscription {
    const { cursor, latestGeneration, leases } = replayAckLog(records, head);
    const subscription = new Subscription(cursor, head, latestGeneration, options);
    for (const { sequence, generation, leaseMs } of leases) {
      if (sequence > head || cursor.has(sequence)) continue;
      subscription.#leases.grantUnsized(sequence, generation, leaseMs, Math.ceil(nowMs + leaseMs));
    }
    return subscription;
  }

  /** Takes one event; the effects are to be carried out in order, before the next `step`. */
  step(event: Event, environment: Environment): readonly Effect[] {
    const { nowMs } = environment;
    const effects: Effect[] = [];
    const wasDirty = this.isDirty;
    this.#take(event, nowMs);
    if (this.isDirty && !wasDirty) effects.push(PERSIST);
    const messagesMax = this.#limits.stepMessagesMax;
    const expired = this.#settlement.expire(nowMs, messagesMax);
    const handedOut = this.#dispatcher.handOut(nowMs, messagesMax - expired, effects);
    this.#delivered += handedOut;
    this.#requestLoad(nowMs, effects);
    const isCutShort = expired + handedOut + this.#dispatcher.passedOver >= messagesMax;
    this.#requestWake(nowMs, isCutShort ? nowMs : Number.POSITIVE_INFINITY, effects);
    return effects.length === 0 ? NO_EFFECTS : effects;
  }

  /**
   * Drains what is dirty into one record for the ack log, or answers undefined when nothing is. The record must reach
   * the log before any later one. `floor`, read right after, is the low watermark once that record is durable.
   */
  takeStep(): Uint8Array | undefined {
    if (!this.isDirty) return undefined;
    const { dirty, unrecordedFloor } = this.#settlement;
    const floor = unrecordedFloor === 0 ? 0 : dirty.absorb(unrecordedFloor);
    const record = encodeStep(dirty, this.#dispatcher.latestGeneration, floor);
    this.#settlement.clean();
    return record;
  }

  /**
   * The whole state as one record that replaces all earlier ones, what is dirty included. It must reach the log before
   * any later one. The leases come with it on a clean stop; those past their deadline at `nowMs` are left out.
   */
  takeCheckpoint(includeLeases: boolean, nowMs: number): Uint8Array {
    const leases = includeLeases ? this.#leases : undefined;
    const record = encodeCheckpoint(this.#cursor, this.#dispatcher.latestGeneration, leases, nowMs);
    this.#settlement.clean();
    return record;
  }

  /** The generation given last: a subscription that leaves memory and comes back goes on above it. */
  get latestGeneration(): Generation {
    return this.#dispatcher.latestGeneration;
  }

  /** True when `takeStep` would answer a record. */
  get isDirty(): boolean {
    return this.#settlement.isDirty;
  }

  /** The low watermark in memory: every sequence at or below it is settled. */
  get floor(): number {
    return this.#cursor.floor;
  }

  /**
   * Visits the parts of a delivered run that are still out under `generation`: a redelivery is read from the log before
   * it is sent, and what was settled meanwhile must not be.
   */
  forEachLeasedPart(
    run: { readonly first: number; readonly count: number },
    generation: Generation,
    visit: (first: number, count: number) => void,
  ): void {
    this.#leases.forEachLeasedPart(run, generation, visit);
  }

  get counts(): SubscriptionCounts {
    const backlog = Math.max(0, this.#head - this.#cursor.floor - this.#cursor.countAbove);
    return {
      backlog,
      outstanding: this.#leases.leasedCount,
      blocked: this.#leases.waitingCount,
      holes: this.#cursor.runCount,
      isAtLimit: this.#dispatcher.isAtLimit,
      oldestUnackedSequence: backlog === 0 ? undefined : this.#cursor.floor + 1,
      pullers: this.#pullers.openCount,
      delivered: this.#delivered,
      acked: this.#settlement.acked,
      nacked: this.#settlement.nacked,
      expired: this.#settlement.expired,
      extended: this.#settlement.extended,
    };
  }

  #take(event: Event, nowMs: number): void {
    switch (event.kind) {
      case "appended":
        this.#append(event.head, event.block);
        return;
      case "loaded":
        this.#takeLoaded(event);
        return;
      case "loadFailed":
        if (this.#loading?.after === event.after) this.#loading = undefined;
        this.#loadNotBeforeMs = nowMs + this.#limits.loadRetryMs;
        return;
      case "opened":
        this.#pullers.open(event);
        this.#readAheadEndsAtMs = Number.POSITIVE_INFINITY;
        return;
      case "leaseLengthChanged": {
        const puller = this.#pullers.get(event.puller);
        if (puller !== undefined) puller.leaseMs = event.leaseMs;
        return;
      }
      case "ready": {
        const puller = this.#pullers.get(event.puller);
        if (puller?.isOpen) this.#pullers.setReady(puller, event.maxMessages, event.maxBytes);
        return;
      }
      case "closed": {
        const puller = this.#pullers.get(event.puller);
        if (puller !== undefined) this.#pullers.close(puller);
        return;
      }
      case "returned":
        this.#takeBack(event.puller, event.generation);
        return;
      case "acked":
        this.#settlement.ack(event.sequences, this.#head);
        return;
      case "modified":
        this.#settlement.modify(event, this.#head, nowMs);
        return;
      case "dropped":
        this.#settlement.drop(event.floor);
        this.#readAhead.passTo(this.#cursor.floor);
        return;
      case "rulesChanged":
      case "sought":
      case "deadLettered":
      case "deadLetterFailed":
        throw new Error(`the core does not know ${event.kind}`);
      case "ticked":
        this.#tick(nowMs);
        return;
      default:
        assertNever(event);
    }
  }

  #append(head: number, block: BlockView | undefined): void {
    assert(head >= this.#head || block === undefined, "the head of a log does not fall");
    const hadAll = this.#readAhead.end === this.#head;
    this.#head = Math.max(this.#head, head);
    if (block === undefined || !hadAll || !this.#readAhead.hasRoom || this.#pullers.openCount === 0) return;
    this.#hold(block);
  }

  #takeLoaded(event: Event & { kind: "loaded" }): void {
    if (this.#loading?.after !== event.after) return;
    const { head } = this.#loading;
    this.#loading = undefined;
    // Moved on meanwhile (a drop, or let go): what came does not follow what is known.
    if (this.#readAhead.end !== event.after || this.#pullers.openCount === 0) return;
    for (const block of event.blocks) this.#hold(block);
    if (event.isEnd) this.#passGap(head);
    assert(this.#readAhead.end > event.after, "an answer to a load leads on");
    this.#head = Math.max(this.#head, this.#readAhead.end);
  }

  #hold(block: BlockView): void {
    this.#passGap(block.first - 1);
    this.#readAhead.push(block);
  }

  /** What lies between what is known and `last` holds no message. */
  #passGap(last: number): void {
    const { end } = this.#readAhead;
    if (last <= end) return;
    this.#cursor.settle(end + 1, last);
    this.#readAhead.extendTo(last);
  }

  #takeBack(id: PullerId, generation: Generation): void {
    const puller = this.#pullers.get(id);
    if (puller === undefined || puller.lastGeneration !== generation) return;
    this.#settlement.takeBack(puller.lastRuns, generation);
    puller.lastRuns = [];
  }

  #tick(nowMs: number): void {
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    if (this.#readAheadEndsAtMs <= nowMs) {
      this.#readAheadEndsAtMs = Number.POSITIVE_INFINITY;
      this.#readAhead.clear();
    }
    this.#leases.release();
  }

  #requestLoad(nowMs: number, effects: Effect[]): void {
    const after = this.#readAhead.end;
    if (this.#loading !== undefined || after >= this.#head || nowMs < this.#loadNotBeforeMs) return;
    if (this.#pullers.creditedCount === 0 || !this.#readAhead.isLow) return;
    this.#loading = { after, head: this.#head };
    effects.push({ kind: "load", after, maxBytes: this.#limits.loadBytes });
  }

  /** Asks to be woken by `latestAtMs`, or earlier where something falls due. A wake too early does no harm. */
  #requestWake(nowMs: number, latestAtMs: number, effects: Effect[]): void {
    let atMs = Math.min(latestAtMs, this.#leases.nextDeadlineAtMs);
    if (this.#pullers.openCount === 0 && this.#readAhead.current !== undefined) {
      this.#readAheadEndsAtMs = Math.min(this.#readAheadEndsAtMs, nowMs + this.#limits.readAheadIdleMs);
      atMs = Math.min(atMs, this.#readAheadEndsAtMs);
    }
    if (this.#loadNotBeforeMs > nowMs && this.#pullers.openCount > 0) atMs = Math.min(atMs, this.#loadNotBeforeMs);
    if (atMs >= this.#wakeAtMs) return;
    this.#wakeAtMs = atMs;
    effects.push({ kind: "wake", atMs });
  }
}
