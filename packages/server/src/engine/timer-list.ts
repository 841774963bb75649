import type { Timer } from "./clock.js";

interface Entry {
  readonly atMs: number;
  readonly listener: () => void;
}

/** The timers of a clock that is moved by hand. There are few: the engine keeps one. */
export class TimerList {
  #entries: Entry[] = [];

  add(atMs: number, listener: () => void): Timer {
    const entry = { atMs, listener };
    this.#entries.push(entry);
    return {
      cancel: () => {
        this.#entries = this.#entries.filter((other) => other !== entry);
      },
    };
  }

  nextAtMs(): number {
    return this.#entries.reduce((earliest, entry) => Math.min(earliest, entry.atMs), Number.POSITIVE_INFINITY);
  }

  /** Runs what is due at `nowMs`, earliest first; what that adds waits for the next call. */
  runDue(nowMs: number): void {
    const due = this.#entries.filter((entry) => entry.atMs <= nowMs);
    due.sort((left, right) => left.atMs - right.atMs);
    for (const entry of due) {
      // A listener before this one may have cancelled it.
      if (!this.#entries.includes(entry)) continue;
      this.#entries = this.#entries.filter((other) => other !== entry);
      entry.listener();
    }
  }
}
