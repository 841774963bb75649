/**
 * Writes one subscription's ack log: one record in flight, the next one filling inside the core.
 *
 *   idle ──persist──▶ scheduled ──end of turn──▶ in flight ──durable──▶ idle, or the next record at once
 *                                                  │ ▲
 *                                              Full▼ │the same bytes at the same position
 *                                                 retrying
 */
import { PubSubError, type Subscription } from "@peal/core";
import { type LogRef, StorageError } from "@peal/store";
import type { Activity } from "./activity.js";
import type { Clock } from "./clock.js";
import type { CommitLine } from "./commit-line.js";
import { fromStorage } from "./engine-errors.js";
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

interface InFlight {
  readonly data: Uint8Array;
  readonly isCheckpoint: boolean;
  /** The low watermark once this is durable. */
  readonly floor: number;
  readonly waiters: Waiter[];
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
  #inFlight: InFlight | undefined;
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

  /** Whether everything the core holds is durable. */
  get isIdle(): boolean {
    return this.#inFlight === undefined && !this.#isScheduled && !this.#core.isDirty;
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

  /** Settles when all that the core was told so far is durable; undefined when it is. */
  whenDurable(): Promise<void> | undefined {
    if (this.#core.isDirty || this.#isScheduled) return wait(this.#filling);
    return this.#inFlight === undefined ? undefined : wait(this.#inFlight.waiters);
  }

  /**
   * Writes what is left, with the leases where there are some, so that a restart finds them. Where there is no space it
   * gives up: whoever waited has been told so.
   */
  async close(nowMs: number): Promise<void> {
    while (!this.isIdle && !this.#isClosed && !this.#isFull) {
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
    if (this.#isClosed || this.#isFull || this.#core.counts.outstanding === 0) return;
    const data = this.#core.takeCheckpoint(true, nowMs);
    this.#begin(data, true);
    await wait(this.#inFlight!.waiters);
  }

  /** The subscription is gone: nothing is written any more, and who waits is told why. */
  end(error: PubSubError): void {
    this.#isClosed = true;
    this.#parts.wakes.set(this.#retry, Number.POSITIVE_INFINITY);
    this.#reject(error);
    this.#tellIdle();
  }

  #write(): void {
    if (this.#inFlight !== undefined || this.#isClosed) return;
    const { checkpointBytes } = this.#parts.limits;
    const isCheckpoint = this.#tail === 0 || this.#stepBytes >= Math.max(checkpointBytes, this.#checkpointBytes);
    const data = !this.#core.isDirty
      ? undefined
      : isCheckpoint
        ? this.#core.takeCheckpoint(false, this.#parts.clock.monotonicMs())
        : this.#core.takeStep();
    if (data !== undefined) {
      this.#begin(data, isCheckpoint);
      return;
    }
    for (const waiter of this.#filling.splice(0)) waiter.resolve();
    this.#tellIdle();
  }

  #begin(data: Uint8Array, isCheckpoint: boolean): void {
    this.#inFlight = { data, isCheckpoint, floor: this.#core.floor, waiters: this.#filling };
    this.#filling = [];
    this.#send();
  }

  #send(): void {
    const { data, isCheckpoint } = this.#inFlight!;
    const timeMs = Math.floor(this.#parts.clock.wallMs());
    this.#parts.commits
      .commit([{ kind: "appendIf", log: this.#ref, previous: this.#tail, data, timeMs, replace: isCheckpoint }])
      .then(
        (positions) => this.#durable(positions[0]!),
        (error: unknown) => this.#refused(error),
      );
  }

  #durable(position: number): void {
    const { data, isCheckpoint, floor, waiters } = this.#inFlight!;
    this.#inFlight = undefined;
    this.#isFull = false;
    this.#tail = position;
    this.#checkpointBytes = isCheckpoint ? data.byteLength : this.#checkpointBytes;
    this.#stepBytes = isCheckpoint ? 0 : this.#stepBytes + data.byteLength;
    // The disk first: it works while the callers are told.
    this.#write();
    if (!this.#isClosed) this.#onFloor(floor);
    for (const waiter of waiters) waiter.resolve();
  }

  #refused(error: unknown): void {
    const answer = fromStorage(error, this.#name);
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

  #reject(error: PubSubError): void {
    const waiters = [...(this.#inFlight?.waiters.splice(0) ?? []), ...this.#filling.splice(0)];
    for (const waiter of waiters) waiter.reject(error);
  }

  #tellIdle(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

function wait(waiters: Waiter[]): Promise<void> {
  return new Promise((resolve, reject) => waiters.push({ resolve, reject }));
}
