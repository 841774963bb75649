import { RunList } from "./run-list.js";

/**
 * What a subscription has settled for good: a low watermark, and runs above it.
 *
 * The holes between the runs are what keeps a topic's log from being trimmed; a cursor without any is two numbers.
 */
export class Cursor {
  #floor: number;
  readonly #above = new RunList();

  constructor(floor: number) {
    this.#floor = floor;
  }

  /** Every sequence at or below is settled; the next one is not. */
  get floor(): number {
    return this.#floor;
  }

  /** The highest settled sequence. */
  get lastSettled(): number {
    return Math.max(this.#floor, this.#above.last);
  }

  /** Settled runs above the floor. */
  get runCount(): number {
    return this.#above.runCount;
  }

  /** Settled sequences above the floor. */
  get countAbove(): number {
    return this.#above.sequenceCount;
  }

  /**
   * Settles every sequence from `first` to `last`.
   * @returns How many were not settled before.
   */
  settle(first: number, last: number): number {
    if (last <= this.#floor) return 0;
    const start = Math.max(first, this.#floor + 1);
    if (start > this.#floor + 1) return this.#above.add(start, last);
    if (this.#above.first > last + 1) {
      this.#floor = last;
      return last - start + 1;
    }
    const added = this.#above.add(start, last);
    this.#floor = this.#above.absorb(this.#floor);
    return added;
  }

  has(sequence: number): boolean {
    return sequence <= this.#floor || (this.#above.runCount > 0 && this.#above.has(sequence));
  }

  /** The lowest sequence at or above `sequence` that is not settled. */
  nextUnsettled(sequence: number): number {
    if (sequence <= this.#floor) return this.#floor + 1;
    return this.#above.runCount === 0 ? sequence : this.#above.nextAbsent(sequence);
  }

  /** The lowest settled sequence above `sequence`, which is not settled itself; Infinity when there is none. */
  nextSettled(sequence: number): number {
    return this.#above.runCount === 0 ? Number.POSITIVE_INFINITY : this.#above.nextPresent(sequence);
  }

  /** Visits the settled runs above the floor. */
  forEach(visit: (first: number, last: number) => void): void {
    this.#above.forEach(visit);
  }

  /** The same up to `limit`; above it nothing is settled. */
  upTo(limit: number): Cursor {
    const copy = new Cursor(Math.min(this.#floor, limit));
    this.#above.forEach((first, last) => {
      if (first <= limit) copy.settle(first, Math.min(last, limit));
    });
    return copy;
  }
}
