/** Each failure waits this much longer than the one before. */
const FACTOR = 1.6;
/** The wait is spread by this share, both ways. */
const JITTER = 0.2;

/** How long to wait before the next connect: grows with each failure, and is spread so that clients do not come back together. */
export class Backoff {
  readonly #minMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #failures = 0;

  constructor(minMs: number, maxMs: number, random: () => number) {
    this.#minMs = minMs;
    this.#maxMs = maxMs;
    this.#random = random;
  }

  reset(): void {
    this.#failures = 0;
  }

  /** Counts a failure. @returns The wait in whole ms. */
  nextMs(): number {
    const delayMs = Math.min(this.#maxMs, this.#minMs * FACTOR ** Math.min(this.#failures, 64));
    this.#failures += 1;
    return Math.round(delayMs * (1 + JITTER * (2 * this.#random() - 1)));
  }
}
