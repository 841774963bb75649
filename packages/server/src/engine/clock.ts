/**
 * Time as the server sees it. Leases run on the monotonic clock, which nothing sets back; publish times and retention
 * use the wall clock. All timers of the engine go through `setTimer`, so that a test, a simulation or the test clock
 * can move time.
 */
export interface Clock {
  /** Rising, in ms from an arbitrary start. */
  monotonicMs(): number;
  /** Milliseconds since 1970. May jump. */
  wallMs(): number;
  /** Calls `listener` once when `monotonicMs()` has reached `atMs`; at most an hour ahead. */
  setTimer(atMs: number, listener: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}
