import { assert } from "./assert.js";
import type { Generation } from "./events.js";
import { SequenceIndex } from "./sequence-index.js";
import { SlotQueue } from "./slot-queue.js";

const CAPACITY_MIN = 64;
/** Shared by all empty tables: an array of its own would cost each idle subscription 200 bytes. */
const NO_DOUBLES = new Float64Array(0);
const NO_WORDS = new Uint32Array(0);
const NO_INTEGERS = new Int32Array(0);
/** Stands for a size not known yet: the lease is from before the start, and the read-ahead has not passed the message. */
const SIZE_UNKNOWN = 0xffff_ffff;

const NO_BYTES = new Uint8Array(0);
const NO_COUNTS = new Uint16Array(0);
const FAILURES_MAX = 0xffff;

/** What a message in the table is doing. */
const LEASED = 1;
/** Can be handed out again. */
const WAITING = 2;
/** Waits for its delay to pass. */
const DELAYED = 3;
/** On its way to the dead-letter topic. */
const DYING = 4;
/** Known from before the start by its failures alone; the read-ahead has yet to meet it. */
const REMEMBERED = 5;

/** The account of leases that count against nobody. */
export const NO_ACCOUNT = -1;

/**
 * The messages that were met and are not settled, each in a slot, by sequence and by deadline.
 *
 *     granted ──▶ leased ──(expired, nacked, returned)──▶ waiting ──(redelivered, extended)──▶ leased
 *                   │  └──(failed, with a policy)──▶ delayed ──┴─▶ …    └──▶ dying ──(could not be forwarded)──▶ delayed
 *                   └──────────────(acked, dropped, forwarded)──────▶ gone
 *
 * A slot is a number; its fields lie in typed arrays, so that a lease costs no object.
 */
export class LeaseTable {
  readonly #index = new SequenceIndex();
  readonly #queue = new SlotQueue();
  #states: Uint8Array = NO_BYTES;
  #sequences: Float64Array = NO_DOUBLES;
  #generations: Float64Array = NO_DOUBLES;
  #sizes: Uint32Array = NO_WORDS;
  #lengthsMs: Uint32Array = NO_WORDS;
  #accounts: Int32Array = NO_INTEGERS;
  /** Empty until a failure is counted. */
  #failures: Uint16Array = NO_COUNTS;
  readonly #freeSlots: number[] = [];
  #slotsUsed = 0;
  #leasedCount = 0;
  #delayedCount = 0;
  #dyingCount = 0;
  #unsizedCount = 0;

  /** Messages out under a lease. */
  get leasedCount(): number {
    return this.#leasedCount;
  }

  /** Messages that are not out, for whatever reason. */
  get waitingCount(): number {
    return this.#index.size - this.#leasedCount;
  }

  /** Of those, messages whose delay has not passed. */
  get delayedCount(): number {
    return this.#delayedCount;
  }

  /** Of those, messages on their way to the dead-letter topic. */
  get dyingCount(): number {
    return this.#dyingCount;
  }

  /** Messages known from before the start that the read-ahead has not met: their size is not known. */
  get unsizedCount(): number {
    return this.#unsizedCount;
  }

  get nextDeadlineAtMs(): number {
    return this.#queue.nextDeadlineAtMs;
  }

  /** The slot that waits longest for redelivery, or -1; those set aside are not among them. */
  get firstWaiting(): number {
    return this.#queue.firstWaiting;
  }

  /** The slot whose lease or delay ends first, or -1. */
  get firstDue(): number {
    return this.#queue.firstDue;
  }

  /** The slot of `sequence`, or -1. */
  find(sequence: number): number {
    return this.#index.find(sequence);
  }

  isLeased(slot: number): boolean {
    return this.#states[slot] === LEASED;
  }

  isDelayed(slot: number): boolean {
    return this.#states[slot] === DELAYED;
  }

  isDying(slot: number): boolean {
    return this.#states[slot] === DYING;
  }

