import assert from "node:assert/strict";
import type { BlockView } from "./block-view.js";
import type { DeliveryRules } from "./delivery-rules.js";
import type { Effect, Event, PullerId } from "./events.js";
import type { CoreLimits } from "./limits.js";
import { semanticBlock } from "./semantic-block.test.support.js";
import { type SeenDelivery, SemanticChecks } from "./semantic-checks.test.support.js";
import { type Pending, type PlannedMessage, SemanticState } from "./semantic-state.test.support.js";
import { Subscription } from "./subscription.js";

const RANDOM = 0.5;

/**
 * Ordering, exactly-once, filters, retries, dead letters and seek as service.md part 3 states them, in maps by sequence. Feeds
 * a real `Subscription` the same events and checks each effect against what the statements allow. Jitter is off: the random
 * number is always 0.5.
 *
 * Leases that live through a restart are known to the core by their sequence only, until it reads the block: till then it
 * cannot know their key. Where something of the same key that comes before is handed out meanwhile, the world allows that
 * such a lease has ended, and that it has not (`SemanticState.unsure`).
 */
export class SemanticWorld {
  readonly #limits: CoreLimits;
  readonly #hasGaps: boolean;
  readonly #state: SemanticState;
  readonly #checks: SemanticChecks;
  readonly snapshots: Uint8Array[] = [];
  readonly #snapshotSettled: Set<number>[] = [];
  #blocks: BlockView[] = [];
  #records: Uint8Array[];
  #subscription: Subscription;
  #head = 0;
  #starts = 1;
  #nextPuller = 1;
  #nextRequest = 1;
  #wakeAtMs = Number.POSITIVE_INFINITY;
  /** What was asked for, and how far the log went then: no more is read. */
  #load: { readonly after: number; readonly head: number } | undefined;
  #forwarding: (Effect & { kind: "deadLetter" })[] = [];
  #pending: Pending | undefined;

  /** @param hasGaps - Blocks may leave positions between them without a message. */
  constructor(limits: CoreLimits, rules: DeliveryRules, hasGaps: boolean) {
    this.#limits = limits;
    this.#hasGaps = hasGaps;
    this.#state = new SemanticState(rules);
    this.#checks = new SemanticChecks(this.#state);
    this.#subscription = Subscription.create(0, { startNumber: 1, limits, rules: this.#state.rules });
    this.#records = [this.#subscription.takeCheckpoint(false, 0)];
  }

