import type { AckFailureReason, Effect, Event, Generation } from "./events.js";
import { risingOrder } from "./rising-order.js";
import type { Settlement } from "./settlement.js";
import type { SubscriptionParts } from "./subscription-parts.js";

type Outcome = Effect & { kind: "outcome" };

/** Which ids count under exactly-once, and what becomes of those that do not. Knows S-8.3 to S-8.10. */
export class ExactlyOnce {
  readonly #parts: SubscriptionParts;
  readonly #settlement: Settlement;

  constructor(parts: SubscriptionParts, settlement: Settlement) {
    this.#parts = parts;
    this.#settlement = settlement;
  }

  ack(event: Event & { kind: "acked" }, nowMs: number): Outcome {
    const { ackedMemory, keys } = this.#parts;
    const reasons = new Map<number, AckFailureReason>();
    for (const index of this.#order(event.sequences)) {
      const sequence = event.sequences[index]!;
      const generation = event.generations[index]!;
      const slot = this.#livingLease(sequence, generation, nowMs);
      if (slot === -1) {
        if (!this.#wasAcked(sequence, generation, nowMs)) reasons.set(index, "invalid");
      } else if (keys.has(slot) && !keys.isFirst(slot)) reasons.set(index, "unordered");
      else {
        this.#settlement.ackOut(slot);
        ackedMemory.note(sequence, generation, nowMs);
      }
    }
    return outcome(event.request, reasons);
  }

  modify(event: Event & { kind: "modified" }, nowMs: number, random: () => number): Outcome {
    const reasons = new Map<number, AckFailureReason>();
    for (const index of this.#order(event.sequences)) {
      const slot = this.#livingLease(event.sequences[index]!, event.generations[index]!, nowMs);
      const leaseMs = event.leaseMs[index]!;
      if (slot === -1) reasons.set(index, "invalid");
      else if (leaseMs > 0) this.#settlement.extendOut(slot, leaseMs, nowMs);
      else this.#settlement.nack(slot, nowMs, random);
    }
    return outcome(event.request, reasons);
  }

  /** The slot of the message if this id is its latest and its lease lives, else -1. */
  #livingLease(sequence: number, generation: Generation, nowMs: number): number {
    const { leases, voidGeneration } = this.#parts;
    if (generation <= voidGeneration) return -1;
    const slot = leases.find(sequence);
    if (slot === -1 || !leases.isLeased(slot) || leases.generation(slot) !== generation) return -1;
    return leases.deadlineAtMs(slot) > nowMs ? slot : -1;
  }

  /** An ack told again, since its answer got lost, is a success (S-8.8). */
  #wasAcked(sequence: number, generation: Generation, nowMs: number): boolean {
    const { ackedMemory, cursor, voidGeneration } = this.#parts;
    return generation > voidGeneration && cursor.has(sequence) && ackedMemory.has(sequence, generation, nowMs);
  }

  /** The indexes of the ids; by sequence where order matters, so that one request may name a key's messages in any order. */
  #order(sequences: readonly number[]): Iterable<number> {
    return this.#parts.rules.isOrdered ? risingOrder(sequences) : sequences.keys();
  }
}

function outcome(request: number, reasons: ReadonlyMap<number, AckFailureReason>): Outcome {
  const indexes = [...reasons.keys()].sort((left, right) => left - right);
  return { kind: "outcome", request, indexes, reasons: indexes.map((index) => reasons.get(index)!) };
}
