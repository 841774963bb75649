import type { TimeSource } from "./deadline-table.js";

interface Timer {
  readonly atMs: number;
  readonly listener: () => void;
}

/** A clock that stands still until a test moves it. */
export class ManualTime implements TimeSource {
  #nowMs: number;
  readonly #timers = new Set<Timer>();

  constructor(nowMs = 0) {
    this.#nowMs = nowMs;
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.size;
  }

  /** How long the next timer still waits; Infinity where there is none. */
  get nextInMs(): number {
    let nextAtMs = Number.POSITIVE_INFINITY;
    for (const { atMs } of this.#timers) nextAtMs = Math.min(nextAtMs, atMs);
    return nextAtMs - this.#nowMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, listener: () => void): { cancel(): void } {
    const timer = { atMs: this.#nowMs + delayMs, listener };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  /** Moves on, and fires what falls due on the way, in order of time. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    for (;;) {
      let next: Timer | undefined;
      for (const timer of this.#timers) {
        if (timer.atMs <= untilMs && (next === undefined || timer.atMs < next.atMs)) next = timer;
      }
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.listener();
    }
    this.#nowMs = untilMs;
  }
}
