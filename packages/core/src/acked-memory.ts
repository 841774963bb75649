import type { Generation } from "./events.js";
import { RunList } from "./run-list.js";

/** How long an ack that is told again is known (S-8.8). */
const MEMORY_MS = 600_000;

interface Remembered {
  readonly acked: RunList;
  lastAtMs: number;
}

/**
 * What was acked in the last ten minutes, and by which ids: a client whose answer got lost acks again. Bounded: the oldest
 * deliveries are forgotten first.
 */
export class AckedMemory {
  readonly #runsMax: number;
  /** By generation, the one acked longest ago first. */
  readonly #byGeneration = new Map<Generation, Remembered>();
  #runCount = 0;

  /** @param runsMax - Runs of sequences it keeps; what is acked in order is one run for each delivery. */
  constructor(runsMax: number) {
    this.#runsMax = runsMax;
  }

  note(sequence: number, generation: Generation, nowMs: number): void {
    const remembered = this.#byGeneration.get(generation) ?? { acked: new RunList(), lastAtMs: nowMs };
    const before = remembered.acked.runCount;
    remembered.acked.add(sequence, sequence);
    this.#runCount += remembered.acked.runCount - before;
    if (before > 0 && remembered.lastAtMs === nowMs) return;
    remembered.lastAtMs = nowMs;
    this.#byGeneration.delete(generation);
    this.#byGeneration.set(generation, remembered);
    this.#forget(nowMs);
  }

  has(sequence: number, generation: Generation, nowMs: number): boolean {
    const remembered = this.#byGeneration.get(generation);
    return remembered !== undefined && remembered.lastAtMs + MEMORY_MS > nowMs && remembered.acked.has(sequence);
  }

  clear(): void {
    this.#byGeneration.clear();
    this.#runCount = 0;
  }

  #forget(nowMs: number): void {
    for (const [generation, { acked, lastAtMs }] of this.#byGeneration) {
      if (lastAtMs + MEMORY_MS > nowMs && this.#runCount <= this.#runsMax) return;
      this.#byGeneration.delete(generation);
      this.#runCount -= acked.runCount;
    }
  }
}
