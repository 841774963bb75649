import assert from "node:assert/strict";
import type { BlockView } from "./block-view.js";
import type { Effect, Event, PullerId } from "./events.js";
import type { CoreLimits } from "./limits.js";
import { plainBlock } from "./plain-block.test.support.js";
import { Subscription } from "./subscription.js";

/** One delivery of a message, as a client remembers it. */
export interface Delivery {
  readonly sequence: number;
  readonly generation: number;
  readonly puller: PullerId;
}

interface NaiveLease {
  generation: number;
  leaseMs: number;
  deadlineAtMs: number;
  sizeBytes: number;
  /** Who it counts against. */
  puller: PullerId | undefined;
}

interface NaivePuller {
  readonly messagesMax: number;
  readonly bytesMax: number;
  readonly isOnce: boolean;
  leaseMs: number;
  ready: { readonly messages: number; readonly bytes: number } | undefined;
}

/**
 * A subscription, its topic's log and its pullers in the plainest form there is: maps from sequences. Feeds a real
 * `Subscription` the same events, and checks each effect against what the plain state allows.
 */
export class NaiveWorld {
  readonly #limits: CoreLimits;
  readonly #sizes = new Map<number, number>();
  readonly #acked = new Set<number>();
  readonly #durableAcks = new Set<number>();
  readonly #leases = new Map<number, NaiveLease>();
  readonly #pullers = new Map<PullerId, NaivePuller>();
  /** What a clean stop wrote down, until the next record. */
  readonly #keptLeases = new Map<number, NaiveLease>();
  readonly deliveries: Delivery[] = [];
  #blocks: BlockView[] = [];
  #records: Uint8Array[] = [];
  #subscription: Subscription;
  #head = 0;
  #dropped = 0;
  #starts = 1;
  #nextPuller = 1;
  #nowMs = 0;
  #wakeAtMs = Number.POSITIVE_INFINITY;
  #load: (Effect & { kind: "load" }) | undefined;

  constructor(limits: CoreLimits) {
    this.#limits = limits;
    this.#subscription = Subscription.create(0, { startNumber: 1, limits });
    this.#records = [this.#subscription.takeCheckpoint(false, 0)];
  }

  get pullers(): readonly PullerId[] {
    return [...this.#pullers.keys()];
  }

  publish(gap: number, sizes: readonly number[], isAtHand: boolean): void {
    const block = plainBlock(this.#head + gap + 1, sizes);
    for (const [index, size] of sizes.entries()) this.#sizes.set(block.first + index, size);
    this.#blocks.push(block);
    this.#head = block.first + block.count - 1;
    this.#step(isAtHand ? { kind: "appended", head: this.#head, block } : { kind: "appended", head: this.#head });
  }

  open(messagesMax: number, bytesMax: number, leaseMs: number, isOnce: boolean): PullerId {
    const puller = this.#nextPuller;
    this.#nextPuller += 1;
    this.#pullers.set(puller, { messagesMax, bytesMax, isOnce, leaseMs, ready: undefined });
    this.#step({
      kind: "opened",
      puller,
      maxOutstandingMessages: messagesMax,
      maxOutstandingBytes: bytesMax,
      leaseMs,
      isOnce,
      isKeyExclusive: false,
      clientId: "",
    });
    return puller;
  }

  ready(id: PullerId, messages: number, bytes: number): void {
    const puller = this.#pullers.get(id);
    if (puller === undefined) return;
    puller.ready = { messages, bytes };
    this.#step({ kind: "ready", puller: id, maxMessages: messages, maxBytes: bytes });
  }

  setLeaseLength(id: PullerId, leaseMs: number): void {
    const puller = this.#pullers.get(id);
    if (puller === undefined) return;
    puller.leaseMs = leaseMs;
    this.#step({ kind: "leaseLengthChanged", puller: id, leaseMs });
  }

