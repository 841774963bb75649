import type { DeliveryRules } from "./delivery-rules.js";
import type { Event, PullerId } from "./events.js";

/** What a publisher said of a message. */
export interface PlannedMessage {
  /** "" for none. */
  readonly key: string;
  readonly isMatching: boolean;
}

interface Message extends PlannedMessage {
  readonly publishTimeMs: number;
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

/** What is asked about ids. */
export type Pending = (Event & { kind: "acked" }) | (Event & { kind: "modified" });

/** What becomes of a subscription's messages as service.md part 3 states it, in maps by sequence. */
export class SemanticState {
  rules: DeliveryRules;
  readonly messages = new Map<number, Message>();
  /** Acked, filtered out, discarded, dead-lettered or never a message. */
  readonly settled = new Set<number>();
  readonly leases = new Map<number, WorldLease>();
  readonly failures = new Map<number, Failures>();
  readonly touched = new Set<number>();
  /** Failed since the last step. */
  readonly failedNow = new Set<number>();
  readonly dying = new Map<number, number>();
  /** Acked under exactly-once: `sequence:generation`, and when. */
  readonly ackedIds = new Map<string, number>();
  /** Whose lease ran out and that were not handed out since, with the generation that may still extend them (S-3.6). */
  readonly extensible = new Map<number, number>();
  /** Leased before the last restart and not delivered since. */
  readonly unmet = new Set<number>();
  /** Those of them that may have ended with something of their key. */
  readonly unsure = new Set<number>();
  durable: Durable;
  voidGeneration = -1;
  discardBeforeMs = 0;
  /** Everything at or below is past retention. */
  dropped = 0;
  nowMs = 0;

  constructor(rules: DeliveryRules) {
    this.rules = rules;
    this.durable = this.freeze();
  }

  get isFiltered(): boolean {
    return this.rules.filter !== undefined;
  }

  get countsFailures(): boolean {
    return this.rules.backoff !== undefined || this.rules.deliveryAttemptsMax !== undefined;
  }

  forgetDropped(): void {
    for (let sequence = 1; sequence <= this.dropped; sequence += 1) {
      this.settled.add(sequence);
      this.failures.delete(sequence);
      this.dying.delete(sequence);
      this.extensible.delete(sequence);
    }
  }

  /** Whether the subscription gets the message at all, by its filter and the time of its last seek. */
  isWanted(sequence: number): boolean {
    return this.wasChosenAt(sequence, this.discardBeforeMs);
  }

  wasChosenAt(sequence: number, discardBeforeMs: number): boolean {
    const message = this.messages.get(sequence);
    if (message === undefined || message.publishTimeMs < discardBeforeMs) return false;
    return !this.isFiltered || message.isMatching;
  }

  /** Whether a snapshot tells that the message is settled: an ack did it, not a filter. */
  wasChosen(sequence: number): boolean {
    return this.messages.has(sequence);
  }

  isOut(sequence: number): boolean {
    const lease = this.leases.get(sequence);
    return lease !== undefined && lease.deadlineAtMs > this.nowMs;
  }

  keyOf(sequence: number): string {
    return this.rules.isOrdered ? (this.messages.get(sequence)?.key ?? "") : "";
  }

  /** Unsettled messages of the same key that come before. */
  before(sequence: number): number[] {
    const key = this.keyOf(sequence);
    if (key === "") return [];
    const found: number[] = [];
    for (const other of this.messages.keys()) {
      if (other < sequence && !this.settled.has(other) && this.keyOf(other) === key) found.push(other);
    }
    return found;
  }

  /** S-9.5: leases behind a failed message of its key end, without a failure of their own. */
  endBehind(sequence: number): void {
    const key = this.keyOf(sequence);
    if (key === "") return;
    for (const other of this.leases.keys()) {
      if (other <= sequence || this.keyOf(other) !== key) continue;
      // The core may not know yet that they share a key: then it lives on for now.
      if (this.unmet.has(other)) this.unsure.add(other);
      else this.leases.delete(other);
      this.extensible.delete(other);
    }
  }

  /** A lease from before the restart does not outlive what comes before it in its key. */
  markUnsure(): void {
    for (const sequence of this.unmet) {
      const generation = this.leases.get(sequence)?.generation ?? 0;
      const isOvertaken = this.before(sequence).some((other) => {
        const lease = this.leases.get(other);
        return lease === undefined || lease.generation > generation;
      });
      if (isOvertaken) this.unsure.add(sequence);
    }
  }

  fail(sequence: number): void {
    this.leases.delete(sequence);
    if (sequence <= this.dropped) {
      this.meet(sequence);
      return;
    }
    this.extensible.delete(sequence);
    const isUnsure = this.unsure.has(sequence);
    this.meet(sequence);
    if (this.countsFailures) {
      const kept = this.failures.get(sequence) ?? { min: 0, max: 0, delayMs: 0, notBeforeMs: this.nowMs };
      kept.max += 1;
      if (!isUnsure) kept.min += 1;
      kept.delayMs = kept.min === kept.max ? this.delayMs(kept.max) : 0;
      kept.notBeforeMs = this.nowMs + kept.delayMs;
      this.failures.set(sequence, kept);
      this.touched.add(sequence);
      this.failedNow.add(sequence);
    }
    this.endBehind(sequence);
  }

