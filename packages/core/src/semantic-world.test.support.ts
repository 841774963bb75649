import assert from "node:assert/strict";
import type { BlockView } from "./block-view.js";
import type { DeliveryRules } from "./delivery-rules.js";
import type { AckFailureReason, Effect, Event, PullerId } from "./events.js";
import type { CoreLimits } from "./limits.js";
import { plainFilter, semanticBlock } from "./semantic-block.test.support.js";
import { Subscription } from "./subscription.js";

/** One delivery of a message, as a client remembers it. */
export interface SeenDelivery {
  readonly sequence: number;
  readonly generation: number;
  readonly puller: PullerId;
}

/** What a publisher said of a message. */
export interface PlannedMessage {
  /** "" for none. */
  readonly key: string;
  readonly isMatching: boolean;
}

interface Message extends PlannedMessage {
  readonly publishTimeMs: number;
}

interface WorldPuller {
  readonly isOnce: boolean;
  readonly isExclusive: boolean;
  readonly messagesMax: number;
  leaseMs: number;
  isReady: boolean;
}

interface WorldLease {
  readonly generation: number;
  leaseMs: number;
  deadlineAtMs: number;
  /** Undefined: it counts against nobody. */
  readonly puller: PullerId | undefined;
}

/** Failed deliveries; two bounds where the statements leave open which of two messages failed. */
interface Failures {
  min: number;
  max: number;
  delayMs: number;
  /** It may not come before. */
  notBeforeMs: number;
}

/** What a restart finds. */
interface Durable {
  settled: Set<number>;
  failures: Map<number, { readonly min: number; readonly max: number; readonly delayMs: number }>;
  leases: Map<number, { readonly generation: number; readonly leaseMs: number }>;
  voidGeneration: number;
  discardBeforeMs: number;
}

type Pending = (Event & { kind: "acked" }) | (Event & { kind: "modified" });

const ACKED_MEMORY_MS = 600_000;
const RANDOM = 0.5;

/**
 * Ordering, exactly-once, filters, retries, dead letters and seek as service.md part 3 states them, in maps by sequence. Feeds
 * a real `Subscription` the same events and checks each effect against what the statements allow. Jitter is off: the random
 * number is always 0.5.
 *
 * Leases that live through a restart are known to the core by their sequence only, until it reads the block: till then it
 * cannot know their key. Where something of the same key that comes before is handed out meanwhile, the world allows that
 * such a lease has ended, and that it has not (`#unsure`).
 */
export class SemanticWorld {
  readonly #limits: CoreLimits;
  readonly #hasGaps: boolean;
  rules: DeliveryRules;
  readonly #messages = new Map<number, Message>();
  /** Acked, filtered out, discarded, dead-lettered or never a message. */
  readonly #settled = new Set<number>();
  readonly #leases = new Map<number, WorldLease>();
  readonly #failures = new Map<number, Failures>();
  readonly #touched = new Set<number>();
  /** Failed since the last step. */
  readonly #failedNow = new Set<number>();
  readonly #dying = new Map<number, number>();
  /** Acked under exactly-once: `sequence:generation`, and when. */
  readonly #ackedIds = new Map<string, number>();
  /** Whose lease ran out and that were not handed out since, with the generation that may still extend them (S-3.6). */
  readonly #extensible = new Map<number, number>();
  /** Deliveries seen before the last restart. */
  #seenBefore = 0;
  /** Leased before the last restart and not delivered since. */
  readonly #unmet = new Set<number>();
  /** Those of them that may have ended with something of their key. */
  readonly #unsure = new Set<number>();
  readonly #pullers = new Map<PullerId, WorldPuller>();
  readonly seen: SeenDelivery[] = [];
  readonly snapshots: Uint8Array[] = [];
  readonly #snapshotSettled: Set<number>[] = [];
  #durable: Durable;
  #blocks: BlockView[] = [];
  #records: Uint8Array[];
  #subscription: Subscription;
  #head = 0;
  #starts = 1;
  #voidGeneration = -1;
  #latestGeneration = 0;
  #discardBeforeMs = 0;
  /** Everything at or below is past retention. */
  #dropped = 0;
  #nextPuller = 1;
  #nextRequest = 1;
  #nowMs = 0;
  #wakeAtMs = Number.POSITIVE_INFINITY;
  /** What was asked for, and how far the log went then: no more is read. */
  #load: { readonly after: number; readonly head: number } | undefined;
  #forwarding: (Effect & { kind: "deadLetter" })[] = [];
  #pending: Pending | undefined;

  /** @param hasGaps - Blocks may leave positions between them without a message. */
  constructor(limits: CoreLimits, rules: DeliveryRules, hasGaps: boolean) {
    this.#limits = limits;
    this.#hasGaps = hasGaps;
    this.rules = { ...rules, filter: rules.filter === undefined ? undefined : plainFilter };
    this.#subscription = Subscription.create(0, { startNumber: 1, limits, rules: this.rules });
    this.#records = [this.#subscription.takeCheckpoint(false, 0)];
    this.#durable = this.#freeze();
  }

