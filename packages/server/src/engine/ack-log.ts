/**
 * Writes one subscription's ack log: one record in flight, the next one filling inside the core.
 *
 *   idle ──persist, run──▶ scheduled ──end of turn──▶ in flight ──durable──▶ idle, or the next record at once
 *                                                       │ ▲
 *                                                   Full▼ │the same bytes at the same position
 *                                                      retrying
 *
 * Jobs take turns with the Steps, so that neither waits for ever. A job that finds no space is not tried again: who gave
 * it decides.
 */
import { PubSubError, type Subscription } from "@peal/core";
import { type LogRef, StorageError } from "@peal/store";
import type { AckLogCommit, AckLogJob } from "./ack-log-job.js";
import type { Activity } from "./activity.js";
import type { Clock } from "./clock.js";
import type { CommitLine } from "./commit-line.js";
import { fromStorage, notFound } from "./engine-errors.js";
import type { EngineLimits } from "./engine-limits.js";
import { Wake, type WakeQueue } from "./wake-queue.js";

export interface AckLogParts {
  readonly commits: CommitLine;
  readonly clock: Clock;
  readonly activity: Activity;
  readonly wakes: WakeQueue;
  readonly limits: EngineLimits;
}

/** What the log was found to hold. */
export interface AckLogState {
  readonly tail: number;
  readonly checkpointBytes: number;
  readonly stepBytes: number;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: PubSubError) => void;
}

/** A Step or Checkpoint of the core. */
interface RecordInFlight {
  readonly kind: "record";
  readonly commit: AckLogCommit;
  /** The low watermark once this is durable. */
  readonly floor: number;
  readonly waiters: Waiter[];
}

interface JobInFlight {
  readonly kind: "job";
  readonly commit: AckLogCommit;
  readonly job: AckLogJob;
}

export class AckLog {
  readonly #name: string;
  readonly #ref: LogRef;
  readonly #core: Subscription;
  readonly #parts: AckLogParts;
  readonly #onFloor: (floor: number) => void;
  readonly #retry = new Wake(() => this.#send());
  #tail: number;
  #checkpointBytes: number;
  #stepBytes: number;
  #filling: Waiter[] = [];
  #inFlight: RecordInFlight | JobInFlight | undefined;
  #jobs: AckLogJob[] = [];
  /** Whose turn it is when there is a job and something dirty. */
  #isJobNext = false;
  #isScheduled = false;
  #isFull = false;
  #isClosed = false;
  #idle: (() => void)[] = [];

  /** @param onFloor - Told the durable low watermark after each record. */
  constructor(
    subscription: { readonly name: string; readonly ref: LogRef; readonly core: Subscription },
    state: AckLogState,
    parts: AckLogParts,
    onFloor: (floor: number) => void,
  ) {
    this.#name = subscription.name;
    this.#ref = subscription.ref;
    this.#core = subscription.core;
    this.#parts = parts;
    this.#onFloor = onFloor;
    this.#tail = state.tail;
    this.#checkpointBytes = state.checkpointBytes;
    this.#stepBytes = state.stepBytes;
  }

  /** Whether everything the core holds is durable, and no job waits or is under way. */
  get isIdle(): boolean {
    return this.#inFlight === undefined && !this.#isScheduled && !this.#core.isDirty && this.#jobs.length === 0;
  }

