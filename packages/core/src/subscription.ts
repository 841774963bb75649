import { NO_GENERATION, replayAckLog } from "./ack-log-replay.js";
import { encodeCheckpoint, encodeState, encodeStep } from "./ack-record.js";
import { AckedMemory } from "./acked-memory.js";
import { assert, assertNever } from "./assert.js";
import type { BlockView } from "./block-view.js";
import { Cursor } from "./cursor.js";
import { type DeliveryRules, PLAIN_RULES } from "./delivery-rules.js";
import { Dispatcher } from "./dispatcher.js";
import type { Effect, Environment, Event, Generation, PullerId } from "./events.js";
import { ExactlyOnce } from "./exactly-once.js";
import { FailedDeliveries } from "./failed-deliveries.js";
import { KeyTable } from "./key-table.js";
import { LeaseTable } from "./lease-table.js";
import type { CoreLimits } from "./limits.js";
import { PullerTable } from "./puller-table.js";
import { ReadAhead } from "./read-ahead.js";
import { RunList } from "./run-list.js";
import { Screen } from "./screen.js";
import { encodeSeek, type SeekPlan } from "./seek-plan.js";
import { Settlement } from "./settlement.js";
import type { SubscriptionCounts } from "./subscription-counts.js";
import type { SubscriptionParts } from "./subscription-parts.js";
import { Unrecorded } from "./unrecorded.js";

/** Generations of one start of the server. */
const GENERATIONS_PER_START = 2 ** 32;

const PERSIST: Effect = { kind: "persist" };
const NO_EFFECTS: readonly Effect[] = [];

export interface SubscriptionOptions {
  /** How many times the server has been started on this store, from 1; new with each start. Below 2^20. */
  readonly startNumber: number;
  readonly limits: CoreLimits;
  /** `PLAIN_RULES` where left out. */
  readonly rules?: DeliveryRules;
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
  readonly #parts: SubscriptionParts;
  readonly #dispatcher: Dispatcher;
  readonly #settlement: Settlement;
  readonly #exactlyOnce: ExactlyOnce;
  readonly #failed: FailedDeliveries;
  readonly #screen: Screen;
  #head: number;
  /** The load under way: where it begins, and the head when it was asked for. */
  #loading: { readonly after: number; readonly head: number } | undefined;
  /** A seek came since the load was asked for: its answer is not of use. */
  #isLoadStale = false;
  #loadNotBeforeMs = Number.NEGATIVE_INFINITY;
  /** When the read-ahead is let go because nobody pulls. */
  #readAheadEndsAtMs = Number.POSITIVE_INFINITY;
  /** The wake that was asked for and has not come. */
  #wakeAtMs = Number.POSITIVE_INFINITY;
  #delivered = 0;
  #deadLettered = 0;

