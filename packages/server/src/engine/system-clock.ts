import type { Clock, Timer } from "./clock.js";

const HOUR_MS = 3_600_000;

/** The machine's clocks. */
export class SystemClock implements Clock {
  monotonicMs(): number {
    return performance.now();
  }

  wallMs(): number {
    return Date.now();
  }

  setTimer(atMs: number, listener: () => void): Timer {
    // Node rounds a delay down to whole milliseconds: one more, or the timer would come before its time.
    const delayMs = Math.min(Math.max(Math.ceil(atMs - this.monotonicMs()), 0), HOUR_MS);
    const timeout = setTimeout(listener, delayMs);
    return { cancel: () => clearTimeout(timeout) };
  }
}
