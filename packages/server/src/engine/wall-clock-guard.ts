import type { Clock } from "./clock.js";
import type { EngineLog } from "./engine-log.js";

const JUMP_MS = 60_000;
const PAUSE_MS = 600_000;

/**
 * Says whether the wall clock may be trusted with deleting. When it moves against the monotonic clock by more than a
 * minute between two looks, deletion by time pauses for ten, so that an operator can put a wrong clock right.
 */
export class WallClockGuard {
  readonly #clock: Clock;
  readonly #log: EngineLog;
  #differenceMs: number;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, log: EngineLog) {
    this.#clock = clock;
    this.#log = log;
    this.#differenceMs = clock.wallMs() - clock.monotonicMs();
  }

  /** When deletion by time may be tried again, on the monotonic clock; undefined: now. */
  pausedUntilMs(): number | undefined {
    const nowMs = this.#clock.monotonicMs();
    const differenceMs = this.#clock.wallMs() - nowMs;
    const jumpMs = differenceMs - this.#differenceMs;
    this.#differenceMs = differenceMs;
    if (Math.abs(jumpMs) > JUMP_MS) {
      this.#pausedUntilMs = nowMs + PAUSE_MS;
      this.#log.warn(
        { jumpMs: Math.round(jumpMs) },
        "the wall clock jumped; nothing is deleted by age for ten minutes",
      );
    }
    return nowMs < this.#pausedUntilMs ? this.#pausedUntilMs : undefined;
  }
}