  /** The core has something to write: it goes at the end of this turn, or when the record in flight has landed. */
  persist(): void {
    if (this.#inFlight !== undefined || this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    this.#parts.activity.defer(() => {
      this.#isScheduled = false;
      this.#write();
    });
  }

  /** Gives `job` a turn when the log is free. A log that has ended fails it at once. */
  run(job: AckLogJob): void {
    if (this.#isClosed) {
      job.failed(this.#parts.commits.failure ?? notFound(this.#name));
      return;
    }
    this.#jobs.push(job);
    this.persist();
  }

  /** Settles when all that the core was told so far is durable; undefined when it is. Waits for no job. */
  whenDurable(): Promise<void> | undefined {
    if (this.#core.isDirty) return wait(this.#filling);
    return this.#inFlight?.kind === "record" ? wait(this.#inFlight.waiters) : undefined;
  }

  /** Resolves when nothing is under way, no job waits, or there is no space to go on. */
  async settled(): Promise<void> {
    while (!this.isIdle && !this.#isClosed && !this.#isFull) {
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
  }

  /**
   * Writes what is left, with the leases where there are some, so that a restart finds them. Where there is no space it
   * gives up: whoever waited has been told so.
   */
  async close(nowMs: number): Promise<void> {
    await this.settled();
    if (this.#isClosed || this.#isFull || this.#core.counts.outstanding === 0) return;
    const waiters = this.#begin({ record: this.#core.takeCheckpoint(true, nowMs), isCheckpoint: true });
    await wait(waiters);
  }

  /** The subscription is gone: nothing is written any more, and who waits is told why. */
  end(error: PubSubError): void {
    this.#isClosed = true;
    this.#parts.wakes.set(this.#retry, Number.POSITIVE_INFINITY);
    this.#reject(error);
    this.#tellIdle();
  }

  #write(): void {
    while (this.#inFlight === undefined && !this.#isClosed) {
      const { isDirty } = this.#core;
      // An ack log begins with a Checkpoint, so that what comes first has something to add to.
      if (this.#jobs.length > 0 && this.#tail > 0 && (this.#isJobNext || !isDirty)) this.#beginJob(this.#jobs.shift()!);
      else if (isDirty || this.#jobs.length > 0) this.#beginRecord();
      else {
        for (const waiter of this.#filling.splice(0)) waiter.resolve();
        this.#tellIdle();
        return;
      }
    }
  }

  #beginRecord(): void {
    const { checkpointBytes } = this.#parts.limits;
    const isCheckpoint = this.#tail === 0 || this.#stepBytes >= Math.max(checkpointBytes, this.#checkpointBytes);
    const record = isCheckpoint
      ? this.#core.takeCheckpoint(false, this.#parts.clock.monotonicMs())
      : this.#core.takeStep()!;
    this.#isJobNext = true;
    this.#begin({ record, isCheckpoint });
  }

  #beginJob(job: AckLogJob): void {
    this.#isJobNext = false;
    let commit: AckLogCommit | undefined;
    try {
      commit = job.form();
    } catch (error) {
      // A core that fails an assertion must not be asked again.
      const failure = this.#parts.commits.stop(error);
      this.end(failure);
      job.failed(failure);
      return;
    }
    if (commit === undefined) return;
    this.#inFlight = { kind: "job", commit, job };
    this.#send();
  }

  /** @returns Those who are told when it has landed. */
  #begin(commit: AckLogCommit): Waiter[] {
    const waiters = this.#filling;
    this.#filling = [];
    this.#inFlight = { kind: "record", commit, floor: this.#core.floor, waiters };
    this.#send();
    return waiters;
  }

  #send(): void {
    const { record: data, isCheckpoint, before = [], after = [] } = this.#inFlight!.commit;
    const timeMs = Math.floor(this.#parts.clock.wallMs());
    const previous = this.#tail;
    this.#parts.commits
      .commit([
        ...before,
        { kind: "appendIf", log: this.#ref, previous, data, timeMs, replace: isCheckpoint },
        ...after,
      ])
      .then(
        (positions) => this.#durable(positions),
        (error: unknown) => this.#refused(error),
      );
  }

  #durable(positions: readonly number[]): void {
    const landed = this.#inFlight!;
    const { record, isCheckpoint, before = [] } = landed.commit;
    this.#inFlight = undefined;
    this.#isFull = false;
    this.#tail = positions[before.length]!;
    this.#checkpointBytes = isCheckpoint ? record.byteLength : this.#checkpointBytes;
    this.#stepBytes = isCheckpoint ? 0 : this.#stepBytes + record.byteLength;
    if (landed.kind === "job") {
      // Before anything else: what it wrote to other logs is told in the order of the commits.
      landed.job.done({ before: positions.slice(0, before.length), after: positions.slice(before.length + 1) });
      const isDurable = !this.#core.isDirty;
      this.#write();
      if (isDurable && !this.#isClosed) this.#onFloor(this.#core.floor);
      return;
    }
    // The disk first: it works while the callers are told.
    this.#write();
    if (!this.#isClosed) this.#onFloor(landed.floor);
    for (const waiter of landed.waiters) waiter.resolve();
  }

  #refused(error: unknown): void {
    const answer = fromStorage(error, this.#name);
    const inFlight = this.#inFlight!;
    if (inFlight.kind === "job") {
      this.#refusedJob(inFlight.job, error, answer);
      return;
    }
    if (this.#isClosed || (error instanceof StorageError && error.code === "Gone")) {
      this.end(answer);
      return;
    }
    if (error instanceof StorageError && error.code === "Full") {
      // What the core took as settled stays so in memory; the same bytes are tried again until there is room.
      this.#isFull = true;
      this.#reject(answer);
      this.#tellIdle();
      this.#parts.wakes.set(this.#retry, this.#parts.clock.monotonicMs() + this.#parts.limits.fullRetryMs);
      return;
    }
    this.end(error instanceof PubSubError ? error : this.#parts.commits.stop(error));
  }

  /** Where something else of the commit was refused, the log goes on; were it gone itself, the next Step would tell. */
  #refusedJob(job: AckLogJob, error: unknown, answer: PubSubError): void {
    this.#inFlight = undefined;
    const isRefused = error instanceof RangeError || (error instanceof StorageError && error.code !== "Fenced");
    if (!isRefused) this.end(error instanceof PubSubError ? error : this.#parts.commits.stop(error));
    job.failed(this.#parts.commits.failure ?? answer);
    this.#write();
  }

  #reject(error: PubSubError): void {
    const inFlight = this.#inFlight?.kind === "record" ? this.#inFlight.waiters.splice(0) : [];
    for (const waiter of [...inFlight, ...this.#filling.splice(0)]) waiter.reject(error);
    for (const job of this.#jobs.splice(0)) job.failed(error);
  }

  #tellIdle(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

function wait(waiters: Waiter[]): Promise<void> {
  return new Promise((resolve, reject) => waiters.push({ resolve, reject }));
}
