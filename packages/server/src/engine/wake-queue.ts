import type { Clock, Timer } from "./clock.js";

const HOUR_MS = 3_600_000;
/** Listeners run in one go; the rest follows at once, in a turn of its own. */
const WAKES_PER_TURN = 1_000;

/** Something to be done at an instant. Made once by who waits, set as often as needed. */
export class Wake {
  /** On the monotonic clock; Infinity when not set. */
  atMs = Number.POSITIVE_INFINITY;
  /** Its place in the heap, -1 when it is not there. For the queue alone. */
  index = -1;

  constructor(readonly listener: () => void) {}
}

/** One timer for every wake of the engine: a heap by instant. */
export class WakeQueue {
  readonly #clock: Clock;
  readonly #heap: Wake[] = [];
  #timer: Timer | undefined;
  #armedAtMs = Number.POSITIVE_INFINITY;
  #isRunning = false;
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sets or moves a wake; Infinity takes it back. */
  set(wake: Wake, atMs: number): void {
    if (wake.atMs === atMs || this.#isClosed) return;
    wake.atMs = atMs;
    if (atMs === Number.POSITIVE_INFINITY) {
      if (wake.index !== -1) this.#remove(wake);
      return;
    }
    if (wake.index === -1) {
      wake.index = this.#heap.length;
      this.#heap.push(wake);
    }
    this.#settle(wake);
    if (!this.#isRunning) this.#arm();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#heap.length = 0;
  }

  #arm(): void {
    const first = this.#heap[0];
    if (first === undefined || this.#isClosed) return;
    const atMs = Math.min(first.atMs, this.#clock.monotonicMs() + HOUR_MS);
    // A timer that is early finds nothing due and is set again: cheaper than moving it at every change.
    if (atMs >= this.#armedAtMs) return;
    this.#timer?.cancel();
    this.#armedAtMs = atMs;
    this.#timer = this.#clock.setTimer(atMs, () => this.#run());
  }

  #run(): void {
    this.#armedAtMs = Number.POSITIVE_INFINITY;
    this.#timer = undefined;
    this.#isRunning = true;
    const nowMs = this.#clock.monotonicMs();
    for (let count = 0; count < WAKES_PER_TURN; count += 1) {
      const first = this.#heap[0];
      if (first === undefined || first.atMs > nowMs) break;
      this.#remove(first);
      first.atMs = Number.POSITIVE_INFINITY;
      first.listener();
    }
    this.#isRunning = false;
    this.#arm();
  }

  #remove(wake: Wake): void {
    const last = this.#heap.pop()!;
    if (last !== wake) {
      last.index = wake.index;
      this.#heap[last.index] = last;
      this.#settle(last);
    }
    wake.index = -1;
  }

  /** Moves a wake up or down to where its instant belongs. */
  #settle(wake: Wake): void {
    const heap = this.#heap;
    let index = wake.index;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (heap[parent]!.atMs <= wake.atMs) break;
      this.#place(heap[parent]!, index);
      index = parent;
    }
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.atMs < heap[child]!.atMs) child += 1;
      if (heap[child]!.atMs >= wake.atMs) break;
      this.#place(heap[child]!, index);
      index = child;
    }
    this.#place(wake, index);
  }

  #place(wake: Wake, index: number): void {
    this.#heap[index] = wake;
    wake.index = index;
  }
}