  /** Deliveries that failed, as far as they were counted. */
  failures(slot: number): number {
    return this.#failures[slot] ?? 0;
  }

  /** The same by sequence; 0 for a message that is not here. */
  failuresOf(sequence: number): number {
    const slot = this.#failures.length === 0 ? -1 : this.#index.find(sequence);
    return slot === -1 ? 0 : this.failures(slot);
  }

  countFailure(slot: number): void {
    this.#setFailures(slot, Math.min(this.failures(slot) + 1, FAILURES_MAX));
  }

  forgetFailures(slot: number): void {
    this.#setFailures(slot, 0);
  }

  /** Whether the message is out under a lease of this generation. */
  isLeasedUnder(sequence: number, generation: Generation): boolean {
    const slot = this.#index.find(sequence);
    return slot !== -1 && this.#states[slot] === LEASED && this.#generations[slot] === generation;
  }

  isSized(slot: number): boolean {
    return this.#sizes[slot] !== SIZE_UNKNOWN;
  }

  sequence(slot: number): number {
    return this.#sequences[slot]!;
  }

  generation(slot: number): Generation {
    return this.#generations[slot]!;
  }

  /** In bytes; 0 where it is not known. */
  sizeBytes(slot: number): number {
    const size = this.#sizes[slot]!;
    return size === SIZE_UNKNOWN ? 0 : size;
  }

  account(slot: number): number {
    return this.#accounts[slot]!;
  }

  /** Grants a lease on a message that is not here. `account` is who it counts against, or `NO_ACCOUNT`. @returns Its slot. */
  grant(
    sequence: number,
    generation: Generation,
    account: number,
    sizeBytes: number,
    leaseMs: number,
    deadlineAtMs: number,
  ): number {
    const slot = this.#add(sequence, sizeBytes);
    this.#lease(slot, generation, account, leaseMs, deadlineAtMs);
    return slot;
  }

  /** Grants a lease on a message that has not been handed out since the start; it counts against nobody. */
  grantUnsized(sequence: number, generation: Generation, leaseMs: number, deadlineAtMs: number): void {
    this.grant(sequence, generation, NO_ACCOUNT, SIZE_UNKNOWN, leaseMs, deadlineAtMs);
    this.#unsizedCount += 1;
  }

  /**
   * Remembers the failures of a message that the read-ahead has yet to meet. Where it has a lease from before the start,
   * that goes on; else it waits until it is met, and until its delay has passed.
   */
  remember(sequence: number, failures: number, delayMs: number, delayEndsAtMs: number): void {
    const known = this.#index.find(sequence);
    if (known !== -1) {
      this.#setFailures(known, failures);
      return;
    }
    const slot = this.#add(sequence, SIZE_UNKNOWN);
    this.#unsizedCount += 1;
    this.#generations[slot] = Number.POSITIVE_INFINITY;
    this.#setFailures(slot, failures);
    if (delayMs > 0) this.#delay(slot, delayMs, delayEndsAtMs);
    else this.#rest(slot, REMEMBERED);
  }

  /** Takes up a message that waits without ever having been out. */
  park(sequence: number, sizeBytes: number): number {
    const slot = this.#add(sequence, sizeBytes);
    this.#generations[slot] = Number.POSITIVE_INFINITY;
    this.#rest(slot, WAITING);
    return slot;
  }

  /** Grants a lease on a message that is not out. */
  grantAgain(slot: number, generation: Generation, account: number, leaseMs: number, deadlineAtMs: number): void {
    assert(!this.isLeased(slot), "only a message that is not out is leased again");
    this.#leave(slot);
    this.#lease(slot, generation, account, leaseMs, deadlineAtMs);
  }

  /** Gives a living lease a new length. */
  extend(slot: number, generation: Generation, leaseMs: number, deadlineAtMs: number): void {
    this.#leave(slot);
    this.#lease(slot, generation, this.#accounts[slot]!, leaseMs, deadlineAtMs);
  }

