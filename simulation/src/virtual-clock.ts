import type { Clock, Timer } from "@peal/server/engine";

interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly listener: () => void;
}

/** Time that moves when the simulation says so. Its timers belong to lives: when a server dies, its timers go with it. */
export class VirtualClock {
  #monotonicMs = 0;
  #wallMs = 1_750_000_000_000;
  #highestWallMs = this.#wallMs;
  #entries: Entry[] = [];
  #order = 0;

  get nowMs(): number {
    return this.#monotonicMs;
  }

  get wallMs(): number {
    return this.#wallMs;
  }

  /** The latest the wall clock has ever shown: what was old once may be gone. */
  get highestWallMs(): number {
    return this.#highestWallMs;
  }

  /** When the next timer is due, or Infinity. */
  get nextTimerAtMs(): number {
    return this.#entries[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  /** Moves the wall clock alone, as an operator or NTP may. */
  jumpWall(byMs: number): void {
    this.#wallMs += byMs;
    this.#highestWallMs = Math.max(this.#highestWallMs, this.#wallMs);
  }

  /** Moves both clocks to `atMs`, or stays; runs the first timer that is due, if any. */
  moveTo(atMs: number): void {
    if (atMs > this.#monotonicMs) {
      this.#wallMs += atMs - this.#monotonicMs;
      this.#monotonicMs = atMs;
      this.#highestWallMs = Math.max(this.#highestWallMs, this.#wallMs);
    }
    const first = this.#entries[0];
    if (first === undefined || first.atMs > this.#monotonicMs) return;
    this.#entries.shift();
    first.listener();
  }

  setTimer(atMs: number, listener: () => void): Timer {
    const entry: Entry = { atMs, order: this.#order, listener };
    this.#order += 1;
    let at = this.#entries.length;
    while (at > 0 && this.#entries[at - 1]!.atMs > atMs) at -= 1;
    this.#entries.splice(at, 0, entry);
    return { cancel: () => this.#cancel(entry) };
  }

  /** A clock for one life of a server. After `end` none of its timers fires. */
  forLife(): Clock & { end(): void } {
    let isOver = false;
    return {
      monotonicMs: () => this.#monotonicMs,
      wallMs: () => this.#wallMs,
      setTimer: (atMs, listener) =>
        this.setTimer(atMs, () => {
          if (!isOver) listener();
        }),
      end: () => {
        isOver = true;
      },
    };
  }

  #cancel(entry: Entry): void {
    const at = this.#entries.indexOf(entry);
    if (at !== -1) this.#entries.splice(at, 1);
  }
}
