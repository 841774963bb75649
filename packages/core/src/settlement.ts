import { assert } from "./assert.js";
import type { Event, Generation } from "./events.js";
import type { FailedDeliveries } from "./failed-deliveries.js";
import { NO_ACCOUNT } from "./lease-table.js";
import { risingOrder } from "./rising-order.js";
import type { SubscriptionParts } from "./subscription-parts.js";

/** How leases end or go on: ack, nack, a new length, expiry, return. Knows the rules of S-3.4 to S-3.7. */
export class Settlement {
  readonly #parts: SubscriptionParts;
  readonly #failed: FailedDeliveries;
  acked = 0;
  nacked = 0;
  expired = 0;
  extended = 0;

  constructor(parts: SubscriptionParts, failed: FailedDeliveries) {
    this.#parts = parts;
    this.#failed = failed;
  }

  /** Retention drops everything at or below `floor`: nothing to write, it is found again after a restart. */
  drop(floor: number): void {
    const { cursor, keys, leases, unrecorded } = this.#parts;
    cursor.settle(0, floor);
    unrecorded.droppedFloor = Math.max(unrecorded.droppedFloor, floor);
    // What only waits for its turn is forgotten then; what holds up its key, or waits for something else, is not to go on.
    const isAnySetAside = leases.delayedCount + leases.dyingCount + leases.unsizedCount > 0;
    if (keys.keyCount > 0 || isAnySetAside) this.#forgetDropped();
  }