  /** Ends a lease unsettled: its message waits, in turn or set aside. With `isVoid` no id of before extends it again. */
  end(slot: number, isVoid: boolean, isAside = false): void {
    assert(this.isLeased(slot) && this.isSized(slot), "only a lease that is known in full ends");
    if (isVoid) this.#generations[slot] = Number.POSITIVE_INFINITY;
    this.wait(slot, isAside);
  }

  /** Ends the lease of a message that the read-ahead has yet to meet, and remembers its failures. */
  endUnsized(slot: number, isVoid: boolean): void {
    assert(this.isLeased(slot) && !this.isSized(slot), "its size is not known");
    if (isVoid) this.#generations[slot] = Number.POSITIVE_INFINITY;
    this.#leave(slot);
    this.#rest(slot, REMEMBERED);
  }

  /** The delay of a message that the read-ahead has yet to meet is over. */
  restUnsized(slot: number): void {
    this.#leave(slot);
    this.#rest(slot, REMEMBERED);
  }

  /** The message can be handed out: in turn, or, set aside, by its ordering key. */
  wait(slot: number, isAside: boolean): void {
    this.#leave(slot);
    this.#states[slot] = WAITING;
    this.#accounts[slot] = NO_ACCOUNT;
    if (isAside) this.#queue.setAside(slot);
    else this.#queue.addWaiting(slot);
  }

  /** The message is not handed out before `delayEndsAtMs`, when it comes due. */
  delay(slot: number, delayMs: number, delayEndsAtMs: number): void {
    this.#leave(slot);
    this.#delay(slot, delayMs, delayEndsAtMs);
  }

  /** The message is on its way to the dead-letter topic. */
  die(slot: number): void {
    this.#leave(slot);
    this.#rest(slot, DYING);
    this.#dyingCount += 1;
  }