  close(id: PullerId): void {
    this.#pullers.delete(id);
    for (const lease of this.#leases.values()) if (lease.puller === id) lease.puller = undefined;
    this.#step({ kind: "closed", puller: id });
  }

  ack(deliveries: readonly Delivery[]): void {
    for (const { sequence } of deliveries) {
      this.#acked.add(sequence);
      this.#leases.delete(sequence);
    }
    this.#step({
      kind: "acked",
      request: 0,
      sequences: deliveries.map(({ sequence }) => sequence),
      generations: deliveries.map(({ generation }) => generation),
    });
  }

  modify(deliveries: readonly Delivery[], leaseMs: number): void {
    for (const { sequence, generation } of deliveries) this.#modifyOne(sequence, generation, leaseMs);
    this.#step({
      kind: "modified",
      request: 0,
      sequences: deliveries.map(({ sequence }) => sequence),
      generations: deliveries.map(({ generation }) => generation),
      leaseMs: deliveries.map(() => leaseMs),
    });
  }

  giveBackLast(id: PullerId): void {
    const last = this.deliveries.at(-1);
    if (last?.puller !== id || !this.#pullers.has(id)) return;
    for (const lease of this.#leases.values()) {
      if (lease.generation === last.generation) this.#end(lease);
    }
    this.#step({ kind: "returned", puller: id, generation: last.generation });
  }

  drop(upTo: number): void {
    this.#dropped = Math.max(this.#dropped, Math.min(upTo, this.#head));
    this.#blocks = this.#blocks.filter((block) => block.first + block.count - 1 > this.#dropped);
    for (const [sequence, lease] of this.#leases) {
      const isOut = lease.deadlineAtMs > this.#nowMs;
      if (sequence <= this.#dropped && !isOut) this.#leases.delete(sequence);
    }
    this.#step({ kind: "dropped", floor: this.#dropped });
  }

  /** Moves the clock to `atMs`, stopping at each wake that was asked for. */
  advanceTo(atMs: number): void {
    while (this.#wakeAtMs <= atMs) {
      this.#nowMs = Math.max(this.#nowMs, this.#wakeAtMs);
      this.#wakeAtMs = Number.POSITIVE_INFINITY;
      this.#step({ kind: "ticked" });
    }
    this.#nowMs = Math.max(this.#nowMs, atMs);
  }

  advanceMs(ms: number): void {
    this.advanceTo(this.#nowMs + ms);
  }

  answerLoad(isFailing: boolean): void {
    const load = this.#load;
    if (load === undefined) return;
    this.#load = undefined;
    if (isFailing) {
      this.#step({ kind: "loadFailed", after: load.after });
      return;
    }
    const blocks: BlockView[] = [];
    let bytes = 0;
    for (const block of this.#blocks) {
      if (block.first + block.count - 1 <= load.after) continue;
      if (blocks.length > 0 && bytes >= load.maxBytes) break;
      blocks.push(block);
      for (let index = 0; index < block.count; index += 1) bytes += block.sizeBytes(index);
    }
    const isEnd = blocks.at(-1) === this.#blocks.at(-1);
    this.#step({ kind: "loaded", after: load.after, blocks, isEnd });
  }

  takeStep(): void {
    const record = this.#subscription.takeStep();
    for (const sequence of this.#acked) this.#durableAcks.add(sequence);
    if (record !== undefined) {
      this.#records.push(record);
      this.#keptLeases.clear();
    }
    assert.equal(this.#subscription.takeStep(), undefined);
  }

  takeCheckpoint(): void {
    this.#records = [this.#subscription.takeCheckpoint(false, this.#nowMs)];
    this.#keptLeases.clear();
    for (const sequence of this.#acked) this.#durableAcks.add(sequence);
  }

  /** Ends the server and starts it anew: after a clean stop the leases live on, after a kill what was not written is lost. */
  restart(isClean: boolean): void {
    for (const lease of this.#leases.values()) lease.puller = undefined;
    if (isClean) {
      this.#records = [this.#subscription.takeCheckpoint(true, this.#nowMs)];
      for (const sequence of this.#acked) this.#durableAcks.add(sequence);
      this.#keptLeases.clear();
      for (const [sequence, lease] of this.#leases) {
        const isKept = lease.deadlineAtMs > this.#nowMs && sequence > this.#dropped;
        if (isKept) this.#keptLeases.set(sequence, { ...lease });
      }
    } else {
      this.#acked.clear();
      for (const sequence of this.#durableAcks) this.#acked.add(sequence);
    }
    this.#leases.clear();
    for (const [sequence, lease] of this.#keptLeases) {
      if (this.#acked.has(sequence)) continue;
      this.#leases.set(sequence, { ...lease, deadlineAtMs: this.#nowMs + lease.leaseMs });
    }
    this.#pullers.clear();
    this.#load = undefined;
    this.#starts += 1;
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    const options = { startNumber: this.#starts, limits: this.#limits };
    this.#subscription = Subscription.restore(this.#records, this.#head, options, this.#nowMs);
    this.#step({ kind: "dropped", floor: this.#dropped });
  }

  /** When all is quiet: what is not settled comes, and when that is acked, nothing is left. */
  drain(): void {
    for (const id of this.pullers) this.close(id);
    this.modify(this.deliveries.slice(-5), 0);
    const puller = this.open(1_000, Number.POSITIVE_INFINITY, 600_000, false);
    let taken = this.deliveries.length;
    for (let turn = 0; turn < 400; turn += 1) {
      this.ready(puller, 100, 10_000);
      this.answerLoad(false);
      const batch = this.deliveries.slice(taken);
      taken = this.deliveries.length;
      this.ack(batch);
      this.advanceMs(turn % 10 === 0 ? 600_000 : 300);
    }
    for (const sequence of this.#sizes.keys()) {
      assert.ok(this.#acked.has(sequence) || sequence <= this.#dropped, `message ${sequence} is lost`);
    }
    assert.equal(this.#subscription.counts.backlog, 0);
    assert.equal(this.#subscription.counts.outstanding, 0);
    assert.equal(this.#subscription.counts.blocked, 0);
    assert.equal(this.#subscription.floor, this.#head);
  }

  #modifyOne(sequence: number, generation: number, leaseMs: number): void {
    if (this.#acked.has(sequence)) return;
    const lease = this.#leases.get(sequence);
    if (lease !== undefined && generation < lease.generation) return;
    if (leaseMs === 0) {
      if (lease !== undefined) this.#end(lease);
      return;
    }
    const isOut = lease !== undefined && lease.deadlineAtMs > this.#nowMs;
    if (!isOut && sequence <= this.#dropped) return;
    const puller = isOut ? lease.puller : undefined;
    const sizeBytes = this.#sizes.get(sequence) ?? 0;
    this.#leases.set(sequence, { generation, leaseMs, deadlineAtMs: this.#nowMs + leaseMs, sizeBytes, puller });
  }

  #end(lease: NaiveLease): void {
    if (lease.deadlineAtMs <= this.#nowMs) return;
    lease.deadlineAtMs = Number.NEGATIVE_INFINITY;
    // Its id is void: it cannot be extended any more.
    lease.generation = Number.POSITIVE_INFINITY;
    lease.puller = undefined;
  }

  #step(event: Event): void {
    const effects = this.#subscription.step(event, { nowMs: this.#nowMs, random: () => 0.5 });
    let isPersistAsked = false;
    for (const effect of effects) {
      if (effect.kind === "deliver") this.#checkDelivery(effect);
      else if (effect.kind === "wake") this.#wakeAtMs = effect.atMs;
      else if (effect.kind === "load") {
        assert.equal(this.#load, undefined, "one load at a time");
        this.#load = effect;
      } else isPersistAsked = true;
    }
    if (isPersistAsked) assert.ok(this.#subscription.isDirty);
    this.#checkCounts();
  }

  #checkDelivery(effect: Effect & { kind: "deliver" }): void {
    const puller = this.#pullers.get(effect.puller);
    assert.ok(puller?.ready !== undefined, "only a ready puller is served");
    let messages = 0;
    let bytes = 0;
    let last = 0;
    for (const lease of this.#leases.values()) if (lease.deadlineAtMs <= this.#nowMs) lease.puller = undefined;
    for (const run of effect.runs) {
      for (let sequence = run.first; sequence < run.first + run.count; sequence += 1) {
        last = this.#checkMessage(sequence, effect, puller);
        messages += 1;
        bytes += last;
        if (run.block !== undefined) assert.equal(run.block.sizeBytes(sequence - run.block.first), last);
      }
    }
    assert.equal(messages, effect.messageCount);
    assert.ok(messages <= puller.ready.messages && messages > 0);
    assert.ok(bytes <= puller.ready.bytes || messages === 1);
    const out = [...this.#leases.values()].filter((lease) => lease.puller === effect.puller);
    assert.ok(out.length <= puller.messagesMax, "outstanding messages stay in the window");
    const outBytes = out.reduce((sum, lease) => sum + lease.sizeBytes, 0);
    assert.ok(outBytes - last < puller.bytesMax, "outstanding bytes exceed the window by one message at most");
    puller.ready = undefined;
    if (!puller.isOnce) return;
    this.#pullers.delete(effect.puller);
    for (const lease of out) lease.puller = undefined;
  }

  #checkMessage(sequence: number, effect: Effect & { kind: "deliver" }, puller: NaivePuller): number {
    const sizeBytes = this.#sizes.get(sequence);
    assert.ok(sizeBytes !== undefined, `${sequence} is a message`);
    assert.ok(!this.#acked.has(sequence), `${sequence} is not settled`);
    assert.ok(sequence > this.#dropped, `${sequence} is not dropped`);
    const lease = this.#leases.get(sequence);
    assert.ok(lease === undefined || lease.deadlineAtMs <= this.#nowMs, `${sequence} is not out under a lease`);
    const isRising = lease === undefined || lease.generation < effect.generation;
    assert.ok(isRising || lease.generation === Number.POSITIVE_INFINITY, "generations rise");
    const { leaseMs } = puller;
    const deadlineAtMs = this.#nowMs + leaseMs;
    this.#leases.set(sequence, {
      generation: effect.generation,
      leaseMs,
      deadlineAtMs,
      sizeBytes,
      puller: effect.puller,
    });
    this.deliveries.push({ sequence, generation: effect.generation, puller: effect.puller });
    return sizeBytes;
  }

  #checkCounts(): void {
    const { counts } = this.#subscription;
    const leases = [...this.#leases.values()];
    // A lease that is due may be out still: it ends with the next step.
    assert.ok(counts.outstanding >= leases.filter((lease) => lease.deadlineAtMs > this.#nowMs).length);
    if (counts.outstanding > 0) assert.ok(this.#wakeAtMs < Number.POSITIVE_INFINITY, "a lease has a wake");
    let settled = 0;
    while (this.#acked.has(settled + 1) || settled + 1 <= this.#dropped || !this.#sizes.has(settled + 1)) {
      settled += 1;
      if (settled >= this.#head) break;
    }
    assert.ok(this.#subscription.floor <= Math.max(settled, this.#dropped), "the watermark stays below every hole");
  }
}