  get pullers(): readonly PullerId[] {
    return [...this.#pullers.keys()];
  }

  get head(): number {
    return this.#head;
  }

  get #isFiltered(): boolean {
    return this.rules.filter !== undefined;
  }

  get #countsFailures(): boolean {
    return this.rules.backoff !== undefined || this.rules.deliveryAttemptsMax !== undefined;
  }

  /** Publish times rise by one with each block. */
  publish(gap: number, planned: readonly PlannedMessage[], isAtHand: boolean): void {
    const publishTimeMs = this.#blocks.length + 1;
    const block = semanticBlock(this.#head + (this.#hasGaps ? gap : 0) + 1, publishTimeMs, planned);
    for (let sequence = this.#head + 1; sequence < block.first; sequence += 1) this.#settled.add(sequence);
    for (const [index, message] of planned.entries()) {
      const sequence = block.first + index;
      this.#messages.set(sequence, { ...message, publishTimeMs });
      if (!this.#isWanted(sequence)) this.#settled.add(sequence);
    }
    this.#blocks.push(block);
    this.#head = block.first + block.count - 1;
    this.#step(isAtHand ? { kind: "appended", head: this.#head, block } : { kind: "appended", head: this.#head });
  }

  open(leaseMs: number, isOnce: boolean, isExclusive: boolean, messagesMax: number): PullerId {
    const puller = this.#nextPuller;
    this.#nextPuller += 1;
    this.#pullers.set(puller, { isOnce, isExclusive, messagesMax, leaseMs, isReady: false });
    this.#step({
      kind: "opened",
      puller,
      maxOutstandingMessages: messagesMax,
      maxOutstandingBytes: Number.POSITIVE_INFINITY,
      leaseMs,
      isOnce,
      isKeyExclusive: isExclusive,
      clientId: "",
    });
    return puller;
  }

  ready(id: PullerId, messages: number): void {
    const puller = this.#pullers.get(id);
    if (puller === undefined) return;
    puller.isReady = true;
    this.#step({ kind: "ready", puller: id, maxMessages: messages, maxBytes: 1_000_000 });
  }

  close(id: PullerId): void {
    this.#pullers.delete(id);
    this.#step({ kind: "closed", puller: id });
  }

  giveBackLast(id: PullerId): void {
    const last = this.seen.at(-1);
    if (last?.puller !== id || !this.#pullers.has(id)) return;
    const returned = [...this.#leases.keys()].filter((at) => this.#leases.get(at)?.generation === last.generation);
    for (const sequence of returned.sort((left, right) => left - right)) {
      if (!this.#leases.has(sequence)) continue;
      this.#leases.delete(sequence);
      this.#extensible.delete(sequence);
      this.#endBehind(sequence);
    }
    this.#step({ kind: "returned", puller: id, generation: last.generation });
  }

  ack(deliveries: readonly SeenDelivery[]): void {
    const event: Pending = {
      kind: "acked",
      request: this.#takeRequest(),
      sequences: deliveries.map(({ sequence }) => sequence),
      generations: deliveries.map(({ generation }) => generation),
    };
    if (!this.rules.isExactlyOnce) this.#ackAtLeastOnce(event);
    this.#ask(event);
  }

  modify(deliveries: readonly SeenDelivery[], leaseMs: number): void {
    // What an id of before the start extends depends on how far the read-ahead is: not told here.
    const known = this.rules.isExactlyOnce ? deliveries : deliveries.filter((one) => this.#isOfThisStart(one));
    const event: Pending = {
      kind: "modified",
      request: this.#takeRequest(),
      sequences: known.map(({ sequence }) => sequence),
      generations: known.map(({ generation }) => generation),
      leaseMs: known.map(() => leaseMs),
    };
    if (!this.rules.isExactlyOnce) this.#modifyAtLeastOnce(event);
    this.#ask(event);
  }

  changeRules(change: Partial<DeliveryRules>): void {
    const before = this.rules;
    this.rules = { ...before, ...change, isOrdered: before.isOrdered, filter: before.filter };
    const { backoff, deliveryAttemptsMax } = this.rules;
    const isPolicyGone =
      before.backoff !== undefined || (before.deliveryAttemptsMax !== undefined && deliveryAttemptsMax === undefined);
    for (const [sequence, kept] of this.#failures) {
      // RTY-005, S-18.8: nobody asks for the delay any more.
      if (backoff === undefined && isPolicyGone) kept.notBeforeMs = this.#nowMs;
      // S-4.3: attempts count from when their policy is set.
      if (before.deliveryAttemptsMax === undefined && deliveryAttemptsMax !== undefined) {
        kept.min = 0;
        kept.max = 0;
        this.#touched.add(sequence);
      }
    }
    for (const [sequence, failures] of this.#dying) {
      if (deliveryAttemptsMax === undefined || failures < deliveryAttemptsMax) this.#dying.delete(sequence);
    }
    this.#step({ kind: "rulesChanged", rules: this.rules });
  }

  /** What the forwarder does with what it was told first. */
  answerForward(isFailing: boolean): void {
    const effect = this.#forwarding.shift();
    if (effect === undefined) return;
    const still = this.#subscription.stillDying(effect.sequences);
    assert.deepEqual(
      still,
      effect.sequences.filter((sequence) => this.#dying.has(sequence) && !this.#settled.has(sequence)),
    );
    const failures = still.map((sequence) => this.#dying.get(sequence) ?? 0);
    for (const sequence of still) this.#dying.delete(sequence);
    if (!isFailing) {
      this.#records.push(this.#subscription.deadLetterStep(still));
      if (!this.rules.isExactlyOnce) this.#durable.leases.clear();
      for (const sequence of still) {
        this.#settled.add(sequence);
        this.#durable.settled.add(sequence);
      }
      this.#step({ kind: "deadLettered", sequences: still });
      return;
    }
    for (const [index, sequence] of still.entries()) this.#revive(sequence, failures[index]!);
    this.#step({ kind: "deadLetterFailed", sequences: still });
  }

  snapshot(): void {
    // Whether what a seek into the future discards is settled in a snapshot is left open.
    if (this.#discardBeforeMs > 0) return;
    this.snapshots.push(this.#subscription.snapshotRecord());
    this.#snapshotSettled.push(new Set([...this.#settled].filter((sequence) => this.#wasChosen(sequence))));
  }

  /** To a block's time, or to the end: `settledUpTo` is settled, what is retained above it is not. */
  seekToTime(settledUpTo: number, isRetained: boolean, discardsNext: boolean): void {
    // Whether a later seek finds again what is discarded by now, but was not met, is left open.
    if (this.#discardBeforeMs > 0 && !isRetained) return;
    const upTo = discardsNext ? this.#head : Math.min(settledUpTo, this.#head);
    const discardBeforeMs = discardsNext ? this.#blocks.length + 3 : 0;
    const settled = new Set<number>();
    for (let sequence = 1; sequence <= this.#head; sequence += 1) {
      const isRevived = isRetained && sequence > this.#dropped;
      const isSettled = sequence <= upTo || (!isRevived && this.#settled.has(sequence));
      if (isSettled) settled.add(sequence);
    }
    this.#seek(settled, discardBeforeMs, {
      settledUpTo: upTo,
      revivedAbove: isRetained ? this.#dropped : Number.POSITIVE_INFINITY,
      discardBeforeMs,
    });
  }

  seekToSnapshot(at: number): void {
    const index = at % Math.max(1, this.snapshots.length);
    const snapshot = this.snapshots[index];
    if (snapshot === undefined) return;
    this.#seek(new Set(this.#snapshotSettled[index]), 0, {
      settledUpTo: 0,
      revivedAbove: Number.POSITIVE_INFINITY,
      snapshot,
      discardBeforeMs: 0,
    });
  }

  /** Retention: what is dropped does not come again; leases on it run on. */
  drop(upTo: number): void {
    this.#dropped = Math.max(this.#dropped, Math.min(upTo, this.#head));
    this.#forgetDropped();
    this.#step({ kind: "dropped", floor: this.#dropped });
  }

  /** Moves the clock on, stopping at each wake that was asked for. */
  advanceMs(ms: number): void {
    this.#advanceTo(this.#nowMs + ms);
  }

  /** The clock moves on, but the wake comes late. */
  lag(ms: number): void {
    this.#nowMs += ms;
  }

  answerLoad(isFailing: boolean): void {
    const load = this.#load;
    if (load === undefined) return;
    this.#load = undefined;
    if (isFailing) {
      this.#step({ kind: "loadFailed", after: load.after });
      return;
    }
    const rest = this.#blocks.filter((block) => block.first <= load.head && block.first + block.count - 1 > load.after);
    const blocks = rest.slice(0, 3);
    this.#step({ kind: "loaded", after: load.after, blocks, isEnd: blocks.length === rest.length });
  }

  /** What the engine counts while nothing changes. */
  count(): void {
    const { uncounted } = this.#subscription.counts;
    if (uncounted === undefined) return;
    const { after, upTo } = uncounted;
    let unmatched = 0;
    for (const sequence of this.#messages.keys()) {
      const isInRange = sequence > after && sequence <= upTo;
      if (isInRange && !this.#isWanted(sequence) && !this.#subscription.isSettled(sequence)) unmatched += 1;
    }
    this.#step({ kind: "counted", after, upTo, unmatched });
  }

  takeStep(): void {
    const record = this.#subscription.takeStep();
    if (record === undefined) return;
    this.#records.push(record);
    this.#remember(this.#touched);
  }

  takeCheckpoint(): void {
    this.#records = [this.#subscription.takeCheckpoint(false, this.#nowMs)];
    this.#durable.failures.clear();
    this.#remember(this.#failures.keys());
  }

  /** Ends the server and starts it anew. A clean stop writes all down; after a kill what no record tells is lost. */
  restart(isClean: boolean): void {
    if (isClean) {
      this.#records = [this.#subscription.takeCheckpoint(true, this.#nowMs)];
      this.#durable.failures.clear();
      this.#remember(this.#failures.keys(), true);
    }
    const durable = this.#durable;
    this.#settled.clear();
    for (let sequence = 1; sequence <= this.#head; sequence += 1) {
      const isSettled = durable.settled.has(sequence) || !this.#wasChosenAt(sequence, durable.discardBeforeMs);
      if (isSettled) this.#settled.add(sequence);
    }
    this.#leases.clear();
    this.#unmet.clear();
    this.#unsure.clear();
    this.#failures.clear();
    this.#dying.clear();
    this.#touched.clear();
    this.#ackedIds.clear();
    this.#extensible.clear();
    this.#seenBefore = this.seen.length;
    this.#pullers.clear();
    this.#forwarding = [];
    this.#voidGeneration = durable.voidGeneration;
    this.#discardBeforeMs = durable.discardBeforeMs;
    this.#load = undefined;
    this.#pending = undefined;
    this.#starts += 1;
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    for (const [sequence, { min, max, delayMs }] of durable.failures) {
      if (this.#settled.has(sequence)) continue;
      this.#failures.set(sequence, { min, max, delayMs, notBeforeMs: this.#nowMs + delayMs });
    }
    for (const [sequence, { generation, leaseMs }] of durable.leases) {
      if (this.#settled.has(sequence) || sequence <= this.#dropped) continue;
      const deadlineAtMs = this.#nowMs + leaseMs;
      this.#leases.set(sequence, { generation, leaseMs, deadlineAtMs, puller: undefined });
      this.#unmet.add(sequence);
    }
    const options = { startNumber: this.#starts, limits: this.#limits, rules: this.rules };
    this.#subscription = Subscription.restore(this.#records, this.#head, options, this.#nowMs);
    this.#forgetDropped();
    this.#step({ kind: "dropped", floor: this.#dropped });
  }

  /** When all is quiet: what is not settled comes, and when that is acked, nothing is left. */
  drain(): void {
    for (const id of this.pullers) this.close(id);
    this.changeRules({ deliveryAttemptsMax: undefined });
    while (this.#forwarding.length > 0) this.answerForward(false);
    const puller = this.open(600_000, false, false, 1_000);
    let taken = this.seen.length;
    for (let turn = 0; turn < 300; turn += 1) {
      this.ready(puller, 100);
      this.answerLoad(false);
      const batch = this.seen.slice(taken);
      taken = this.seen.length;
      if (batch.length > 0) this.ack(batch);
      this.advanceMs(turn % 10 === 0 ? 600_000 : 300);
    }
    for (const sequence of this.#messages.keys()) {
      assert.ok(this.#settled.has(sequence), `message ${sequence} is lost`);
    }
    const { backlog, outstanding, blocked } = this.#subscription.counts;
    assert.deepEqual({ backlog, outstanding, blocked }, { backlog: 0, outstanding: 0, blocked: 0 });
    assert.equal(this.#subscription.floor, this.#head);
  }

  #isOfThisStart(delivery: SeenDelivery): boolean {
    return this.seen.indexOf(delivery) >= this.#seenBefore;
  }

  #forgetDropped(): void {
    for (let sequence = 1; sequence <= this.#dropped; sequence += 1) {
      this.#settled.add(sequence);
      this.#failures.delete(sequence);
      this.#dying.delete(sequence);
      this.#extensible.delete(sequence);
    }
  }

  #takeRequest(): number {
    this.#nextRequest += 1;
    return this.#nextRequest;
  }

  #ask(event: Pending): void {
    this.#pending = event;
    this.#step(event);
    if (this.rules.isExactlyOnce) assert.equal(this.#pending, undefined, "an outcome follows in the same step");
    this.#pending = undefined;
  }

  /** Whether the subscription gets the message at all, by its filter and the time of its last seek. */
  #isWanted(sequence: number): boolean {
    return this.#wasChosenAt(sequence, this.#discardBeforeMs);
  }

  #wasChosenAt(sequence: number, discardBeforeMs: number): boolean {
    const message = this.#messages.get(sequence);
    if (message === undefined || message.publishTimeMs < discardBeforeMs) return false;
    return !this.#isFiltered || message.isMatching;
  }

  /** Whether a snapshot tells that the message is settled: an ack did it, not a filter. */
  #wasChosen(sequence: number): boolean {
    return this.#messages.has(sequence);
  }

  #isOut(sequence: number): boolean {
    const lease = this.#leases.get(sequence);
    return lease !== undefined && lease.deadlineAtMs > this.#nowMs;
  }

  #keyOf(sequence: number): string {
    return this.rules.isOrdered ? (this.#messages.get(sequence)?.key ?? "") : "";
  }

  /** Unsettled messages of the same key that come before. */
  #before(sequence: number): number[] {
    const key = this.#keyOf(sequence);
    if (key === "") return [];
    const found: number[] = [];
    for (const other of this.#messages.keys()) {
      if (other < sequence && !this.#settled.has(other) && this.#keyOf(other) === key) found.push(other);
    }
    return found;
  }

  /** S-9.5: leases behind a failed message of its key end, without a failure of their own. */
  #endBehind(sequence: number): void {
    const key = this.#keyOf(sequence);
    if (key === "") return;
    for (const other of this.#leases.keys()) {
      if (other <= sequence || this.#keyOf(other) !== key) continue;
      // The core may not know yet that they share a key: then it lives on for now.
      if (this.#unmet.has(other)) this.#unsure.add(other);
      else this.#leases.delete(other);
      this.#extensible.delete(other);
    }
  }

  /** A lease from before the restart does not outlive what comes before it in its key. */
  #markUnsure(): void {
    for (const sequence of this.#unmet) {
      const generation = this.#leases.get(sequence)?.generation ?? 0;
      const isOvertaken = this.#before(sequence).some((other) => {
        const lease = this.#leases.get(other);
        return lease === undefined || lease.generation > generation;
      });
      if (isOvertaken) this.#unsure.add(sequence);
    }
  }

  #fail(sequence: number): void {
    this.#leases.delete(sequence);
    if (sequence <= this.#dropped) {
      this.#meet(sequence);
      return;
    }
    this.#extensible.delete(sequence);
    const isUnsure = this.#unsure.has(sequence);
    this.#meet(sequence);
    if (this.#countsFailures) {
      const kept = this.#failures.get(sequence) ?? { min: 0, max: 0, delayMs: 0, notBeforeMs: this.#nowMs };
      kept.max += 1;
      if (!isUnsure) kept.min += 1;
      kept.delayMs = kept.min === kept.max ? this.#delayMs(kept.max) : 0;
      kept.notBeforeMs = this.#nowMs + kept.delayMs;
      this.#failures.set(sequence, kept);
      this.#touched.add(sequence);
      this.#failedNow.add(sequence);
    }
    this.#endBehind(sequence);
  }

  /** S-18.4: it is delivered again; each time it cannot be forwarded it waits longer for that. */
  #revive(sequence: number, failures: number): void {
    const { backoff, deliveryAttemptsMax = failures } = this.rules;
    const own = backoff === undefined ? 0 : Math.min(backoff.maximumMs, backoff.minimumMs * 2 ** (failures - 1));
    const delayMs = Math.max(own, Math.min(60_000, 1_000 * 2 ** (failures - deliveryAttemptsMax)));
    this.#failures.set(sequence, { min: failures, max: failures, delayMs, notBeforeMs: this.#nowMs + delayMs });
    this.#touched.add(sequence);
  }

  #delayMs(failures: number): number {
    const { backoff, deliveryAttemptsMax } = this.rules;
    if (backoff === undefined) return 0;
    if (deliveryAttemptsMax !== undefined && failures >= deliveryAttemptsMax) return 0;
    return Math.min(backoff.maximumMs, backoff.minimumMs * 2 ** (failures - 1));
  }

  /** What was open of a lease from before the restart is settled. */
  #meet(sequence: number): void {
    this.#unmet.delete(sequence);
    this.#unsure.delete(sequence);
  }

  #settle(sequence: number): void {
    this.#settled.add(sequence);
    this.#leases.delete(sequence);
    this.#meet(sequence);
    this.#dying.delete(sequence);
    this.#failures.delete(sequence);
  }

  #ackAtLeastOnce(event: Event & { kind: "acked" }): void {
    event.sequences.forEach((sequence, index) => {
      if (event.generations[index]! > this.#voidGeneration) this.#settle(sequence);
    });
  }

  #modifyAtLeastOnce(event: Event & { kind: "modified" }): void {
    for (const index of this.#orderOf(event)) {
      const sequence = event.sequences[index]!;
      const generation = event.generations[index]!;
      const leaseMs = event.leaseMs[index]!;
      const lease = this.#leases.get(sequence);
      if (generation <= this.#voidGeneration) continue;
      if (lease?.generation !== generation) {
        if (leaseMs > 0) this.#extendLate(sequence, generation, leaseMs);
        continue;
      }
      if (leaseMs === 0) this.#fail(sequence);
      else {
        lease.leaseMs = leaseMs;
        lease.deadlineAtMs = this.#nowMs + leaseMs;
      }
    }
  }

  /** By sequence where there is an order: the first of a key fails, and the others end with it. */
  #orderOf(event: Pending): number[] {
    const order = event.sequences.map((_, index) => index);
    if (this.rules.isOrdered) order.sort((left, right) => event.sequences[left]! - event.sequences[right]!);
    return order;
  }

  /** S-3.6; of an ordering key only in turn. */
  #extendLate(sequence: number, generation: number, leaseMs: number): void {
    if (this.#extensible.get(sequence) !== generation || this.#dying.has(sequence) || this.#settled.has(sequence))
      return;
    if (this.#before(sequence).some((other) => !this.#leases.has(other))) return;
    this.#leases.set(sequence, { generation, leaseMs, deadlineAtMs: this.#nowMs + leaseMs, puller: undefined });
    const kept = this.#failures.get(sequence);
    if (kept !== undefined) kept.notBeforeMs = this.#nowMs;
  }

  #isLiving(sequence: number, generation: number): boolean {
    const isVoid = generation <= this.#voidGeneration;
    return !isVoid && this.#isOut(sequence) && this.#leases.get(sequence)?.generation === generation;
  }

  /** S-8.3 to S-8.10, S-8.12. */
  #checkOutcome(event: Pending, effect: Effect & { kind: "outcome" }): void {
    assert.equal(effect.request, event.request);
    const failed = new Map<number, AckFailureReason>();
    for (const [place, index] of effect.indexes.entries()) failed.set(index, effect.reasons[place]!);
    assert.deepEqual(
      [...failed.keys()],
      [...failed.keys()].sort((left, right) => left - right),
    );
    for (const index of this.#orderOf(event)) {
      const sequence = event.sequences[index]!;
      // Whether a lease on what is dropped is known after a restart depends on what was written by the way.
      if (sequence <= this.#dropped && !this.#leases.has(sequence)) continue;
      const generation = event.generations[index]!;
      const told = failed.get(index) ?? "done";
      const name = `${event.kind} ${sequence} under ${generation}`;
      if (event.kind === "acked") this.#checkAck(sequence, generation, told, name);
      else this.#checkModify(sequence, generation, event.leaseMs[index]!, told, name);
    }
  }

  #checkAck(sequence: number, generation: number, told: string, name: string): void {
    const id = `${sequence}:${generation}`;
    if (this.#isLiving(sequence, generation)) {
      const expected = this.#before(sequence).length === 0 ? "done" : "unordered";
      // Its place among its key is not known before it is met.
      const isOpen = this.#unsure.has(sequence) || (this.#unmet.has(sequence) && told === "done");
      if (!isOpen) assert.equal(told, expected, name);
      if (told !== "done") return;
      this.#settle(sequence);
      this.#ackedIds.set(id, this.#nowMs);
      return;
    }
    const ackedAtMs = this.#ackedIds.get(id) ?? Number.NEGATIVE_INFINITY;
    const isKnown = generation > this.#voidGeneration && ackedAtMs + ACKED_MEMORY_MS > this.#nowMs;
    assert.equal(told, isKnown ? "done" : "invalid", name);
  }

  #checkModify(sequence: number, generation: number, leaseMs: number, told: string, name: string): void {
    const isLiving = this.#isLiving(sequence, generation);
    if (!isLiving || !this.#unsure.has(sequence)) assert.equal(told, isLiving ? "done" : "invalid", name);
    if (told !== "done") return;
    if (leaseMs === 0) {
      this.#fail(sequence);
      return;
    }
    const lease = this.#leases.get(sequence)!;
    lease.leaseMs = leaseMs;
    lease.deadlineAtMs = this.#nowMs + leaseMs;
  }

  #seek(settled: Set<number>, discardBeforeMs: number, plan: Parameters<Subscription["planSeek"]>[0]): void {
    const record = this.#subscription.planSeek(plan);
    this.#records = [record];
    this.#settled.clear();
    this.#discardBeforeMs = discardBeforeMs;
    for (let sequence = 1; sequence <= this.#head; sequence += 1) {
      if (settled.has(sequence) || !this.#isWanted(sequence)) this.#settled.add(sequence);
    }
    this.#leases.clear();
    this.#unmet.clear();
    this.#unsure.clear();
    this.#failures.clear();
    this.#touched.clear();
    this.#dying.clear();
    this.#ackedIds.clear();
    this.#extensible.clear();
    this.#forwarding = [];
    this.#voidGeneration = this.#latestGeneration;
    this.#seenBefore = this.seen.length;
    this.#durable = this.#freeze();
    this.#step({ kind: "sought", record });
    this.#forgetDropped();
    this.#step({ kind: "dropped", floor: this.#dropped });
  }

  #freeze(): Durable {
    return {
      settled: new Set(this.#settled),
      failures: new Map(),
      leases: new Map(),
      voidGeneration: this.#voidGeneration,
      discardBeforeMs: this.#discardBeforeMs,
    };
  }

  /** A record of all that changed is written: of `failed` what is known of their failures. */
  #remember(failed: Iterable<number>, keepsLeases = false): void {
    const { failures } = this.#durable;
    for (const sequence of failed) {
      const kept = this.#failures.get(sequence);
      if (kept === undefined) continue;
      const isDelayed = kept.notBeforeMs > this.#nowMs && !this.#isOut(sequence);
      failures.set(sequence, { min: kept.min, max: kept.max, delayMs: isDelayed ? kept.delayMs : 0 });
    }
    this.#touched.clear();
    const durable = this.#freeze();
    for (const [sequence, { generation, leaseMs }] of this.#leases) {
      const isKept = this.rules.isExactlyOnce || (keepsLeases && this.#isOut(sequence));
      if (isKept) durable.leases.set(sequence, { generation, leaseMs });
    }
    this.#durable = { ...durable, failures };
  }

  #advanceTo(atMs: number): void {
    while (this.#wakeAtMs <= atMs) {
      this.#nowMs = Math.max(this.#nowMs, this.#wakeAtMs);
      this.#wakeAtMs = Number.POSITIVE_INFINITY;
      this.#step({ kind: "ticked" });
    }
    this.#nowMs = Math.max(this.#nowMs, atMs);
  }

  #step(event: Event): void {
    const effects = this.#subscription.step(event, { nowMs: this.#nowMs, random: () => RANDOM });
    let isPersistAsked = false;
    let isExpired = false;
    for (const effect of effects) {
      if (effect.kind !== "outcome" && !isExpired && effect.kind !== "persist") {
        isExpired = true;
        this.#expire();
      }
      if (effect.kind === "persist") isPersistAsked = true;
      else this.#checkEffect(effect);
    }
    if (!isExpired) this.#expire();
    this.#markUnsure();
    if (isPersistAsked) assert.ok(this.#subscription.isDirty, "persist is asked for something");
    this.#checkDying();
    this.#failedNow.clear();
    this.#checkNobodyWaits();
    this.#checkCounts();
    this.#advanceTo(this.#nowMs);
  }

  #checkEffect(effect: Effect): void {
    switch (effect.kind) {
      case "wake":
        this.#wakeAtMs = effect.atMs;
        return;
      case "load":
        assert.equal(this.#load, undefined, "one load at a time");
        this.#load = { after: effect.after, head: this.#head };
        return;
      case "outcome":
        assert.ok(this.#pending !== undefined && this.rules.isExactlyOnce, "an outcome answers a request");
        this.#checkOutcome(this.#pending, effect);
        this.#pending = undefined;
        return;
      case "deadLetter":
        this.#checkDeadLetter(effect);
        return;
      case "deliver":
        this.#checkDelivery(effect);
        return;
    }
  }

  /** The first of a key that is due fails; those behind it end with it. */
  #expire(): void {
    const due = [...this.#leases].filter(([, lease]) => lease.deadlineAtMs <= this.#nowMs);
    for (const [sequence] of due.sort(([left], [right]) => left - right)) {
      const lease = this.#leases.get(sequence);
      if (lease === undefined) continue;
      this.#fail(sequence);
      this.#extensible.set(sequence, lease.generation);
    }
  }

  #checkDeadLetter(effect: Effect & { kind: "deadLetter" }): void {
    const { deliveryAttemptsMax } = this.rules;
    assert.ok(deliveryAttemptsMax !== undefined, "there is a dead-letter policy");
    assert.equal(effect.sequences.length, effect.failures.length);
    effect.sequences.forEach((sequence, index) => {
      const failures = effect.failures[index]!;
      assert.ok(index === 0 || effect.sequences[index - 1]! < sequence, "rising sequences");
      assert.ok(!this.#settled.has(sequence), `${sequence} is not settled`);
      assert.ok(!this.#isOut(sequence) || this.#unsure.has(sequence), `${sequence} is not out`);
      assert.ok(!this.#dying.has(sequence), `${sequence} is told once`);
      this.#checkFailures(sequence, failures);
      assert.ok(failures >= deliveryAttemptsMax, `${sequence} has used its attempts`);
      this.#leases.delete(sequence);
      this.#dying.set(sequence, failures);
      const kept = this.#failures.get(sequence);
      if (kept !== undefined) kept.notBeforeMs = this.#nowMs;
    });
    this.#forwarding.push(effect);
  }

  /** S-18.1: strictly as many deliveries as the policy allows. */
  #checkDying(): void {
    const { deliveryAttemptsMax } = this.rules;
    if (deliveryAttemptsMax === undefined) return;
    for (const sequence of this.#failedNow) {
      const kept = this.#failures.get(sequence);
      if (kept === undefined || this.#settled.has(sequence) || this.#isOut(sequence)) continue;
      if (kept.min !== deliveryAttemptsMax || kept.max !== deliveryAttemptsMax) continue;
      assert.ok(this.#dying.has(sequence), `${sequence} has used its attempts and goes to the dead-letter topic`);
    }
  }

  #checkFailures(sequence: number, failures: number): void {
    const kept = this.#failures.get(sequence) ?? { min: 0, max: 0, delayMs: 0, notBeforeMs: 0 };
    assert.ok(
      kept.min <= failures && failures <= kept.max,
      `${sequence} failed ${kept.min} to ${kept.max} times, told is ${failures}`,
    );
    if (this.#failures.has(sequence)) this.#failures.set(sequence, { ...kept, min: failures, max: failures });
  }

  #checkDelivery(effect: Effect & { kind: "deliver" }): void {
    const puller = this.#pullers.get(effect.puller);
    assert.ok(puller?.isReady, "only a ready puller is served");
    puller.isReady = false;
    assert.ok(effect.generation > this.#latestGeneration, "generations rise");
    this.#latestGeneration = effect.generation;
    let messageCount = 0;
    let hasFailures = false;
    for (const run of effect.runs) {
      for (let sequence = run.first; sequence < run.first + run.count; sequence += 1) {
        this.#checkMessage(sequence, effect, puller);
        if (this.#countsFailures) {
          this.#checkFailures(sequence, run.failures);
          hasFailures ||= run.failures > 0;
        } else assert.equal(run.failures, 0, "failures are told where a policy counts them");
        messageCount += 1;
      }
    }
    assert.equal(messageCount, effect.messageCount);
    this.#learn(effect);
    const mustHold = this.rules.isExactlyOnce || (hasFailures && this.rules.deliveryAttemptsMax !== undefined);
    if (mustHold) assert.ok(effect.isHeld, "what is promised is durable first");
    else if (this.rules.deliveryAttemptsMax === undefined) assert.ok(!effect.isHeld, "nothing is waited for");
    if (puller.isOnce) this.#pullers.delete(effect.puller);
  }

  /** What lies before a message that is delivered was met. */
  #learn(effect: Effect & { kind: "deliver" }): void {
    this.#markUnsure();
    const last = Math.max(...effect.runs.map((run) => run.first + run.count - 1));
    for (const sequence of this.#unmet)
      if (sequence < last && !this.#unsure.has(sequence)) this.#unmet.delete(sequence);
  }

  #checkMessage(sequence: number, effect: Effect & { kind: "deliver" }, puller: WorldPuller): void {
    assert.ok(this.#messages.has(sequence), `${sequence} is a message`);
    assert.ok(!this.#settled.has(sequence), `${sequence} is not settled`);
    assert.ok(!this.#dying.has(sequence), `${sequence} is not on its way to the dead-letter topic`);
    assert.ok(!this.#isOut(sequence) || this.#unsure.has(sequence), `${sequence} is not out under a lease`);
    const kept = this.#failures.get(sequence);
    if (kept !== undefined) assert.ok(kept.notBeforeMs <= this.#nowMs, `${sequence} comes after its delay`);
    for (const other of this.#before(sequence)) {
      const lease = this.#leases.get(other);
      assert.ok(lease !== undefined, `${other} of the same key comes before ${sequence}`);
      const isSameBatch = lease.generation === effect.generation;
      if (puller.isExclusive) assert.fail(`${sequence} comes when ${other} of its key is settled`);
      if (puller.isOnce) assert.ok(isSameBatch, `${sequence} waits until ${other} is settled`);
      assert.equal(lease.puller, effect.puller, `${sequence} goes where ${other} of its key is`);
    }
    this.#meet(sequence);
    this.#extensible.delete(sequence);
    const { leaseMs } = puller;
    this.#leases.set(sequence, {
      generation: effect.generation,
      leaseMs,
      deadlineAtMs: this.#nowMs + leaseMs,
      puller: effect.puller,
    });
    if (kept !== undefined) kept.delayMs = 0;
    this.seen.push({ sequence, generation: effect.generation, puller: effect.puller });
  }

  /** What was delivered before and can be again is, as long as somebody can take it. */
  #checkNobodyWaits(): void {
    const isTakerThere = [...this.#pullers].some(
      ([id, puller]) => puller.isReady && this.#outstanding(id) < puller.messagesMax,
    );
    if (!isTakerThere) return;
    for (const { sequence } of this.seen.slice(this.#seenBefore)) {
      if (this.#settled.has(sequence) || this.#leases.has(sequence) || this.#dying.has(sequence)) continue;
      if ((this.#failures.get(sequence)?.notBeforeMs ?? 0) > this.#nowMs) continue;
      assert.ok(this.#before(sequence).length > 0, `${sequence} waits, though somebody could take it`);
    }
  }

  #outstanding(id: PullerId): number {
    let count = 0;
    for (const lease of this.#leases.values()) if (lease.puller === id) count += 1;
    return count;
  }

  #checkCounts(): void {
    const { counts } = this.#subscription;
    let unsettled = 0;
    for (const sequence of this.#messages.keys()) if (!this.#settled.has(sequence)) unsettled += 1;
    assert.ok(counts.backlog >= unsettled, `the backlog is ${counts.backlog}, but ${unsettled} are not settled`);
    // Positions without a message count until the read-ahead has passed them.
    if (counts.uncounted === undefined && !this.#hasGaps)
      assert.equal(counts.backlog, unsettled, "the backlog is exact");
    for (const [sequence, lease] of this.#leases) {
      if (this.#unsure.has(sequence)) continue;
      assert.ok(this.#wakeAtMs <= lease.deadlineAtMs, `the lease of ${sequence} has a wake`);
    }
  }
}
