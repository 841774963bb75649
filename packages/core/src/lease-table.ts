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

/** The account of leases that count against nobody. */
export const NO_ACCOUNT = -1;

/**
 * The messages that were handed out and are not settled, each in a slot, by sequence and by deadline.
 *
 *     granted ──▶ leased ──(expired, nacked, returned)──▶ waiting ──(redelivered, extended)──▶ leased
 *                   └──────────────(acked, dropped)──────────┴──▶ gone
 *
 * A slot is a number; its fields lie in typed arrays, so that a lease costs no object.
 */
export class LeaseTable {
  readonly #index = new SequenceIndex();
  readonly #queue = new SlotQueue();
  #sequences: Float64Array = NO_DOUBLES;
  #generations: Float64Array = NO_DOUBLES;
  #sizes: Uint32Array = NO_WORDS;
  #lengthsMs: Uint32Array = NO_WORDS;
  #accounts: Int32Array = NO_INTEGERS;
  readonly #freeSlots: number[] = [];
  #slotsUsed = 0;
  #waitingCount = 0;
  #unsizedCount = 0;

  /** Messages out under a lease. */
  get leasedCount(): number {
    return this.#index.size - this.#waitingCount;
  }

  /** Messages whose lease has ended and that wait for the next. */
  get waitingCount(): number {
    return this.#waitingCount;
  }

  /** Leases whose message's size is not known yet. */
  get unsizedCount(): number {
    return this.#unsizedCount;
  }

  get nextDeadlineAtMs(): number {
    return this.#queue.nextDeadlineAtMs;
  }

  /** The slot that waits longest for redelivery, or -1. */
  get firstWaiting(): number {
    return this.#queue.firstWaiting;
  }

  /** The leased slot whose deadline comes first, or -1. */
  get firstDue(): number {
    return this.#queue.firstDue;
  }

  /** The slot of `sequence`, or -1. */
  find(sequence: number): number {
    return this.#index.find(sequence);
  }

  isWaiting(slot: number): boolean {
    return this.#queue.isWaiting(slot);
  }

  /** Whether the message is out under a lease of this generation. */
  isLeasedUnder(sequence: number, generation: Generation): boolean {
    const slot = this.#index.find(sequence);
    return slot !== -1 && !this.isWaiting(slot) && this.#generations[slot] === generation;
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

  /** Grants a lease on a message that has none. `account` is who it counts against, or `NO_ACCOUNT`. */
  grant(
    sequence: number,
    generation: Generation,
    account: number,
    sizeBytes: number,
    leaseMs: number,
    deadlineAtMs: number,
  ): void {
    const slot = this.#takeSlot();
    this.#sequences[slot] = sequence;
    this.#sizes[slot] = sizeBytes;
    this.#index.add(sequence, slot);
    this.#lease(slot, generation, account, leaseMs, deadlineAtMs);
  }

  /** Grants a lease on a message that has not been handed out since the start; it counts against nobody. */
  grantUnsized(sequence: number, generation: Generation, leaseMs: number, deadlineAtMs: number): void {
    this.grant(sequence, generation, NO_ACCOUNT, SIZE_UNKNOWN, leaseMs, deadlineAtMs);
    this.#unsizedCount += 1;
  }

  /** Grants a lease on a message that waits. */
  grantAgain(slot: number, generation: Generation, account: number, leaseMs: number, deadlineAtMs: number): void {
    assert(this.isWaiting(slot), "only a waiting message is leased again");
    this.#waitingCount -= 1;
    this.#queue.remove(slot);
    this.#lease(slot, generation, account, leaseMs, deadlineAtMs);
  }

  /** Gives a living lease a new length. */
  extend(slot: number, generation: Generation, leaseMs: number, deadlineAtMs: number): void {
    this.#queue.remove(slot);
    this.#lease(slot, generation, this.#accounts[slot]!, leaseMs, deadlineAtMs);
  }

  /** Ends a lease unsettled: the message waits for the next one. With `isVoid` no id of before extends it again. */
  end(slot: number, isVoid: boolean): void {
    assert(!this.isWaiting(slot) && this.isSized(slot), "only a lease that is known in full ends");
    this.#queue.remove(slot);
    this.#queue.addWaiting(slot);
    this.#accounts[slot] = NO_ACCOUNT;
    if (isVoid) this.#generations[slot] = Number.POSITIVE_INFINITY;
    this.#waitingCount += 1;
  }

  /** Forgets the message: it is settled, or can be handed out as if for the first time. */
  remove(slot: number): void {
    if (this.isWaiting(slot)) this.#waitingCount -= 1;
    if (!this.isSized(slot)) this.#unsizedCount -= 1;
    this.#queue.remove(slot);
    this.#index.remove(this.#sequences[slot]!);
    this.#freeSlots.push(slot);
  }

  /** Says how big the message of an unsized lease is. */
  setSize(slot: number, sizeBytes: number): void {
    assert(!this.isSized(slot), "a size is told once");
    this.#sizes[slot] = sizeBytes;
    this.#unsizedCount -= 1;
  }

  leaseMs(slot: number): number {
    return this.#lengthsMs[slot]!;
  }

  deadlineAtMs(slot: number): number {
    return this.#queue.deadlineAtMs(slot);
  }

  /** Visits the slot of every living lease, in no order that means anything. */
  forEachLeased(visit: (slot: number) => void): void {
    for (let slot = 0; slot < this.#slotsUsed; slot += 1) {
      if (this.#index.find(this.#sequences[slot]!) === slot && !this.isWaiting(slot)) visit(slot);
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
    this.#index.release();
    this.#queue.release();
    this.#sequences = NO_DOUBLES;
    this.#generations = NO_DOUBLES;
    this.#sizes = NO_WORDS;
    this.#lengthsMs = NO_WORDS;
    this.#accounts = NO_INTEGERS;
    this.#freeSlots.length = 0;
    this.#slotsUsed = 0;
  }

  #lease(slot: number, generation: Generation, account: number, leaseMs: number, deadlineAtMs: number): void {
    this.#generations[slot] = generation;
    this.#accounts[slot] = account;
    this.#lengthsMs[slot] = leaseMs;
    this.#queue.addDue(slot, deadlineAtMs);
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
    const { sequences, generations, sizes, lengthsMs, accounts } = {
      sequences: this.#sequences,
      generations: this.#generations,
      sizes: this.#sizes,
      lengthsMs: this.#lengthsMs,
      accounts: this.#accounts,
    };
    this.#allocate(capacity);
    this.#sequences.set(sequences);
    this.#generations.set(generations);
    this.#sizes.set(sizes);
    this.#lengthsMs.set(lengthsMs);
    this.#accounts.set(accounts);
  }

  #allocate(capacity: number): void {
    this.#sequences = new Float64Array(capacity);
    this.#generations = new Float64Array(capacity);
    this.#sizes = new Uint32Array(capacity);
    this.#lengthsMs = new Uint32Array(capacity);
    this.#accounts = new Int32Array(capacity);
  }
}