  get pullers(): readonly PullerId[] {
    return [...this.#checks.pullers.keys()];
  }

  get head(): number {
    return this.#head;
  }

  /** Publish times rise by one with each block. */
  publish(gap: number, planned: readonly PlannedMessage[], isAtHand: boolean): void {
    const publishTimeMs = this.#blocks.length + 1;
    const block = semanticBlock(this.#head + (this.#hasGaps ? gap : 0) + 1, publishTimeMs, planned);
    for (let sequence = this.#head + 1; sequence < block.first; sequence += 1) this.#state.settled.add(sequence);
    for (const [index, message] of planned.entries()) {
      const sequence = block.first + index;
      this.#state.messages.set(sequence, { ...message, publishTimeMs });
      if (!this.#state.isWanted(sequence)) this.#state.settled.add(sequence);
    }
    this.#blocks.push(block);
    this.#head = block.first + block.count - 1;
    this.#step(isAtHand ? { kind: "appended", head: this.#head, block } : { kind: "appended", head: this.#head });
  }

  open(leaseMs: number, isOnce: boolean, isExclusive: boolean, messagesMax: number): PullerId {
    const puller = this.#nextPuller;
    this.#nextPuller += 1;
    this.#checks.pullers.set(puller, { isOnce, isExclusive, messagesMax, leaseMs, isReady: false });
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
    const puller = this.#checks.pullers.get(id);
    if (puller === undefined) return;
    puller.isReady = true;
    this.#step({ kind: "ready", puller: id, maxMessages: messages, maxBytes: 1_000_000 });
  }

  close(id: PullerId): void {
    this.#checks.pullers.delete(id);
    this.#step({ kind: "closed", puller: id });
  }

  giveBackLast(id: PullerId): void {
    const last = this.#checks.seen.at(-1);
    if (last?.puller !== id || !this.#checks.pullers.has(id)) return;
    const returned = [...this.#state.leases.keys()].filter(
      (at) => this.#state.leases.get(at)?.generation === last.generation,
    );
    for (const sequence of returned.sort((left, right) => left - right)) {
      if (!this.#state.leases.has(sequence)) continue;
      this.#state.leases.delete(sequence);
      this.#state.extensible.delete(sequence);
      this.#state.endBehind(sequence);
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
    if (!this.#state.rules.isExactlyOnce) this.#state.ackAtLeastOnce(event);
    this.#ask(event);
  }

  modify(deliveries: readonly SeenDelivery[], leaseMs: number): void {
    // What an id of before the start extends depends on how far the read-ahead is: not told here.
    const known = this.#state.rules.isExactlyOnce ? deliveries : deliveries.filter((one) => this.#isOfThisStart(one));
    const event: Pending = {
      kind: "modified",
      request: this.#takeRequest(),
      sequences: known.map(({ sequence }) => sequence),
      generations: known.map(({ generation }) => generation),
      leaseMs: known.map(() => leaseMs),
    };
    if (!this.#state.rules.isExactlyOnce) this.#state.modifyAtLeastOnce(event);
    this.#ask(event);
  }

  changeRules(change: Partial<DeliveryRules>): void {
    const before = this.#state.rules;
    this.#state.rules = { ...before, ...change, isOrdered: before.isOrdered, filter: before.filter };
    const { backoff, deliveryAttemptsMax } = this.#state.rules;
    const isPolicyGone =
      before.backoff !== undefined || (before.deliveryAttemptsMax !== undefined && deliveryAttemptsMax === undefined);
    for (const [sequence, kept] of this.#state.failures) {
      // RTY-005, S-18.8: nobody asks for the delay any more.
      if (backoff === undefined && isPolicyGone) kept.notBeforeMs = this.#state.nowMs;
      // S-4.3: attempts count from when their policy is set.
      if (before.deliveryAttemptsMax === undefined && deliveryAttemptsMax !== undefined) {
        kept.min = 0;
        kept.max = 0;
        this.#state.touched.add(sequence);
      }
    }
    for (const [sequence, failures] of this.#state.dying) {
      if (deliveryAttemptsMax === undefined || failures < deliveryAttemptsMax) this.#state.dying.delete(sequence);
    }
    this.#step({ kind: "rulesChanged", rules: this.#state.rules });
  }

  /** What the forwarder does with what it was told first. */
  answerForward(isFailing: boolean): void {
    const effect = this.#forwarding.shift();
    if (effect === undefined) return;
    const still = this.#subscription.stillDying(effect.sequences);
    assert.deepEqual(
      still,
      effect.sequences.filter((sequence) => this.#state.dying.has(sequence) && !this.#state.settled.has(sequence)),
    );
    const failures = still.map((sequence) => this.#state.dying.get(sequence) ?? 0);
    for (const sequence of still) this.#state.dying.delete(sequence);
    if (!isFailing) {
      this.#records.push(this.#subscription.deadLetterStep(still));
      if (!this.#state.rules.isExactlyOnce) this.#state.durable.leases.clear();
      for (const sequence of still) {
        this.#state.settled.add(sequence);
        this.#state.durable.settled.add(sequence);
      }
      this.#step({ kind: "deadLettered", sequences: still });
      return;
    }
    for (const [index, sequence] of still.entries()) this.#state.revive(sequence, failures[index]!);
    this.#step({ kind: "deadLetterFailed", sequences: still });
  }

  snapshot(): void {
    // Whether what a seek into the future discards is settled in a snapshot is left open.
    if (this.#state.discardBeforeMs > 0) return;
    this.snapshots.push(this.#subscription.snapshotRecord());
    this.#snapshotSettled.push(new Set([...this.#state.settled].filter((sequence) => this.#state.wasChosen(sequence))));
  }

  /** To a block's time, or to the end: `settledUpTo` is settled, what is retained above it is not. */
  seekToTime(settledUpTo: number, isRetained: boolean, discardsNext: boolean): void {
    // Whether a later seek finds again what is discarded by now, but was not met, is left open.
    if (this.#state.discardBeforeMs > 0 && !isRetained) return;
    const upTo = discardsNext ? this.#head : Math.min(settledUpTo, this.#head);
    const discardBeforeMs = discardsNext ? this.#blocks.length + 3 : 0;
    const settled = new Set<number>();
    for (let sequence = 1; sequence <= this.#head; sequence += 1) {
      const isRevived = isRetained && sequence > this.#state.dropped;
      const isSettled = sequence <= upTo || (!isRevived && this.#state.settled.has(sequence));
      if (isSettled) settled.add(sequence);
    }
    this.#seek(settled, discardBeforeMs, {
      settledUpTo: upTo,
      revivedAbove: isRetained ? this.#state.dropped : Number.POSITIVE_INFINITY,
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
    this.#state.dropped = Math.max(this.#state.dropped, Math.min(upTo, this.#head));
    this.#state.forgetDropped();
    this.#step({ kind: "dropped", floor: this.#state.dropped });
  }

  /** Moves the clock on, stopping at each wake that was asked for. */
  advanceMs(ms: number): void {
    this.#advanceTo(this.#state.nowMs + ms);
  }

  /** The clock moves on, but the wake comes late. */
  lag(ms: number): void {
    this.#state.nowMs += ms;
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
    for (const sequence of this.#state.messages.keys()) {
      const isInRange = sequence > after && sequence <= upTo;
      if (isInRange && !this.#state.isWanted(sequence) && !this.#subscription.isSettled(sequence)) unmatched += 1;
    }
    this.#step({ kind: "counted", after, upTo, unmatched });
  }

  takeStep(): void {
    const record = this.#subscription.takeStep();
    if (record === undefined) return;
    this.#records.push(record);
    this.#state.remember(this.#state.touched);
  }

  takeCheckpoint(): void {
    this.#records = [this.#subscription.takeCheckpoint(false, this.#state.nowMs)];
    this.#state.durable.failures.clear();
    this.#state.remember(this.#state.failures.keys());
  }

  /** Ends the server and starts it anew. A clean stop writes all down; after a kill what no record tells is lost. */
  restart(isClean: boolean): void {
    if (isClean) {
      this.#records = [this.#subscription.takeCheckpoint(true, this.#state.nowMs)];
      this.#state.durable.failures.clear();
      this.#state.remember(this.#state.failures.keys(), true);
    }
    const durable = this.#state.durable;
    this.#state.settled.clear();
    for (let sequence = 1; sequence <= this.#head; sequence += 1) {
      const isSettled = durable.settled.has(sequence) || !this.#state.wasChosenAt(sequence, durable.discardBeforeMs);
      if (isSettled) this.#state.settled.add(sequence);
    }
    this.#state.leases.clear();
    this.#state.unmet.clear();
    this.#state.unsure.clear();
    this.#state.failures.clear();
    this.#state.dying.clear();
    this.#state.touched.clear();
    this.#state.ackedIds.clear();
    this.#state.extensible.clear();
    this.#checks.seenBefore = this.#checks.seen.length;
    this.#checks.pullers.clear();
    this.#forwarding = [];
    this.#state.voidGeneration = durable.voidGeneration;
    this.#state.discardBeforeMs = durable.discardBeforeMs;
    this.#load = undefined;
    this.#pending = undefined;
    this.#starts += 1;
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    for (const [sequence, { min, max, delayMs }] of durable.failures) {
      if (this.#state.settled.has(sequence)) continue;
      this.#state.failures.set(sequence, { min, max, delayMs, notBeforeMs: this.#state.nowMs + delayMs });
    }
    for (const [sequence, { generation, leaseMs }] of durable.leases) {
      if (this.#state.settled.has(sequence) || sequence <= this.#state.dropped) continue;
      const deadlineAtMs = this.#state.nowMs + leaseMs;
      this.#state.leases.set(sequence, { generation, leaseMs, deadlineAtMs, puller: undefined });
      this.#state.unmet.add(sequence);
    }
    const options = { startNumber: this.#starts, limits: this.#limits, rules: this.#state.rules };
    this.#subscription = Subscription.restore(this.#records, this.#head, options, this.#state.nowMs);
    this.#state.forgetDropped();
    this.#step({ kind: "dropped", floor: this.#state.dropped });
  }

  /** When all is quiet: what is not settled comes, and when that is acked, nothing is left. */
  drain(): void {
    for (const id of this.pullers) this.close(id);
    this.changeRules({ deliveryAttemptsMax: undefined });
    while (this.#forwarding.length > 0) this.answerForward(false);
    const puller = this.open(600_000, false, false, 1_000);
    let taken = this.#checks.seen.length;
    for (let turn = 0; turn < 300; turn += 1) {
      this.ready(puller, 100);
      this.answerLoad(false);
      const batch = this.#checks.seen.slice(taken);
      taken = this.#checks.seen.length;
      if (batch.length > 0) this.ack(batch);
      this.advanceMs(turn % 10 === 0 ? 600_000 : 300);
    }
    for (const sequence of this.#state.messages.keys()) {
      assert.ok(this.#state.settled.has(sequence), `message ${sequence} is lost`);
    }
    const { backlog, outstanding, blocked } = this.#subscription.counts;
    assert.deepEqual({ backlog, outstanding, blocked }, { backlog: 0, outstanding: 0, blocked: 0 });
    assert.equal(this.#subscription.floor, this.#head);
  }

  #isOfThisStart(delivery: SeenDelivery): boolean {
    return this.#checks.seen.indexOf(delivery) >= this.#checks.seenBefore;
  }

  #takeRequest(): number {
    this.#nextRequest += 1;
    return this.#nextRequest;
  }

  #ask(event: Pending): void {
    this.#pending = event;
    this.#step(event);
    if (this.#state.rules.isExactlyOnce) assert.equal(this.#pending, undefined, "an outcome follows in the same step");
    this.#pending = undefined;
  }

  #seek(settled: Set<number>, discardBeforeMs: number, plan: Parameters<Subscription["planSeek"]>[0]): void {
    const record = this.#subscription.planSeek(plan);
    this.#records = [record];
    this.#state.settled.clear();
    this.#state.discardBeforeMs = discardBeforeMs;
    for (let sequence = 1; sequence <= this.#head; sequence += 1) {
      if (settled.has(sequence) || !this.#state.isWanted(sequence)) this.#state.settled.add(sequence);
    }
    this.#state.leases.clear();
    this.#state.unmet.clear();
    this.#state.unsure.clear();
    this.#state.failures.clear();
    this.#state.touched.clear();
    this.#state.dying.clear();
    this.#state.ackedIds.clear();
    this.#state.extensible.clear();
    this.#forwarding = [];
    this.#state.voidGeneration = this.#checks.latestGeneration;
    this.#checks.seenBefore = this.#checks.seen.length;
    this.#state.durable = this.#state.freeze();
    this.#step({ kind: "sought", record });
    this.#state.forgetDropped();
    this.#step({ kind: "dropped", floor: this.#state.dropped });
  }

  #advanceTo(atMs: number): void {
    while (this.#wakeAtMs <= atMs) {
      this.#state.nowMs = Math.max(this.#state.nowMs, this.#wakeAtMs);
      this.#wakeAtMs = Number.POSITIVE_INFINITY;
      this.#step({ kind: "ticked" });
    }
    this.#state.nowMs = Math.max(this.#state.nowMs, atMs);
  }

  #step(event: Event): void {
    const effects = this.#subscription.step(event, { nowMs: this.#state.nowMs, random: () => RANDOM });
    let isPersistAsked = false;
    let isExpired = false;
    for (const effect of effects) {
      if (effect.kind !== "outcome" && !isExpired && effect.kind !== "persist") {
        isExpired = true;
        this.#state.expire();
      }
      if (effect.kind === "persist") isPersistAsked = true;
      else this.#checkEffect(effect);
    }
    if (!isExpired) this.#state.expire();
    this.#state.markUnsure();
    if (isPersistAsked) assert.ok(this.#subscription.isDirty, "persist is asked for something");
    this.#checks.checkDying();
    this.#state.failedNow.clear();
    this.#checks.checkNobodyWaits();
    this.#checkCounts();
    this.#advanceTo(this.#state.nowMs);
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
        assert.ok(this.#pending !== undefined && this.#state.rules.isExactlyOnce, "an outcome answers a request");
        this.#checks.checkOutcome(this.#pending, effect);
        this.#pending = undefined;
        return;
      case "deadLetter":
        this.#checks.checkDeadLetter(effect);
        this.#forwarding.push(effect);
        return;
      case "deliver":
        this.#checks.checkDelivery(effect);
        return;
    }
  }

  #checkCounts(): void {
    const { counts } = this.#subscription;
    let unsettled = 0;
    for (const sequence of this.#state.messages.keys()) if (!this.#state.settled.has(sequence)) unsettled += 1;
    assert.ok(counts.backlog >= unsettled, `the backlog is ${counts.backlog}, but ${unsettled} are not settled`);
    // Positions without a message count until the read-ahead has passed them.
    if (counts.uncounted === undefined && !this.#hasGaps)
      assert.equal(counts.backlog, unsettled, "the backlog is exact");
    for (const [sequence, lease] of this.#state.leases) {
      if (this.#state.unsure.has(sequence)) continue;
      assert.ok(this.#wakeAtMs <= lease.deadlineAtMs, `the lease of ${sequence} has a wake`);
    }
  }

  /** All deliveries, in order. */
  get seen(): readonly SeenDelivery[] {
    return this.#checks.seen;
  }
}
