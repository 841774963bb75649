import type { Write } from "../storage.js";
import { StorageError } from "../storage-error.js";
import { checkWrites } from "../write-limits.js";
import { applyEntry } from "./apply.js";
import { isNoSpace } from "./disk.js";
import { encodeSegmentHeader, SEGMENT_HEADER_BYTES } from "./frame.js";
import type { Listeners } from "./listeners.js";
import type { LogIndex } from "./log-index.js";
import type { SegmentSet } from "./segment-set.js";
import type { SpaceReserve } from "./space-reserve.js";
import { full, type Move, type Staging } from "./staging.js";

/** A group holds at most this much, unless one commit is bigger. */
const GROUP_BYTES_MAX = 1024 * 1024;
/** A bigger write is made in slices: single writes of 2 MiB and more fall off a cliff. */
const SLICE_BYTES = 1024 * 1024;

interface Request {
  readonly writes: readonly Write[] | undefined;
  readonly moves: readonly Move[] | undefined;
  /** The bytes of data; what decides whether it still fits into a group. */
  readonly bytes: number;
  readonly resolve: (results: number[]) => void;
  readonly reject: (error: unknown) => void;
  results: number[] | undefined;
  /** Why it is refused; said when its group is settled, since what it was checked against may be in that group. */
  refusal: unknown;
}

export interface GroupCommitterOptions {
  readonly index: LogIndex;
  readonly segments: SegmentSet;
  readonly staging: Staging;
  readonly listeners: Listeners;
  readonly reserve: SpaceReserve;
  readonly segmentBytes: number;
  readonly monotonicMs: () => number;
  /** Called when nothing may be written any more: a sync failed, so nobody knows what the disk holds. */
  readonly onFatal: (error: Error) => void;
  /** Called after each durable group. */
  readonly onDurable: () => void;
}

export interface CommitterStats {
  groups: number;
  entries: number;
  bytes: number;
  syncMs: number;
}

/**
 * Makes commits durable in groups. One group is in flight; what arrives meanwhile is the next. A group is written to the
 * head of the log and synced, then applied to the index, then told to listeners, then its commits resolve.
 */
export class GroupCommitter {
  readonly stats: CommitterStats = { groups: 0, entries: 0, bytes: 0, syncMs: 0 };
  readonly #options: GroupCommitterOptions;
  #queue: Request[] = [];
  #isRunning = false;
  #fatal: Error | undefined;
  #mustRoll = false;
  #onIdle: (() => void)[] = [];

  constructor(options: GroupCommitterOptions) {
    this.#options = options;
  }

  get fatal(): Error | undefined {
    return this.#fatal;
  }

  commit(writes: readonly Write[]): Promise<number[]> {
    return new Promise((resolve, reject) => {
      const bytes = checkWrites(writes);
      this.#enqueue({ writes, moves: undefined, bytes, resolve, reject, results: undefined, refusal: undefined });
    });
  }

  /** Copies live entries to the head, for the collector. */
  move(moves: readonly Move[], bytes: number): Promise<number[]> {
    return new Promise((resolve, reject) => {
      this.#enqueue({ writes: undefined, moves, bytes, resolve, reject, results: undefined, refusal: undefined });
    });
  }