  private constructor(cursor: Cursor, head: number, latestGeneration: Generation, options: SubscriptionOptions) {
    this.#limits = options.limits;
    this.#head = head;
    this.#parts = {
      cursor,
      rules: options.rules ?? PLAIN_RULES,
      voidGeneration: NO_GENERATION,
      leases: new LeaseTable(),
      keys: new KeyTable(),
      pullers: new PullerTable(),
      readAhead: new ReadAhead(cursor.floor, options.limits),
      unrecorded: new Unrecorded(),
      ackedMemory: new AckedMemory(options.limits.ackedMemoryRuns),
      limits: options.limits,
    };
    this.#failed = new FailedDeliveries(this.#parts);
    this.#settlement = new Settlement(this.#parts, this.#failed);
    this.#exactlyOnce = new ExactlyOnce(this.#parts, this.#settlement);
    this.#screen = new Screen(this.#parts, head);
    const { startNumber, afterGeneration = 0 } = options;
    const startGeneration = Math.max(startNumber * GENERATIONS_PER_START, afterGeneration);
    // Those given after the last record was written are not known: begin above all there can have been.
    const restartGeneration = (Math.floor(latestGeneration / GENERATIONS_PER_START) + 1) * GENERATIONS_PER_START;
    const isKnown = latestGeneration <= startGeneration;
    const generation = isKnown ? startGeneration : restartGeneration;
    assert(Number.isSafeInteger(generation + GENERATIONS_PER_START), "generations are safe integers");
    this.#dispatcher = new Dispatcher(this.#parts, generation);
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
    const state = replayAckLog(records, head);
    const subscription = new Subscription(state.cursor, head, state.latestGeneration, options);
    const { leases } = subscription.#parts;
    subscription.#parts.voidGeneration = state.voidGeneration;
    subscription.#screen.discardBeforeMs = state.discardBeforeMs;
    for (const [sequence, { generation, leaseMs }] of state.leases) {
      if (sequence <= head) leases.grantUnsized(sequence, generation, leaseMs, Math.ceil(nowMs + leaseMs));
    }
    for (const [sequence, { failures, delayMs }] of state.failures) {
      if (sequence > head) continue;
      leases.remember(sequence, failures, delayMs, Math.ceil(nowMs + delayMs));
      const slot = leases.find(sequence);
      if (!leases.isLeased(slot)) subscription.#failed.remember(slot);
    }
    return subscription;
  }

  /** Takes one event; the effects are to be carried out in order, before the next `step`. */
  step(event: Event, environment: Environment): readonly Effect[] {
    const { nowMs, random } = environment;
    const effects: Effect[] = [];
    const wasDirty = this.isDirty;
    this.#take(event, environment, effects);
    const messagesMax = this.#limits.stepMessagesMax;
    const expired = this.#settlement.expire(nowMs, messagesMax, random);
    const isDirty = this.isDirty;
    if (isDirty && !wasDirty) effects.push(PERSIST);
    const handedOut = this.#dispatcher.handOut(nowMs, messagesMax - expired, effects);
    this.#delivered += handedOut;
    if (!isDirty && this.isDirty) effects.push(PERSIST);
    if (this.#failed.hasDying) this.#tellDying(effects);
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
    const { unrecorded } = this.#parts;
    const floor = unrecorded.droppedFloor === 0 ? 0 : unrecorded.acked.absorb(unrecorded.droppedFloor);
    const record = encodeStep(this.#parts, this.latestGeneration, floor);
    unrecorded.clear();
    return record;
  }

  /**
   * The whole state as one record that replaces all earlier ones, what is dirty included. It must reach the log before
   * any later one. The leases come with it on a clean stop; those past their deadline at `nowMs` are left out. Leases under
   * exactly-once come in any case.
   */
  takeCheckpoint(includeLeases: boolean, nowMs: number): Uint8Array {
    const { discardBeforeMs } = this.#screen;
    const state = { generation: this.latestGeneration, discardBeforeMs };
    const record = encodeCheckpoint(this.#parts, state, includeLeases, nowMs);
    this.#parts.unrecorded.clear();
    return record;
  }

  /** The state after a seek as one record that replaces all earlier ones; once it is durable, `sought` makes it true. */
  planSeek(plan: SeekPlan): Uint8Array {
    return encodeSeek(plan, this.#parts.cursor, this.latestGeneration, this.#head);
  }

  /** What is settled now as one record: the contents of a snapshot. */
  snapshotRecord(): Uint8Array {
    const { cursor } = this.#parts;
    return encodeState("checkpoint", { floor: cursor.floor, generation: 0, acked: cursor });
  }

  /** A record that acks `sequences`; nothing changes before `deadLettered` tells that it is durable. */
  deadLetterStep(sequences: readonly number[]): Uint8Array {
    const acked = new RunList();
    for (const sequence of sequences) acked.add(sequence, sequence);
    return encodeState("step", { floor: 0, generation: this.latestGeneration, acked });
  }

  /** Those of `sequences` that still wait for their way to the dead-letter topic. */
  stillDying(sequences: readonly number[]): readonly number[] {
    return this.#failed.stillDying(sequences);
  }

  /** The generation given last: a subscription that leaves memory and comes back goes on above it. */
  get latestGeneration(): Generation {
    return this.#dispatcher.latestGeneration;
  }

  /** True when `takeStep` would answer a record. */
  get isDirty(): boolean {
    return !this.#parts.unrecorded.isEmpty;
  }

  /** Whether a sequence is settled in memory. */
  isSettled(sequence: number): boolean {
    return this.#parts.cursor.has(sequence);
  }

  /** The low watermark in memory: every sequence at or below it is settled. */
  get floor(): number {
    return this.#parts.cursor.floor;
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
    this.#parts.leases.forEachLeasedPart(run, generation, visit);
  }

  get counts(): SubscriptionCounts {
    const { cursor, keys, leases, pullers } = this.#parts;
    const unsettled = this.#head - cursor.floor - cursor.countAbove;
    const backlog = Math.max(0, unsettled - this.#screen.keptOutAhead);
    return {
      backlog,
      uncounted: this.#screen.uncounted,
      outstanding: leases.leasedCount,
      blocked: leases.waitingCount,
      delayed: leases.delayedCount,
      dying: leases.dyingCount,
      orderingKeys: keys.keyCount,
      holes: cursor.runCount,
      isAtLimit: this.#dispatcher.isAtLimit,
      oldestUnackedSequence: backlog === 0 ? undefined : cursor.floor + 1,
      pullers: pullers.openCount,
      delivered: this.#delivered,
      acked: this.#settlement.acked,
      nacked: this.#settlement.nacked,
      expired: this.#settlement.expired,
      extended: this.#settlement.extended,
      deadLettered: this.#deadLettered,
    };
  }

  #take(event: Event, environment: Environment, effects: Effect[]): void {
    const { nowMs, random } = environment;
    const { cursor, pullers, readAhead, rules } = this.#parts;
    switch (event.kind) {
      case "appended":
        this.#append(event.head, event.block);
        return;
      case "loaded":
        this.#takeLoaded(event);
        return;
      case "loadFailed":
        if (this.#loading?.after === event.after) this.#endLoad();
        this.#loadNotBeforeMs = nowMs + this.#limits.loadRetryMs;
        return;
      case "opened":
        pullers.open(event);
        this.#readAheadEndsAtMs = Number.POSITIVE_INFINITY;
        return;
      case "leaseLengthChanged": {
        const puller = pullers.get(event.puller);
        if (puller !== undefined) puller.leaseMs = event.leaseMs;
        return;
      }
      case "ready": {
        const puller = pullers.get(event.puller);
        if (puller?.isOpen) pullers.setReady(puller, event.maxMessages, event.maxBytes);
        return;
      }
      case "closed": {
        const puller = pullers.get(event.puller);
        if (puller !== undefined) pullers.close(puller);
        return;
      }
      case "returned":
        this.#takeBack(event.puller, event.generation);
        return;
      case "acked":
        if (rules.isExactlyOnce) effects.push(this.#exactlyOnce.ack(event, nowMs));
        else this.#settlement.ack(event.sequences, event.generations, this.#head);
        return;
      case "modified":
        if (rules.isExactlyOnce) effects.push(this.#exactlyOnce.modify(event, nowMs, random));
        else this.#settlement.modify(event, this.#head, nowMs, random);
        return;
      case "dropped":
        this.#settlement.drop(event.floor);
        if (cursor.floor > readAhead.end) this.#screen.reset(this.#head);
        readAhead.passTo(cursor.floor);
        return;
      case "rulesChanged":
        this.#changeRules(event.rules);
        return;
      case "sought":
        this.#seek(event.record);
        return;
      case "deadLettered":
        this.#deadLettered += event.sequences.length;
        this.#settlement.settleForwarded(event.sequences);
        return;
      case "deadLetterFailed":
        this.#failed.revive(event.sequences, nowMs, random);
        return;
      case "counted":
        this.#screen.take(event.after, event.upTo, event.unmatched);
        return;
      case "ticked":
        this.#tick(nowMs);
        return;
      default:
        assertNever(event);
    }
  }

  #append(head: number, block: BlockView | undefined): void {
    const { pullers, readAhead } = this.#parts;
    assert(head >= this.#head || block === undefined, "the head of a log does not fall");
    const hadAll = readAhead.end === this.#head;
    this.#head = Math.max(this.#head, head);
    if (block === undefined) {
      this.#screen.skipTo(this.#head);
      return;
    }
    if (hadAll && readAhead.hasRoom && pullers.openCount > 0) this.#hold(block, true);
    else if (!this.#screen.isOpen) this.#passUnheld(block, hadAll);
  }

  /** A block that is not held, of a subscription that keeps some out: the floor follows where nothing is left behind. */
  #passUnheld(block: BlockView, hadAll: boolean): void {
    const { readAhead } = this.#parts;
    if (hadAll && readAhead.current === undefined && this.#screen.keepsOutAll(block)) {
      this.#passGap(block.first + block.count - 1);
      readAhead.passTo(readAhead.end);
    } else this.#screen.count(block);
  }

  #takeLoaded(event: Event & { kind: "loaded" }): void {
    if (this.#loading?.after !== event.after) return;
    const { pullers, readAhead } = this.#parts;
    const { head } = this.#loading;
    const isStale = this.#isLoadStale;
    this.#endLoad();
    // Moved on meanwhile (a seek, a drop, or let go): what came does not follow what is known.
    if (isStale || readAhead.end !== event.after || pullers.openCount === 0) return;
    for (const block of event.blocks) this.#hold(block, false);
    if (event.isEnd) this.#passGap(head);
    assert(readAhead.end > event.after, "an answer to a load leads on");
    this.#head = Math.max(this.#head, readAhead.end);
  }

  #endLoad(): void {
    this.#loading = undefined;
    this.#isLoadStale = false;
  }

  /** @param isNew - It was just appended. */
  #hold(block: BlockView, isNew: boolean): void {
    this.#passGap(block.first - 1);
    const last = block.first + block.count - 1;
    if (this.#screen.isOpen || this.#screen.settle(block, isNew)) this.#parts.readAhead.push(block);
    else this.#passGap(last);
  }

  /** What lies between what is known and `last` holds no message. */
  #passGap(last: number): void {
    const { cursor, readAhead } = this.#parts;
    const { end } = readAhead;
    if (last <= end) return;
    cursor.settle(end + 1, last);
    readAhead.extendTo(last);
  }

  #changeRules(rules: DeliveryRules): void {
    const { leases, unrecorded } = this.#parts;
    const before = this.#parts.rules;
    this.#parts.rules = rules;
    if (rules.isExactlyOnce && !before.isExactlyOnce) {
      leases.forEachLeased((slot) => unrecorded.leases.add(leases.sequence(slot), leases.sequence(slot)));
    }
    if (!rules.isExactlyOnce && before.isExactlyOnce) {
      unrecorded.leases.clear();
      unrecorded.areLeasesOver = true;
    }
    this.#failed.changeRules(before);
    const isPolicyGone =
      before.backoff !== undefined ||
      (before.deliveryAttemptsMax !== undefined && rules.deliveryAttemptsMax === undefined);
    if (isPolicyGone && rules.backoff === undefined) this.#settlement.endDelays();
  }

  #seek(record: Uint8Array): void {
    const parts = this.#parts;
    const state = replayAckLog([record], this.#head);
    parts.cursor = state.cursor;
    parts.voidGeneration = Math.max(state.voidGeneration, this.latestGeneration);
    this.#dispatcher.goAbove(parts.voidGeneration);
    this.#screen.discardBeforeMs = state.discardBeforeMs;
    parts.leases.clear();
    parts.keys.clear();
    parts.unrecorded.clear();
    parts.ackedMemory.clear();
    parts.pullers.releaseAll();
    parts.readAhead.reset(state.cursor.floor);
    this.#failed.clear();
    this.#screen.reset(this.#head);
    this.#isLoadStale = this.#loading !== undefined;
  }

  #tellDying(effects: Effect[]): void {
    const { sequences, failures } = this.#failed.takeDying();
    if (sequences.length > 0) effects.push({ kind: "deadLetter", sequences, failures });
  }

  #takeBack(id: PullerId, generation: Generation): void {
    const puller = this.#parts.pullers.get(id);
    if (puller === undefined || puller.lastGeneration !== generation) return;
    this.#settlement.takeBack(puller.lastRuns, generation);
    puller.lastRuns = [];
  }

  #tick(nowMs: number): void {
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    if (this.#readAheadEndsAtMs <= nowMs) {
      this.#readAheadEndsAtMs = Number.POSITIVE_INFINITY;
      this.#parts.readAhead.clear();
    }
    this.#parts.leases.release();
  }

  #requestLoad(nowMs: number, effects: Effect[]): void {
    const after = this.#parts.readAhead.end;
    if (this.#loading !== undefined || after >= this.#head || nowMs < this.#loadNotBeforeMs) return;
    if (this.#parts.pullers.creditedCount === 0 || !this.#parts.readAhead.isLow) return;
    this.#loading = { after, head: this.#head };
    effects.push({ kind: "load", after, maxBytes: this.#limits.loadBytes });
  }

  /** Asks to be woken by `latestAtMs`, or earlier where something falls due. A wake too early does no harm. */
  #requestWake(nowMs: number, latestAtMs: number, effects: Effect[]): void {
    let atMs = Math.min(latestAtMs, this.#parts.leases.nextDeadlineAtMs);
    if (this.#parts.pullers.openCount === 0 && this.#parts.readAhead.current !== undefined) {
      this.#readAheadEndsAtMs = Math.min(this.#readAheadEndsAtMs, nowMs + this.#limits.readAheadIdleMs);
      atMs = Math.min(atMs, this.#readAheadEndsAtMs);
    }
    if (this.#loadNotBeforeMs > nowMs && this.#parts.pullers.openCount > 0)
      atMs = Math.min(atMs, this.#loadNotBeforeMs);
    if (atMs >= this.#wakeAtMs) return;
    this.#wakeAtMs = atMs;
    effects.push({ kind: "wake", atMs });
  }
}
