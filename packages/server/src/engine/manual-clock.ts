import type { Clock, Timer } from "./clock.js";
import { TimerList } from "./timer-list.js";

/** A clock that stands still until it is told to move: for tests and the simulation. */
export class ManualClock implements Clock {
  #monotonicMs = 0;
  #wallMs: number;
  readonly #timers = new TimerList();

  constructor(wallMs = 1_700_000_000_000) {
    this.#wallMs = wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  wallMs(): number {
    return this.#wallMs;
  }

  /** Moves the wall clock alone, as an operator or NTP may. */
  jumpWall(byMs: number): void {
    this.#wallMs += byMs;
  }

  setTimer(atMs: number, listener: () => void): Timer {
    return this.#timers.add(atMs, listener);
  }

  /** When the next timer is due, or Infinity. */
  nextTimerAtMs(): number {
    return this.#timers.nextAtMs();
  }

  /**
   * Moves both clocks, stopping at each timer on the way.
   *
   * @param settle - Called at each stop, so that what a timer began ends before time goes on.
   */
  async advance(byMs: number, settle: () => Promise<void>): Promise<void> {
    const targetMs = this.#monotonicMs + byMs;
    await settle();
    for (;;) {
      const dueAtMs = this.#timers.nextAtMs();
      if (dueAtMs > targetMs) break;
      this.#moveTo(Math.max(dueAtMs, this.#monotonicMs));
      this.#timers.runDue(this.#monotonicMs);
      await settle();
    }
    this.#moveTo(targetMs);
  }

  #moveTo(monotonicMs: number): void {
    this.#wallMs += monotonicMs - this.#monotonicMs;
    this.#monotonicMs = monotonicMs;
  }
}