  /** S-18.4: it is delivered again; each time it cannot be forwarded it waits longer for that. */
  revive(sequence: number, failures: number): void {
    const { backoff, deliveryAttemptsMax = failures } = this.rules;
    const own = backoff === undefined ? 0 : Math.min(backoff.maximumMs, backoff.minimumMs * 2 ** (failures - 1));
    const delayMs = Math.max(own, Math.min(60_000, 1_000 * 2 ** (failures - deliveryAttemptsMax)));
    this.failures.set(sequence, { min: failures, max: failures, delayMs, notBeforeMs: this.nowMs + delayMs });
    this.touched.add(sequence);
  }

  delayMs(failures: number): number {
    const { backoff, deliveryAttemptsMax } = this.rules;
    if (backoff === undefined) return 0;
    if (deliveryAttemptsMax !== undefined && failures >= deliveryAttemptsMax) return 0;
    return Math.min(backoff.maximumMs, backoff.minimumMs * 2 ** (failures - 1));
  }

  /** What was open of a lease from before the restart is settled. */
  meet(sequence: number): void {
    this.unmet.delete(sequence);
    this.unsure.delete(sequence);
  }

  settle(sequence: number): void {
    this.settled.add(sequence);
    this.leases.delete(sequence);
    this.meet(sequence);
    this.dying.delete(sequence);
    this.failures.delete(sequence);
  }

  ackAtLeastOnce(event: Event & { kind: "acked" }): void {
    event.sequences.forEach((sequence, index) => {
      if (event.generations[index]! > this.voidGeneration) this.settle(sequence);
    });
  }

  modifyAtLeastOnce(event: Event & { kind: "modified" }): void {
    for (const index of this.orderOf(event)) {
      const sequence = event.sequences[index]!;
      const generation = event.generations[index]!;
      const leaseMs = event.leaseMs[index]!;
      const lease = this.leases.get(sequence);
      if (generation <= this.voidGeneration) continue;
      if (lease?.generation !== generation) {
        if (leaseMs > 0) this.extendLate(sequence, generation, leaseMs);
        continue;
      }
      if (leaseMs === 0) this.fail(sequence);
      else {
        lease.leaseMs = leaseMs;
        lease.deadlineAtMs = this.nowMs + leaseMs;
      }
    }
  }

  /** By sequence where there is an order: the first of a key fails, and the others end with it. */
  orderOf(event: Pending): number[] {
    const order = event.sequences.map((_, index) => index);
    if (this.rules.isOrdered) order.sort((left, right) => event.sequences[left]! - event.sequences[right]!);
    return order;
  }

  /** S-3.6; of an ordering key only in turn. */
  extendLate(sequence: number, generation: number, leaseMs: number): void {
    if (this.extensible.get(sequence) !== generation || this.dying.has(sequence) || this.settled.has(sequence)) return;
    if (this.before(sequence).some((other) => !this.leases.has(other))) return;
    this.leases.set(sequence, { generation, leaseMs, deadlineAtMs: this.nowMs + leaseMs, puller: undefined });
    const kept = this.failures.get(sequence);
    if (kept !== undefined) kept.notBeforeMs = this.nowMs;
  }

  isLiving(sequence: number, generation: number): boolean {
    const isVoid = generation <= this.voidGeneration;
    return !isVoid && this.isOut(sequence) && this.leases.get(sequence)?.generation === generation;
  }

  freeze(): Durable {
    return {
      settled: new Set(this.settled),
      failures: new Map(),
      leases: new Map(),
      voidGeneration: this.voidGeneration,
      discardBeforeMs: this.discardBeforeMs,
    };
  }

  /** A record of all that changed is written: of `failed` what is known of their failures. */
  remember(failed: Iterable<number>, keepsLeases = false): void {
    const { failures } = this.durable;
    for (const sequence of failed) {
      const kept = this.failures.get(sequence);
      if (kept === undefined) continue;
      const isDelayed = kept.notBeforeMs > this.nowMs && !this.isOut(sequence);
      failures.set(sequence, { min: kept.min, max: kept.max, delayMs: isDelayed ? kept.delayMs : 0 });
    }
    this.touched.clear();
    const durable = this.freeze();
    for (const [sequence, { generation, leaseMs }] of this.leases) {
      const isKept = this.rules.isExactlyOnce || (keepsLeases && this.isOut(sequence));
      if (isKept) durable.leases.set(sequence, { generation, leaseMs });
    }
    this.durable = { ...durable, failures };
  }

  /** The first of a key that is due fails; those behind it end with it. */
  expire(): void {
    const due = [...this.leases].filter(([, lease]) => lease.deadlineAtMs <= this.nowMs);
    for (const [sequence] of due.sort(([left], [right]) => left - right)) {
      const lease = this.leases.get(sequence);
      if (lease === undefined) continue;
      this.fail(sequence);
      this.extensible.set(sequence, lease.generation);
    }
  }
}
