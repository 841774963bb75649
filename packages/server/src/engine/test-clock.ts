import type { Clock, Timer } from "./clock.js";
import { SystemClock } from "./system-clock.js";
import { TimerList } from "./timer-list.js";

/** The machine's clocks plus what they have been moved forward by. Time passes by itself and can be made to jump. */
export class TestClock implements Clock {
  readonly #base: Clock;
  readonly #timers = new TimerList();
  #offsetMs = 0;
  #baseTimer: Timer | undefined;
  #moving: Promise<void> = Promise.resolve();

  constructor(base: Clock = new SystemClock()) {
    this.#base = base;
  }

  monotonicMs(): number {
    return this.#base.monotonicMs() + this.#offsetMs;
  }

  wallMs(): number {
    return this.#base.wallMs() + this.#offsetMs;
  }

  setTimer(atMs: number, listener: () => void): Timer {
    const timer = this.#timers.add(atMs, listener);
    this.#arm();
    return {
      cancel: () => {
        timer.cancel();
        this.#arm();
      },
    };
  }

  /**
   * Moves both clocks forward, stopping at each timer that falls due on the way. Calls take turns.
   *
   * @param settle - Called at each stop, so that what a timer began ends before time goes on.
   */
  advance(byMs: number, settle: () => Promise<void>): Promise<void> {
    const moved = this.#moving.then(() => this.#advance(byMs, settle));
    // A failed move is told to who asked for it; the next one may still go.
    this.#moving = moved.catch(() => undefined);
    return moved;
  }

  async #advance(byMs: number, settle: () => Promise<void>): Promise<void> {
    const targetOffsetMs = this.#offsetMs + byMs;
    await settle();
    for (;;) {
      const restMs = targetOffsetMs - this.#offsetMs;
      const untilDueMs = Math.max(this.#timers.nextAtMs() - this.monotonicMs(), 0);
      if (untilDueMs > restMs) break;
      this.#offsetMs += untilDueMs;
      this.#timers.runDue(this.monotonicMs());
      await settle();
    }
    this.#offsetMs = targetOffsetMs;
    this.#arm();
    await settle();
  }

  #arm(): void {
    this.#baseTimer?.cancel();
    this.#baseTimer = undefined;
    const atMs = this.#timers.nextAtMs();
    if (atMs === Number.POSITIVE_INFINITY) return;
    this.#baseTimer = this.#base.setTimer(atMs - this.#offsetMs, () => {
      this.#baseTimer = undefined;
      this.#timers.runDue(this.monotonicMs());
      this.#arm();
    });
  }
}
