import type { Checkpoint } from "./checkpoint.js";
import type { Collector } from "./collector.js";
import { isNoSpace } from "./disk.js";
import type { GroupCommitter } from "./group-committer.js";
import type { SegmentSet } from "./segment-set.js";
import type { SpaceReserve } from "./space-reserve.js";

/** A checkpoint begins this long after the first change, or when this much of log has been written since the last. */
const DELAY_MS = 500;
const LOG_BYTES_MAX = 64 * 1024 * 1024;
/** How often a full disk is looked at again. */
const FULL_DELAY_MS = 1000;

/** The clock of an engine. */
export interface EngineClock {
  /** Rises with real time, whatever happens to the wall clock. */
  monotonicMs(): number;
  /** Calls back once. @returns How to call it off. */
  after(delayMs: number, callback: () => void): () => void;
}

export const systemClock: EngineClock = {
  monotonicMs: () => performance.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

export interface CheckpointLoopOptions {
  readonly checkpoint: Checkpoint;
  readonly collector: Collector;
  readonly committer: GroupCommitter;
  readonly segments: SegmentSet;
  readonly reserve: SpaceReserve;
  readonly clock: EngineClock;
  readonly onProblem: (message: string, cause: unknown) => void;
}

/** Decides when a checkpoint is made and segments are given back. Nothing runs while nothing changes. */
export class CheckpointLoop {
  readonly #options: CheckpointLoopOptions;
  #cancel: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #isAgain = false;
  #isClosed = false;
  #bytesAtLast = 0;
  #writtenAtMs: number;

  constructor(options: CheckpointLoopOptions) {
    this.#options = options;
    this.#writtenAtMs = options.clock.monotonicMs();
  }

  /** How long ago the last checkpoint was finished. */
  get ageMs(): number {
    return this.#options.clock.monotonicMs() - this.#writtenAtMs;
  }

  /** Called after each durable group. */
  noticeGroup(): void {
    if (this.#options.committer.stats.bytes - this.#bytesAtLast >= LOG_BYTES_MAX) this.#begin();
    else this.#schedule(DELAY_MS);
  }

  /** Makes a checkpoint now, and gives back what it frees; resolves when nothing is left to do. */
  async flush(): Promise<void> {
    // One that is under way may have begun before the latest commits.
    await this.#running;
    do await this.#begin();
    while (this.#isAgain);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel?.();
    await this.#running;
    if (this.#options.committer.fatal === undefined && this.#options.checkpoint.isNeeded) {
      await this.#options.checkpoint.write();
    }
  }

  #schedule(delayMs: number): void {
    if (this.#cancel !== undefined || this.#isClosed) return;
    this.#cancel = this.#options.clock.after(delayMs, () => {
      this.#cancel = undefined;
      void this.#begin();
    });
  }

  #begin(): Promise<void> {
    if (this.#running !== undefined) return this.#running;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(): Promise<void> {
    const { checkpoint, collector, committer, segments, reserve, clock, onProblem } = this.#options;
    this.#isAgain = false;
    if (committer.fatal !== undefined) return;
    try {
      this.#bytesAtLast = committer.stats.bytes;
      if (checkpoint.isNeeded) await checkpoint.write();
      this.#writtenAtMs = clock.monotonicMs();
      this.#isAgain = !this.#isClosed && (await collector.collect());
      await segments.closeIdleFiles();
      if (!(await reserve.restore())) this.#schedule(FULL_DELAY_MS);
    } catch (error) {
      // What was to be written is still in memory and in the log: it is tried again.
      if (isNoSpace(error)) await reserve.spend();
      onProblem("a checkpoint failed and is tried again", error);
      this.#schedule(FULL_DELAY_MS);
      return;
    }
    if (this.#isAgain || checkpoint.isNeeded) this.#schedule(DELAY_MS);
  }
}
