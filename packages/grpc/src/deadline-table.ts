/**
 * Deadlines of many calls on one timer.
 *
 * Calls end long before their deadline, thousands a second, so both adding and removing must be cheap and leave
 * nothing behind: deadlines are kept in buckets of 10 ms, and an emptied bucket goes.
 */

const BUCKET_MS = 10;
/** `setTimeout` overflows beyond 24.8 days; a wake-up too early does no harm. */
const WAKE_MS_MAX = 3_600_000;

export interface Expirable {
  /** Called once when the deadline has passed. */
  expire(): void;
}

export interface Timer {
  cancel(): void;
  /** Says whether the process stays alive until the timer fires. It does not where nothing is said. */
  hold?(isHeld: boolean): void;
}

/** What the table needs of time. */
export interface TimeSource {
  nowMs(): number;
  setTimer(delayMs: number, listener: () => void): Timer;
}

export const systemTime: TimeSource = {
  nowMs: () => performance.now(),
  setTimer: (delayMs, listener) => {
    const timer = setTimeout(listener, delayMs);
    timer.unref();
    return {
      cancel: () => clearTimeout(timer),
      hold: (isHeld) => void (isHeld ? timer.ref() : timer.unref()),
    };
  },
};

export class DeadlineTable {
  readonly #time: TimeSource;
  readonly #buckets = new Map<number, Set<Expirable>>();
  #wake: Timer | undefined;
  #wakeBucket = Number.POSITIVE_INFINITY;

  constructor(time: TimeSource) {
    this.#time = time;
  }

  /** How many deadlines are waited for. */
  get size(): number {
    let size = 0;
    for (const bucket of this.#buckets.values()) size += bucket.size;
    return size;
  }

  /** @returns What `remove` needs. */
  add(atMs: number, call: Expirable): number {
    const key = Math.ceil(atMs / BUCKET_MS);
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) this.#buckets.set(key, new Set([call]));
    else bucket.add(call);
    if (key < this.#wakeBucket) this.#wakeAt(key);
    return key;
  }

  remove(key: number, call: Expirable): void {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return;
    bucket.delete(call);
    if (bucket.size === 0) this.#buckets.delete(key);
  }

  close(): void {
    this.#wake?.cancel();
    this.#buckets.clear();
    this.#wakeBucket = Number.POSITIVE_INFINITY;
  }

  #wakeAt(key: number): void {
    this.#wake?.cancel();
    this.#wakeBucket = key;
    const delayMs = Math.min(WAKE_MS_MAX, Math.max(0, key * BUCKET_MS - this.#time.nowMs()));
    this.#wake = this.#time.setTimer(Math.ceil(delayMs), () => this.#expireDue());
  }

  #expireDue(): void {
    this.#wake = undefined;
    this.#wakeBucket = Number.POSITIVE_INFINITY;
    const dueKey = Math.floor(this.#time.nowMs() / BUCKET_MS);
    let nextKey = Number.POSITIVE_INFINITY;
    for (const [key, bucket] of this.#buckets) {
      if (key > dueKey) {
        nextKey = Math.min(nextKey, key);
        continue;
      }
      this.#buckets.delete(key);
      for (const call of bucket) call.expire();
    }
    if (nextKey < this.#wakeBucket) this.#wakeAt(nextKey);
  }
}
