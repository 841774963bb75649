/**
 * How many messages are inflated at a time, of all connections together.
 *
 * Inflating takes a thread of libuv's, which the disk's commits need too, and up to the method's limit of memory that no
 * budget knows. First come, first served.
 */
export class InflateGate {
  readonly #runningMax: number;
  #running = 0;
  /** A set keeps the order, and lets one leave from the middle. */
  readonly #waiting = new Set<() => void>();

  constructor(runningMax: number) {
    this.#runningMax = runningMax;
  }

  get running(): number {
    return this.#running;
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Calls `start` now or when it is its turn; `leave` must follow each start. */
  enter(start: () => void): void {
    if (this.#running < this.#runningMax) {
      this.#running += 1;
      start();
    } else this.#waiting.add(start);
  }

  /** Gives up waiting; nothing happens where `start` was called already. */
  abandon(start: () => void): void {
    this.#waiting.delete(start);
  }

  leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#running -= 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