  /** Forgets the message: it is settled, or can be handed out as if for the first time. */
  remove(slot: number): void {
    if (!this.isSized(slot)) this.#unsizedCount -= 1;
    this.#leave(slot);
    this.#states[slot] = 0;
    if (this.#failures.length > 0) this.#failures[slot] = 0;
    this.#index.remove(this.#sequences[slot]!);
    this.#freeSlots.push(slot);
  }

  /** Says how big a message is that was known without its size. */
  setSize(slot: number, sizeBytes: number): void {
    assert(!this.isSized(slot), "a size is told once");
    this.#sizes[slot] = sizeBytes;
    this.#unsizedCount -= 1;
  }

  /** The length of its lease, or of its delay. */
  leaseMs(slot: number): number {
    return this.#lengthsMs[slot]!;
  }

  deadlineAtMs(slot: number): number {
    return this.#queue.deadlineAtMs(slot);
  }

  /** Visits the slot of every living lease, in no order that means anything. */
  forEachLeased(visit: (slot: number) => void): void {
    for (let slot = 0; slot < this.#slotsUsed; slot += 1) if (this.#states[slot] === LEASED) visit(slot);
  }

  /** Visits the slot of every message whose deliveries have failed, in no order that means anything. */
  forEachFailed(visit: (slot: number) => void): void {
    for (let slot = 0; slot < this.#failures.length; slot += 1) {
      if (this.#failures[slot]! > 0 && this.#states[slot] !== 0) visit(slot);
    }
  }

  /** Visits the slot of every message that is delayed, in no order that means anything. */
  forEachDelayed(visit: (slot: number) => void): void {
    for (let slot = 0; slot < this.#slotsUsed; slot += 1) if (this.#states[slot] === DELAYED) visit(slot);
  }

  /** Visits the slot of every message up to `sequence`, in no order that means anything. */
  forEachUpTo(sequence: number, visit: (slot: number) => void): void {
    for (let slot = 0; slot < this.#slotsUsed; slot += 1) {
      if (this.#states[slot] !== 0 && this.#sequences[slot]! <= sequence) visit(slot);
    }
  }

  /** Visits the parts of a run of sequences that are out under a lease of this generation. */
  forEachLeasedPart(
    run: { readonly first: number; readonly count: number },
    generation: Generation,
    visit: (first: number, count: number) => void,
  ): void {
    const end = run.first + run.count;
    let first = run.first;
    for (let sequence = first; sequence <= end; sequence += 1) {
      if (sequence < end && this.isLeasedUnder(sequence, generation)) continue;
      if (sequence > first) visit(first, sequence - first);
      first = sequence + 1;
    }
  }

  /** Gives the memory of an empty table back; does nothing to one in use. */
  release(): void {
    if (this.#index.size > 0 || this.#sequences.length === 0) return;
    this.clear();
  }

  /** Forgets everything and gives the memory back. */
  clear(): void {
    this.#index.clear();
    this.#queue.clear();
    this.#states = NO_BYTES;
    this.#sequences = NO_DOUBLES;
    this.#generations = NO_DOUBLES;
    this.#sizes = NO_WORDS;
    this.#lengthsMs = NO_WORDS;
    this.#accounts = NO_INTEGERS;
    this.#failures = NO_COUNTS;
    this.#freeSlots.length = 0;
    this.#slotsUsed = 0;
    this.#leasedCount = 0;
    this.#delayedCount = 0;
    this.#dyingCount = 0;
    this.#unsizedCount = 0;
  }

  #add(sequence: number, sizeBytes: number): number {
    const slot = this.#takeSlot();
    this.#sequences[slot] = sequence;
    this.#sizes[slot] = sizeBytes;
    this.#index.add(sequence, slot);
    return slot;
  }

  #lease(slot: number, generation: Generation, account: number, leaseMs: number, deadlineAtMs: number): void {
    this.#states[slot] = LEASED;
    this.#leasedCount += 1;
    this.#generations[slot] = generation;
    this.#accounts[slot] = account;
    this.#lengthsMs[slot] = leaseMs;
    this.#queue.addDue(slot, deadlineAtMs);
  }

  #delay(slot: number, delayMs: number, delayEndsAtMs: number): void {
    this.#states[slot] = DELAYED;
    this.#delayedCount += 1;
    this.#accounts[slot] = NO_ACCOUNT;
    this.#lengthsMs[slot] = delayMs;
    this.#queue.addDue(slot, delayEndsAtMs);
  }

  #rest(slot: number, state: number): void {
    this.#states[slot] = state;
    this.#accounts[slot] = NO_ACCOUNT;
    this.#queue.setAside(slot);
  }

  /** Takes the slot out of its list and its state. */
  #leave(slot: number): void {
    const state = this.#states[slot];
    if (state === LEASED) this.#leasedCount -= 1;
    else if (state === DELAYED) this.#delayedCount -= 1;
    else if (state === DYING) this.#dyingCount -= 1;
    this.#queue.remove(slot);
  }

  #setFailures(slot: number, failures: number): void {
    if (slot >= this.#failures.length) {
      const counts = new Uint16Array(this.#sequences.length);
      counts.set(this.#failures);
      this.#failures = counts;
    }
    this.#failures[slot] = failures;
  }

  #takeSlot(): number {
    const free = this.#freeSlots.pop();
    if (free !== undefined) return free;
    if (this.#slotsUsed === this.#sequences.length) this.#grow();
    this.#slotsUsed += 1;
    return this.#slotsUsed - 1;
  }

  #grow(): void {
    const capacity = Math.max(CAPACITY_MIN, this.#sequences.length * 2);
    this.#states = copied(this.#states, new Uint8Array(capacity));
    this.#sequences = copied(this.#sequences, new Float64Array(capacity));
    this.#generations = copied(this.#generations, new Float64Array(capacity));
    this.#sizes = copied(this.#sizes, new Uint32Array(capacity));
    this.#lengthsMs = copied(this.#lengthsMs, new Uint32Array(capacity));
    this.#accounts = copied(this.#accounts, new Int32Array(capacity));
  }
}

function copied<Numbers extends { set(source: Numbers): void }>(from: Numbers, to: Numbers): Numbers {
  to.set(from);
  return to;
}