  #forgetDropped(): void {
    const { cursor, keys, leases } = this.#parts;
    const dropped: number[] = [];
    leases.forEachUpTo(cursor.floor, (slot) => dropped.push(slot));
    for (const slot of dropped) {
      if (!leases.isLeased(slot)) this.#forget(slot);
      else if (keys.has(slot)) keys.remove(slot, true);
    }
  }

  /** Ids of any generation ack (S-3.7), but for those of before a seek: the consumer did process the message. */
  ack(sequences: readonly number[], generations: readonly Generation[], head: number): void {
    const { cursor, leases, unrecorded, voidGeneration } = this.#parts;
    const fresh: number[] = [];
    let isSorted = true;
    let previous = 0;
    for (let index = 0; index < sequences.length; index += 1) {
      const sequence = sequences[index]!;
      if (generations[index]! <= voidGeneration) continue;
      if (sequence <= unrecorded.droppedFloor) unrecorded.isDropAcked = true;
      const slot = leases.find(sequence);
      if (slot === -1) {
        if (sequence > head || cursor.has(sequence)) continue;
      } else this.#forget(slot);
      if (sequence < previous) isSorted = false;
      previous = sequence;
      fresh.push(sequence);
    }
    this.#settleAll(isSorted ? fresh : Float64Array.from(fresh).sort());
  }

  /** Acks one message that is out. */
  ackOut(slot: number): void {
    const sequence = this.#parts.leases.sequence(slot);
    if (sequence <= this.#parts.unrecorded.droppedFloor) this.#parts.unrecorded.isDropAcked = true;
    this.#forget(slot);
    this.#settleAcked(sequence, sequence);
  }

  /** Forwarded and acked in one commit: nothing more to write. */
  settleForwarded(sequences: readonly number[]): void {
    const { cursor, leases } = this.#parts;
    for (const sequence of sequences) {
      const slot = leases.find(sequence);
      if (slot !== -1) this.#forget(slot);
      cursor.settle(sequence, sequence);
    }
  }

  /** Takes new lease lengths; 0 is a nack. Ids that are stale are ignored. */
  modify(event: Event & { kind: "modified" }, head: number, nowMs: number, random: () => number): void {
    const { rules, voidGeneration } = this.#parts;
    const { sequences } = event;
    // The first of a key that is nacked ends the others, whatever the order in which they are named.
    const order = rules.isOrdered ? risingOrder(sequences) : undefined;
    for (let at = 0; at < sequences.length; at += 1) {
      const index = order?.[at] ?? at;
      const generation = event.generations[index];
      const leaseMs = event.leaseMs[index];
      assert(generation !== undefined && leaseMs !== undefined, "the arrays of an event are parallel");
      if (generation <= voidGeneration) continue;
      this.#modifyOne(sequences[index]!, generation, leaseMs, { head, nowMs, random });
    }
  }

  #modifyOne(
    sequence: number,
    generation: Generation,
    leaseMs: number,
    { head, nowMs, random }: { readonly head: number; readonly nowMs: number; readonly random: () => number },
  ): void {
    const { leases } = this.#parts;
    const slot = leases.find(sequence);
    if (slot === -1) {
      if (leaseMs > 0 && sequence <= head) this.#leaseAhead(sequence, generation, leaseMs, nowMs);
    } else if (generation < leases.generation(slot)) {
      // Handed out again meanwhile, or nacked: the id is stale (S-3.6).
    } else if (leaseMs > 0) this.#extend(slot, generation, leaseMs, nowMs);
    else if (leases.isLeased(slot)) this.nack(slot, nowMs, random);
  }

  nack(slot: number, nowMs: number, random: () => number): void {
    this.nacked += 1;
    this.#endLease(slot, true, nowMs, random);
  }

  /** Gives a lease that lives a new length. */
  extendOut(slot: number, leaseMs: number, nowMs: number): void {
    const { leases } = this.#parts;
    leases.extend(slot, leases.generation(slot), leaseMs, Math.ceil(nowMs + leaseMs));
    this.noteLease(leases.sequence(slot));
    this.extended += 1;
  }

  /** An id from before the start extends its lease, if the message has not been handed out since (S-3.6). */
  #leaseAhead(sequence: number, generation: Generation, leaseMs: number, nowMs: number): void {
    const { cursor, leases, limits, readAhead } = this.#parts;
    const wasHandedOut = sequence <= readAhead.position;
    if (wasHandedOut || cursor.has(sequence)) return;
    if (leases.leasedCount >= limits.leasesMax) return;
    leases.grantUnsized(sequence, generation, leaseMs, Math.ceil(nowMs + leaseMs));
    this.extended += 1;
  }

  #extend(slot: number, generation: Generation, leaseMs: number, nowMs: number): void {
    const { keys, leases, limits } = this.#parts;
    const deadlineAtMs = Math.ceil(nowMs + leaseMs);
    if (!leases.isLeased(slot)) {
      if (leases.leasedCount >= limits.leasesMax || leases.isDying(slot) || !leases.isSized(slot)) return;
      if (keys.has(slot)) {
        // What is out is the front of its key: a later one is not taken out of turn.
        if (!keys.isNext(slot)) return;
        keys.setBlocked(slot, false);
        keys.takeOut(slot, NO_ACCOUNT);
      }
      leases.grantAgain(slot, generation, NO_ACCOUNT, leaseMs, deadlineAtMs);
    } else leases.extend(slot, generation, leaseMs, deadlineAtMs);
    this.extended += 1;
  }

  /** Ends what is left of a delivery, without a failed attempt. `runs`: pairs of first sequence and count. */
  takeBack(runs: readonly number[], generation: Generation): void {
    const { leases } = this.#parts;
    for (let at = 0; at < runs.length; at += 2) {
      const first = runs[at]!;
      const end = first + runs[at + 1]!;
      for (let sequence = first; sequence < end; sequence += 1) {
        if (leases.isLeasedUnder(sequence, generation)) this.#giveUp(leases.find(sequence));
      }
    }
  }

  /**
   * Ends the leases and delays whose time has come, at most `messagesMax`.
   * @returns How many those were.
   */
  expire(nowMs: number, messagesMax: number, random: () => number): number {
    const { cursor, leases } = this.#parts;
    let count = 0;
    while (count < messagesMax && leases.nextDeadlineAtMs <= nowMs) {
      const due = leases.firstDue;
      if (leases.isDelayed(due)) this.#endDelay(due);
      else {
        const slot = this.#firstDueOfKey(due, nowMs);
        if (leases.sequence(slot) > cursor.floor) this.expired += 1;
        this.#endLease(slot, false, nowMs, random);
      }
      count += 1;
    }
    return count;
  }

  /** Where several of a key are due at once, the first has failed and the others end with it. */
  #firstDueOfKey(due: number, nowMs: number): number {
    const { keys, leases } = this.#parts;
    if (!keys.has(due)) return due;
    let first = due;
    for (let slot = keys.before(due); slot !== -1; slot = keys.before(slot)) {
      if (leases.deadlineAtMs(slot) <= nowMs) first = slot;
    }
    return first;
  }

  /** Every delay ends now: the policy that asked for it is gone. */
  endDelays(): void {
    const slots: number[] = [];
    this.#parts.leases.forEachDelayed((slot) => slots.push(slot));
    for (const slot of slots) this.#endDelay(slot);
  }

  /** A lease was granted, extended or has ended. */
  noteLease(sequence: number): void {
    if (this.#parts.rules.isExactlyOnce) this.#parts.unrecorded.leases.add(sequence, sequence);
  }

  #endDelay(slot: number): void {
    const { cursor, keys, leases } = this.#parts;
    if (leases.sequence(slot) <= cursor.floor) {
      this.#forget(slot);
      return;
    }
    if (!leases.isSized(slot)) {
      leases.restUnsized(slot);
      return;
    }
    const isKeyed = keys.has(slot);
    leases.wait(slot, isKeyed);
    if (isKeyed) keys.setBlocked(slot, false);
  }

  /** The lease ends with a failed delivery: its message can be handed out again, unless retention has dropped it. */
  #endLease(slot: number, isVoid: boolean, nowMs: number, random: () => number): void {
    const { cursor, leases } = this.#parts;
    const sequence = leases.sequence(slot);
    this.noteLease(sequence);
    if (sequence <= cursor.floor) {
      this.#forget(slot);
      return;
    }
    const isCounted = this.#failed.count(slot);
    if (!leases.isSized(slot)) {
      // One that the read-ahead has yet to pass is met there as if for the first time, but for its failures.
      if (isCounted) {
        leases.endUnsized(slot, isVoid);
        this.#failed.settle(slot, nowMs, random);
      } else this.#forget(slot);
      return;
    }
    this.#endWithKey(slot, isVoid);
    if (isCounted) this.#failed.settle(slot, nowMs, random);
  }

  #giveUp(slot: number): void {
    const { cursor, leases } = this.#parts;
    this.noteLease(leases.sequence(slot));
    if (leases.sequence(slot) <= cursor.floor || !leases.isSized(slot)) this.#forget(slot);
    else this.#endWithKey(slot, true);
  }

  /** Ends the lease, and those of its key that were handed out behind it: they come again, in order (S-9.5). */
  #endWithKey(slot: number, isVoid: boolean): void {
    const { keys } = this.#parts;
    if (!keys.has(slot)) {
      this.#end(slot, isVoid, false);
      return;
    }
    keys.fail(slot, (other) => {
      this.noteLease(this.#parts.leases.sequence(other));
      this.#end(other, isVoid || other !== slot, true);
    });
  }

  #end(slot: number, isVoid: boolean, isAside: boolean): void {
    const { leases, pullers } = this.#parts;
    pullers.release(leases.account(slot), leases.sizeBytes(slot));
    leases.end(slot, isVoid, isAside);
  }

  #forget(slot: number): void {
    const { keys, leases, pullers } = this.#parts;
    const isLeased = leases.isLeased(slot);
    if (isLeased) pullers.release(leases.account(slot), leases.sizeBytes(slot));
    if (keys.has(slot)) keys.remove(slot, isLeased);
    leases.remove(slot);
  }

  #settleAll(sorted: ArrayLike<number>): void {
    let first = 0;
    let last = 0;
    for (let index = 0; index < sorted.length; index += 1) {
      const sequence = sorted[index]!;
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
    const added = this.#parts.cursor.settle(first, last);
    if (added === 0) return;
    this.acked += added;
    this.#parts.unrecorded.acked.add(first, last);
  }
}