  /** Resolves when nothing waits and nothing is in flight. */
  idle(): Promise<void> {
    if (!this.#isRunning) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  /** Ends writing; what waits and what comes is refused as `Unknown`. */
  stop(error: Error): void {
    if (this.#fatal !== undefined) return;
    this.#fatal = error;
    this.#options.onFatal(error);
  }

  #enqueue(request: Request): void {
    if (this.#fatal !== undefined) {
      request.reject(unknown(this.#fatal));
      return;
    }
    this.#queue.push(request);
    if (this.#isRunning) return;
    this.#isRunning = true;
    // Not at once: what the same turn of the event loop brings belongs to the same group.
    setImmediate(() => void this.#run());
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      const requests = this.#form();
      try {
        await this.#write(requests);
      } catch (error) {
        await this.#fail(requests, error);
      }
      // Commits made by those that just resolved, and by what else this turn brings, join the next group.
      if (this.#fatal === undefined) await new Promise(setImmediate);
    }
    this.#isRunning = false;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  /** Takes as many waiting commits as fit into one group. */
  #form(): Request[] {
    const { staging, segments, reserve } = this.#options;
    staging.isSpaceLow = reserve.isSpent;
    staging.begin(segments.head.id);
    let count = 0;
    for (; count < this.#queue.length; count += 1) {
      const request = this.#queue[count]!;
      if (count > 0 && staging.group.sizeBytes + request.bytes > GROUP_BYTES_MAX) break;
      request.results = undefined;
      request.refusal = undefined;
      try {
        if (request.moves !== undefined) staging.addMoves(request.moves);
        request.results = request.writes === undefined ? [] : staging.add(request.writes);
      } catch (error) {
        request.refusal = error;
      }
    }
    return this.#queue.splice(0, count);
  }

  async #write(requests: Request[]): Promise<void> {
    const { index, segments, staging } = this.#options;
    const group = staging.group;
    if (group.entryCount > 0) {
      if (this.#isHeadFull(group.sizeBytes)) {
        const { lsn, lastRevision } = index;
        await segments.roll({ firstLsn: lsn + 1, lastRevision, atLeastId: 1 });
        this.#mustRoll = false;
      }
      await this.#writeFrame();
    }
    staging.keepDedups();
    for (const request of requests) {
      if (request.results === undefined) request.reject(request.refusal);
      else request.resolve(request.results);
    }
    if (group.entryCount > 0) this.#options.onDurable();
  }

  #isHeadFull(frameBytes: number): boolean {
    const { sizeBytes } = this.#options.segments.head;
    if (sizeBytes === SEGMENT_HEADER_BYTES) return false;
    return this.#mustRoll || sizeBytes + frameBytes > this.#options.segmentBytes;
  }

  async #writeFrame(): Promise<void> {
    const { index, segments, staging, monotonicMs } = this.#options;
    const head = segments.head;
    const lsn = index.lsn + 1;
    const { salt } = head.header;
    const buffers = staging.group.finish({ segment: head.id, salt, lsn, lastRevision: index.lastRevision });
    const start = head.sizeBytes;
    const isFirst = start === SEGMENT_HEADER_BYTES;
    if (isFirst) buffers.unshift(encodeSegmentHeader(head.header));
    await head.use(async (file) => {
      await writeSliced(file, buffers, isFirst ? 0 : start);
      const beganAtMs = monotonicMs();
      try {
        await file.datasync();
      } catch (error) {
        throw new SyncError("fdatasync failed; what the disk holds is unknown", { cause: error });
      }
      this.stats.syncMs += monotonicMs() - beganAtMs;
    });
    head.sizeBytes = start + staging.group.sizeBytes;
    this.#apply(head.id, start, lsn);
  }

  /** The group is durable: what it says becomes true, and is told. */
  #apply(segment: number, start: number, lsn: number): void {
    const { index, staging, listeners } = this.#options;
    const group = staging.group;
    for (let at = 0; at < group.entryCount; at += 1) {
      const entry = group.entry(at);
      applyEntry(index, entry, segment, start + entry.offset);
    }
    index.lsn = lsn;
    index.lastRevision = Math.max(index.lastRevision, staging.lastRevision);
    this.stats.groups += 1;
    this.stats.entries += group.entryCount;
    this.stats.bytes += group.sizeBytes;
    listeners.tell(group);
  }

  async #fail(requests: Request[], error: unknown): Promise<void> {
    if (error instanceof SyncError || !isNoSpace(error)) {
      this.stop(error instanceof Error ? error : new Error(String(error)));
      for (const request of [...requests, ...this.#queue.splice(0)]) request.reject(unknown(this.#fatal));
      return;
    }
    try {
      await this.#makeRoom();
      // With the room just made, messages are refused and everything else is tried once more.
      this.#queue.unshift(...requests);
    } catch (failure) {
      if (!(failure instanceof StorageError)) {
        await this.#fail(requests, new SyncError("cutting a partial frame failed", { cause: failure }));
        return;
      }
      for (const request of requests) request.reject(failure);
    }
  }

  /** Cuts what was written of the group; then finds room. @throws {StorageError} `Full` when there is none. */
  async #makeRoom(): Promise<void> {
    const { segments, reserve } = this.#options;
    const head = segments.head;
    await head.use((file) => file.truncate(head.sizeBytes === SEGMENT_HEADER_BYTES ? 0 : head.sizeBytes));
    if (segments.spareCount > 0 && head.sizeBytes > SEGMENT_HEADER_BYTES && !this.#mustRoll) {
      this.#mustRoll = true;
      return;
    }
    await segments.dropSpares();
    if (!(await reserve.spend())) throw full();
  }
}

/** The disk did not say that the bytes are safe. Never tried again: the kernel may have thrown them away. */
class SyncError extends Error {
  override readonly name = "SyncError";
}

function unknown(cause: Error | undefined): StorageError {
  return new StorageError("Unknown", "the log cannot be written any more; restart to see what is there", { cause });
}

async function writeSliced(
  file: { write(buffers: readonly Uint8Array[], position: number): Promise<void> },
  buffers: readonly Uint8Array[],
  position: number,
): Promise<void> {
  let at = position;
  let slice: Uint8Array[] = [];
  let sliceBytes = 0;
  for (const buffer of buffers) {
    for (let from = 0; from < buffer.byteLength; ) {
      const piece = buffer.subarray(from, from + SLICE_BYTES - sliceBytes);
      slice.push(piece);
      sliceBytes += piece.byteLength;
      from += piece.byteLength;
      if (sliceBytes < SLICE_BYTES) continue;
      await file.write(slice, at);
      at += sliceBytes;
      slice = [];
      sliceBytes = 0;
    }
  }
  if (sliceBytes > 0) await file.write(slice, at);
}
