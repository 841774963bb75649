import { assert } from "./assert.js";
import type { Cursor } from "./cursor.js";
import type { Event, Generation } from "./events.js";
import { type LeaseTable, NO_ACCOUNT } from "./lease-table.js";
import type { CoreLimits } from "./limits.js";
import type { PullerTable } from "./puller-table.js";
import type { ReadAhead } from "./read-ahead.js";
import { RunList } from "./run-list.js";
import type { SubscriptionParts } from "./subscription-parts.js";

/** How leases end or go on: ack, nack, a new length, expiry, return. Knows the rules of S-3.4 to S-3.7. */
export class Settlement {
  readonly #cursor: Cursor;
  readonly #leases: LeaseTable;
  readonly #pullers: PullerTable;
  readonly #readAhead: ReadAhead;
  readonly #limits: CoreLimits;
  /** Acked since the last record was taken. */
  readonly dirty = new RunList();
  /** A floor that retention has moved and no record tells; 0: none. */
  #droppedFloor = 0;
  /** An ack was taken for what retention has dropped: after a restart it must still hold, so the drop must be told. */
  #isDropAcked = false;
  acked = 0;
  nacked = 0;
  expired = 0;
  extended = 0;

  constructor(parts: SubscriptionParts) {
    this.#cursor = parts.cursor;
    this.#leases = parts.leases;
    this.#pullers = parts.pullers;
    this.#readAhead = parts.readAhead;
    this.#limits = parts.limits;
  }

  /** Whether something must be written. */
  get isDirty(): boolean {
    return this.dirty.runCount > 0 || this.#isDropAcked;
  }

  /** Retention drops everything at or below `floor`: nothing to write, it is found again after a restart. */
  drop(floor: number): void {
    this.#cursor.settle(0, floor);
    this.#droppedFloor = Math.max(this.#droppedFloor, floor);
  }

  /** A record of all that is dirty is taken. */
  clean(): void {
    this.dirty.clear();
    this.#droppedFloor = 0;
    this.#isDropAcked = false;
  }

  /** The floor that the next record must tell; 0: none. */
  get unrecordedFloor(): number {
    return this.#droppedFloor;
  }

  /** Ids of any generation ack (S-3.7): the consumer did process the message. */
  ack(sequences: readonly number[], head: number): void {
    const fresh: number[] = [];
    let isSorted = true;
    let previous = 0;
    for (const sequence of sequences) {
      if (sequence <= this.#droppedFloor) this.#isDropAcked = true;
      const slot = this.#leases.find(sequence);
      if (slot === -1) {
        if (sequence > head || this.#cursor.has(sequence)) continue;
      } else this.#forget(slot);
      if (sequence < previous) isSorted = false;
      previous = sequence;
      fresh.push(sequence);
    }
    const sorted = isSorted ? fresh : Float64Array.from(fresh).sort();
    let first = 0;
    let last = 0;
    for (const sequence of sorted) {
      if (sequence === last + 1 && last > 0) last = sequence;
      else if (sequence !== last) {
        if (last > 0) this.#settleAcked(first, last);
        first = sequence;
        last = sequence;
      }
    }
    if (last > 0) this.#settleAcked(first, last);
  }

  #settleAcked(first: number, last: number): void {
    const added = this.#cursor.settle(first, last);
    if (added === 0) return;
    this.acked += added;
    this.dirty.add(first, last);
  }

  /** Takes new lease lengths; 0 is a nack. Ids that are stale are ignored. */
  modify(event: Event & { kind: "modified" }, head: number, nowMs: number): void {
    event.sequences.forEach((sequence, index) => {
      const generation = event.generations[index];
      const leaseMs = event.leaseMs[index];
      assert(generation !== undefined && leaseMs !== undefined, "the arrays of an event are parallel");
      const slot = this.#leases.find(sequence);
      if (slot === -1) {
        if (leaseMs > 0 && sequence <= head) this.#leaseAhead(sequence, generation, leaseMs, nowMs);
      } else if (generation < this.#leases.generation(slot)) {
        // Handed out again meanwhile, or nacked: the id is stale (S-3.6).
      } else if (leaseMs > 0) {
        this.#extend(slot, generation, leaseMs, nowMs);
      } else if (!this.#leases.isWaiting(slot)) {
        this.nacked += 1;
        this.#endLease(slot, true);
      }
    });
  }

  /** An id from before the start extends its lease, if the message has not been handed out since (S-3.6). */
  #leaseAhead(sequence: number, generation: Generation, leaseMs: number, nowMs: number): void {
    const wasHandedOut = sequence <= this.#readAhead.position;
    if (wasHandedOut || this.#cursor.has(sequence)) return;
    if (this.#leases.leasedCount >= this.#limits.leasesMax) return;
    this.#leases.grantUnsized(sequence, generation, leaseMs, Math.ceil(nowMs + leaseMs));
    this.extended += 1;
  }

  #extend(slot: number, generation: Generation, leaseMs: number, nowMs: number): void {
    const deadlineAtMs = Math.ceil(nowMs + leaseMs);
    if (this.#leases.isWaiting(slot)) {
      if (this.#leases.leasedCount >= this.#limits.leasesMax) return;
      this.#leases.grantAgain(slot, generation, NO_ACCOUNT, leaseMs, deadlineAtMs);
    } else this.#leases.extend(slot, generation, leaseMs, deadlineAtMs);
    this.extended += 1;
  }

  /** Ends what is left of a delivery, without a failed attempt. `runs`: pairs of first sequence and count. */
  takeBack(runs: readonly number[], generation: Generation): void {
    for (let at = 0; at < runs.length; at += 2) {
      const first = runs[at]!;
      const end = first + runs[at + 1]!;
      for (let sequence = first; sequence < end; sequence += 1) {
        if (this.#leases.isLeasedUnder(sequence, generation)) this.#endLease(this.#leases.find(sequence), true);
      }
    }
  }

  /**
   * Ends the leases whose deadline has come, at most `messagesMax`.
   * @returns How many those were.
   */
  expire(nowMs: number, messagesMax: number): number {
    let count = 0;
    while (count < messagesMax && this.#leases.nextDeadlineAtMs <= nowMs) {
      const slot = this.#leases.firstDue;
      if (this.#leases.sequence(slot) > this.#cursor.floor) this.expired += 1;
      this.#endLease(slot, false);
      count += 1;
    }
    return count;
  }

  /** The lease ends unsettled: its message can be handed out again, unless retention has dropped it. */
  #endLease(slot: number, isVoid: boolean): void {
    const isDropped = this.#leases.sequence(slot) <= this.#cursor.floor;
    // One that the read-ahead has yet to pass is met there as if for the first time.
    if (isDropped || !this.#leases.isSized(slot)) {
      this.#forget(slot);
      return;
    }
    this.#pullers.release(this.#leases.account(slot), this.#leases.sizeBytes(slot));
    this.#leases.end(slot, isVoid);
  }

  #forget(slot: number): void {
    if (!this.#leases.isWaiting(slot)) {
      this.#pullers.release(this.#leases.account(slot), this.#leases.sizeBytes(slot));
    }
    this.#leases.remove(slot);
  }
}
