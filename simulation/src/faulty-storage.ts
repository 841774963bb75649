import {
  type Closeable,
  type Entry,
  type LogRecord,
  type LogRef,
  type Pos,
  type ReadOptions,
  type Storage,
  StorageError,
  type Write,
} from "@peal/store";
import type { SeededRandom } from "./seeded-random.js";
import type { VirtualClock } from "./virtual-clock.js";

/** How often what goes wrong. All in [0, 1]. */
export interface FaultRates {
  /** A commit takes longer than a moment. */
  readonly slowCommit: number;
  readonly slowRead: number;
  /** A commit whose outcome nobody learns. */
  readonly unknown: number;
  /** A read that fails. */
  readonly failedRead: number;
  /** While the disk is full: even an ack finds no room. */
  readonly fullForAcks: number;
}

export const NO_FAULTS: FaultRates = { slowCommit: 0, slowRead: 0, unknown: 0, failedRead: 0, fullForAcks: 0 };

const COMMIT_DELAY_MAX_MS = 400;
/** Small against the shortest lease: a redelivery that waits for its read is out from when it was granted. */
const READ_DELAY_MAX_MS = 20;

interface Pending {
  readonly writes: readonly Write[];
  readonly resolve: (positions: number[]) => void;
  readonly reject: (error: Error) => void;
  readonly fault: "none" | "unknownWritten" | "unknownLost";
}

/**
 * One server's view of a store that outlives it. Commits take time, take effect in their order, and may be refused or
 * end in doubt; when the server dies, what had not taken effect is lost, from the first such commit on.
 */
export class FaultyStorage implements Storage {
  readonly atomic = true;
  readonly #inner: Storage;
  readonly #clock: VirtualClock;
  readonly #random: SeededRandom;
  readonly #pending: Pending[] = [];
  rates: FaultRates;
  isFull = false;
  #isDead = false;
  /** Grows with everything that is asked of it or comes of it: shows whether the server has come to rest. */
  activity = 0;
  /** Commits that were refused or ended in doubt. */
  faults = 0;

  constructor(inner: Storage, clock: VirtualClock, random: SeededRandom, rates: FaultRates) {
    this.#inner = inner;
    this.#clock = clock;
    this.#random = random;
    this.rates = rates;
  }

  commit(writes: readonly Write[]): Promise<number[]> {
    this.activity += 1;
    if (this.#isDead) return never();
    return new Promise((resolve, reject) => {
      const isInDoubt = this.#random.chance(this.rates.unknown);
      const fault = isInDoubt ? (this.#random.chance(0.5) ? "unknownWritten" : "unknownLost") : "none";
      this.#pending.push({ writes, resolve, reject, fault });
      this.#clock.setTimer(this.#clock.nowMs + this.#delayMs(this.rates.slowCommit, COMMIT_DELAY_MAX_MS), () =>
        this.#apply(),
      );
    });
  }

  async read(log: LogRef, after: Pos, options: ReadOptions): Promise<readonly LogRecord[]> {
    await this.#wait();
    if (this.#random.chance(this.rates.failedRead)) {
      this.faults += 1;
      throw new Error("simulated: the disk did not answer");
    }
    return this.#inner.read(log, after, options);
  }

  async seekTime(log: LogRef, timeMs: number): Promise<Pos> {
    await this.#wait();
    return this.#inner.seekTime(log, timeMs);
  }

  async get(key: string): Promise<Entry | undefined> {
    await this.#wait();
    return this.#inner.get(key);
  }

  async *list(prefix: string): AsyncGenerator<readonly [key: string, entry: Entry]> {
    await this.#wait();
    yield* this.#inner.list(prefix);
  }

  async *logs(kind: LogRef["kind"]): AsyncGenerator<LogRef> {
    await this.#wait();
    yield* this.#inner.logs(kind);
  }

  tail(log: LogRef): Pos {
    return this.#inner.tail(log);
  }

  head(log: LogRef): Pos {
    return this.#inner.head(log);
  }

  follow(log: LogRef, after: Pos, onRecords: (records: readonly LogRecord[]) => void): Closeable {
    return this.#inner.follow(log, after, onRecords);
  }

  watch(prefix: string, onChange: (key: string, entry: Entry | undefined) => void): Closeable {
    return this.#inner.watch(prefix, onChange);
  }

  async close(): Promise<void> {
    // The store outlives this server; only the view ends.
    this.#isDead = true;
  }

  /** The server dies now. Some of the commits under way, a prefix, take effect all the same. */
  kill(): void {
    const survivors = this.#random.integer(0, this.#pending.length);
    for (const { writes } of this.#pending.splice(0).slice(0, survivors)) {
      // A refusal changes nothing, and nobody is there to be told.
      this.#inner.commit(writes).catch(() => undefined);
    }
    this.#isDead = true;
  }

  /** Applies the oldest pending commit: as many timers as commits, so each gets its turn, and in order. */
  #apply(): void {
    if (this.#isDead) return;
    const pending = this.#pending.shift();
    if (pending === undefined) throw new Error("a timer of the simulated store has no commit");
    this.activity += 1;
    if (this.isFull && this.#needsRoom(pending.writes)) {
      this.faults += 1;
      pending.reject(new StorageError("Full", "simulated: no space left"));
      return;
    }
    if (pending.fault === "unknownLost") {
      this.#fail(pending);
      return;
    }
    this.#inner.commit(pending.writes).then(
      (positions) => {
        this.activity += 1;
        if (this.#isDead) return;
        if (pending.fault === "unknownWritten") this.#fail(pending);
        else pending.resolve(positions);
      },
      (error: Error) => {
        this.activity += 1;
        pending.reject(error);
      },
    );
  }

  /** In doubt: nothing that comes after it may take effect either, until somebody has looked. */
  #fail(pending: Pending): void {
    this.faults += 1;
    pending.reject(new StorageError("Unknown", "simulated: the outcome of the write is not known"));
    for (const later of this.#pending.splice(0)) {
      later.reject(new StorageError("Unknown", "simulated: the log has stopped"));
    }
    this.#isDead = true;
  }

  #needsRoom(writes: readonly Write[]): boolean {
    return writes.some((write) => {
      if (write.kind === "append") return true;
      if (write.kind === "put") return write.value !== null && this.#random.chance(0.5);
      return write.kind === "appendIf" && this.#random.chance(this.rates.fullForAcks);
    });
  }

  #wait(): Promise<void> {
    this.activity += 1;
    if (this.#isDead) return never();
    return new Promise((resolve) => {
      this.#clock.setTimer(this.#clock.nowMs + this.#delayMs(this.rates.slowRead, READ_DELAY_MAX_MS), () => {
        if (this.#isDead) return;
        this.activity += 1;
        resolve();
      });
    });
  }

  #delayMs(slow: number, maxMs: number): number {
    return this.#random.chance(slow) ? this.#random.integer(2, maxMs) : this.#random.integer(0, 1);
  }
}

/** Whoever waits for a dead server waits for ever. */
function never<T>(): Promise<T> {
  return new Promise<T>(() => undefined);
}
