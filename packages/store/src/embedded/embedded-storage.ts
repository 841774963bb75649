/**
 * The embedded engine: one process, one directory of a local disk.
 *
 *   store.json       format, identity, start number
 *   lock.sock        the directory's lock
 *   reserve          room kept back for when the disk is full
 *   log/N.log        segments of the commit log: the source of truth
 *   log/N.free       freed segments, kept to be written over
 *   index/index.mdb  where things are, as of the last checkpoint: LMDB, rebuilt from the log where it is lost
 *
 * The way of a commit: `Staging` checks it and gives positions, `Group` encodes, `GroupCommitter` writes and syncs one
 * frame, `applyEntry` makes it true in `LogIndex`, `Listeners` tell, the commit resolves. Later a `Checkpoint` moves what
 * is in memory to the index's file, and the `Collector` frees segments.
 *
 * Invariants
 * 1. Nothing is true before the frame that says it is synced: staged state is provisional, a failed group is forgotten.
 * 2. LSNs have no gaps within a segment. A frame that is not whole is the torn end of the newest segment, or damage.
 * 3. What is live is in the log: live records, the last trim of each log (it holds the tail of an empty one), the latest
 *    value of each key, and each deletion and drop while a segment stands that may hold what it ended. So one scan of
 *    the segments, in order, gives the whole state: by position, a floor only rises; by key, the highest revision counts.
 * 4. The charge of a segment is the sum over the index's rows that point into it, changed in the same transaction. A
 *    segment goes when its charge is 0, the index no longer lists it, no replay begins in it and nobody reads it.
 * 5. The index's file never knows more than the log: a checkpoint writes only what is synced.
 */
import { access, constants, mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { DedupWindow } from "../dedup-window.js";
import type { Closeable, Entry, LogRecord, LogRef, Pos, ReadOptions, Storage, Write } from "../storage.js";
import { StorageError } from "../storage-error.js";
import { CheckpointLoop, type EngineClock, systemClock } from "./checkpoint-loop.js";
import { Collector } from "./collector.js";
import { DataDirectory } from "./data-directory.js";
import { type DirectoryLock, lockDirectory } from "./directory-lock.js";
import { type Disk, isNoSpace } from "./disk.js";
import { GroupCommitter } from "./group-committer.js";
import { IndexFile } from "./index-file.js";
import { Listeners } from "./listeners.js";
import type { LogIndex } from "./log-index.js";
import { LogReader } from "./log-reader.js";
import { listMetadata } from "./metadata-list.js";
import { nodeDisk } from "./node-disk.js";
import { ReadGate } from "./read-gate.js";
import { recover } from "./recovery.js";
import { SegmentSet } from "./segment-set.js";
import { SpaceReserve } from "./space-reserve.js";
import { Staging } from "./staging.js";
import { StorageOpenError } from "./storage-open-error.js";

export interface EmbeddedStorageOptions {
  /** The data directory; made where it is missing. */
  readonly directory: string;
  /** Told of repairs, damage and trouble, one sentence each. */
  readonly log?: (event: StorageEvent) => void;
  /**
   * Called once when nothing can be written any more, because a sync failed. The process must end; the next start finds
   * out what is there. Where absent, the error is thrown and ends the process.
   */
  readonly onFatal?: (error: Error) => void;
  /** Size of a segment, in bytes. */
  readonly segmentBytes?: number;
  /** Room kept back for a full disk, in bytes; 0 for none. */
  readonly reserveBytes?: number;
  /** Reads of the log in flight; they share libuv's threads with commits. */
  readonly readsInFlightMax?: number;
  /** How much the collector may copy per second, in bytes. */
  readonly collectBytesPerSecond?: number;
  /** Rows of the index changed in one transaction, about; a checkpoint holds the event loop no longer than one takes. */
  readonly checkpointRows?: number;
  readonly disk?: Disk;
  readonly clock?: EngineClock;
}

export interface StorageEvent {
  readonly level: "info" | "warn" | "error";
  readonly message: string;
  readonly cause?: unknown;
}

/** Figures of an engine since it was opened, for metrics. */
export interface EmbeddedStorageStats {
  readonly logs: number;
  readonly segments: number;
  readonly spareSegments: number;
  /** Bytes of all segments up to their ends. */
  readonly logBytes: number;
  /** Of these, what the index points to as of the last checkpoint. */
  readonly liveBytes: number;
  readonly groups: number;
  readonly entries: number;
  readonly writtenBytes: number;
  /** Time spent in fdatasync. */
  readonly syncMs: number;
  readonly checkpointAgeMs: number;
  readonly movedBytes: number;
  readonly freedSegments: number;
  /** Bytes free on the disk. */
  readonly freeBytes: number;
  /** Whether messages are refused for lack of space. */
  readonly isFull: boolean;
}

export interface EmbeddedStorage extends Storage {
  /** Drawn once per data directory, in hex. */
  readonly identity: string;
  /** How often the directory was opened, this time included. */
  readonly startNumber: number;
  stats(): Promise<EmbeddedStorageStats>;
  /** Makes a checkpoint and collects what it may; for tests and for a clean moment. Nothing depends on it. */
  checkpoint(): Promise<void>;
}

const SEGMENT_BYTES = 64 * 1024 * 1024;
const RESERVE_BYTES = 16 * 1024 * 1024;
const READS_IN_FLIGHT = 2;
const COLLECT_BYTES_PER_SECOND = 32 * 1024 * 1024;

/** Opens a data directory. @throws {StorageOpenError} when it is locked, not writable, newer than this version or damaged. */
export async function openEmbeddedStorage(options: EmbeddedStorageOptions): Promise<EmbeddedStorage> {
  const directory = resolve(options.directory);
  await makeWritable(directory);
  const tell = options.log ?? (() => undefined);
  const lock = await lockDirectory(directory, (message) => tell({ level: "warn", message }));
  try {
    return await openLocked(directory, lock, options, tell);
  } catch (error) {
    await lock.release();
    throw asOpenError(directory, error);
  }
}

/** An error of the file system says what it is about; callers need to know only that the directory is of no use. */
function asOpenError(directory: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof StorageOpenError || !("syscall" in error)) return error;
  return new StorageOpenError("Unwritable", `${directory} cannot be opened (${error.message})`, { cause: error });
}

async function makeWritable(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const text = `${directory} cannot be written to (${error instanceof Error ? error.message : String(error)})`;
    throw new StorageOpenError("Unwritable", text, { cause: error });
  }
}

async function openLocked(
  path: string,
  lock: DirectoryLock,
  options: EmbeddedStorageOptions,
  tell: (event: StorageEvent) => void,
): Promise<EmbeddedStorage> {
  const disk = options.disk ?? nodeDisk;
  const clock = options.clock ?? systemClock;
  const reserve = new SpaceReserve(disk, path, options.reserveBytes ?? RESERVE_BYTES);
  const { directory, closedIndex } = await openDirectory(disk, path, reserve);
  const { identity } = directory;
  const logDirectory = join(path, "log");
  await disk.makeDirectory(logDirectory);
  await disk.syncDirectory(path);
  const segments = new SegmentSet(disk, logDirectory, identity);
  const indexFile = new IndexFile(path);
  const onRepair = (message: string) => tell({ level: "warn", message });
  const { checkpointRows } = options;
  const { index, checkpoint } = await recover({ segments, indexFile, identity, closedIndex, checkpointRows, onRepair });
  if (!(await reserve.lay()))
    tell({ level: "warn", message: "there is no room for the reserve: messages are refused" });
  const gate = new ReadGate(options.readsInFlightMax ?? READS_IN_FLIGHT);
  const staging = new Staging(index, new DedupWindow(() => clock.monotonicMs()));
  const listeners = new Listeners();
  const monotonicMs = () => clock.monotonicMs();
  const onFatal = options.onFatal ?? throwFatal;
  const segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
  const committer: GroupCommitter = new GroupCommitter({
    ...{ index, segments, staging, listeners, reserve, segmentBytes, monotonicMs, onFatal },
    onDurable: () => loop.noticeGroup(),
  });
  const collector = new Collector({
    ...{ index, segments, checkpoint, committer, reserve, gate, monotonicMs },
    bytesPerSecond: options.collectBytesPerSecond ?? COLLECT_BYTES_PER_SECOND,
    onDamage: (message) => tell({ level: "error", message }),
  });
  const onProblem = (message: string, cause: unknown) => tell({ level: "error", message, cause });
  const loop: CheckpointLoop = new CheckpointLoop({
    checkpoint,
    collector,
    committer,
    segments,
    reserve,
    clock,
    onProblem,
  });
  // What the recovery brought into memory is due for a checkpoint.
  loop.noticeGroup();
  const reader = new LogReader(index, segments, gate);
  const parts = {
    directory,
    lock,
    disk,
    segments,
    index,
    indexFile,
    reserve,
    committer,
    collector,
    loop,
    reader,
    listeners,
  };
  return new Engine({ ...parts, tell });
}

/** Opens the directory; on a full disk with the room that the reserve gives up. */
async function openDirectory(disk: Disk, path: string, reserve: SpaceReserve) {
  try {
    return await DataDirectory.open(disk, path);
  } catch (error) {
    if (!isNoSpace(error)) throw error;
    await reserve.spend();
    return await DataDirectory.open(disk, path);
  }
}

function throwFatal(error: Error): void {
  queueMicrotask(() => {
    throw error;
  });
}

interface EngineParts {
  readonly directory: DataDirectory;
  readonly lock: DirectoryLock;
  readonly disk: Disk;
  readonly segments: SegmentSet;
  readonly index: LogIndex;
  readonly indexFile: IndexFile;
  readonly reserve: SpaceReserve;
  readonly committer: GroupCommitter;
  readonly collector: Collector;
  readonly loop: CheckpointLoop;
  readonly reader: LogReader;
  readonly listeners: Listeners;
  readonly tell: (event: StorageEvent) => void;
}

class Engine implements EmbeddedStorage {
  readonly atomic = true;
  readonly #parts: EngineParts;
  #closing: Promise<void> | undefined;

  constructor(parts: EngineParts) {
    this.#parts = parts;
  }

  get identity(): string {
    return this.#parts.directory.identity.toString("hex");
  }

  get startNumber(): number {
    return this.#parts.directory.startNumber;
  }

  commit(writes: readonly Write[]): Promise<number[]> {
    if (this.#closing !== undefined) return Promise.reject(closed());
    return this.#parts.committer.commit(writes);
  }

  tail(log: LogRef): Pos {
    this.#assertOpen();
    return this.#parts.index.logs.get(log)?.tail ?? 0;
  }

  head(log: LogRef): Pos {
    this.#assertOpen();
    const state = this.#parts.index.logs.get(log);
    return state === undefined || state.isDropped ? 1 : state.floor + 1;
  }

  async read(log: LogRef, after: Pos, options: ReadOptions): Promise<readonly LogRecord[]> {
    this.#assertOpen();
    const state = this.#parts.index.logs.get(log);
    if (state !== undefined && !state.isDropped) return await this.#parts.reader.read(state, after, options.maxBytes);
    if (this.#parts.index.isDropped(log)) throw new StorageError("Gone", `${log.kind} log ${log.id} is dropped`);
    return [];
  }

  async seekTime(log: LogRef, timeMs: number): Promise<Pos> {
    this.#assertOpen();
    const state = this.#parts.index.logs.get(log);
    if (state !== undefined && !state.isDropped) return await this.#parts.reader.seekTime(state, timeMs);
    if (this.#parts.index.isDropped(log)) throw new StorageError("Gone", `${log.kind} log ${log.id} is dropped`);
    return 0;
  }

  async get(key: string): Promise<Entry | undefined> {
    this.#assertOpen();
    const row = this.#parts.index.metadata(key);
    return row === undefined || row.value === null ? undefined : { value: row.value, revision: row.revision };
  }

  list(prefix: string): AsyncIterable<readonly [key: string, entry: Entry]> {
    this.#assertOpen();
    return listMetadata(this.#parts.index, prefix);
  }

  follow(
    ref: LogRef,
    after: Pos,
    onRecords: (records: readonly LogRecord[]) => void,
    onFailure?: (error: StorageError) => void,
  ): Closeable {
    this.#assertOpen();
    const { index, listeners, reader, tell } = this.#parts;
    const log = index.open(ref);
    if (log === undefined) return { close: () => undefined };
    const read = (from: Pos, maxBytes: number) => reader.read(log, from, maxBytes);
    const fail = onFailure ?? ((error: StorageError) => tell({ level: "error", message: error.message, cause: error }));
    return listeners.follow(log, after, read, onRecords, fail);
  }

  watch(prefix: string, onChange: (key: string, entry: Entry | undefined) => void): Closeable {
    this.#assertOpen();
    const watching = this.#parts.listeners.watch(prefix, onChange);
    for (const [key, entry] of listMetadata(this.#parts.index, prefix).all()) onChange(key, entry);
    return watching;
  }

  async *logs(kind: LogRef["kind"]): AsyncGenerator<LogRef> {
    this.#assertOpen();
    const found = [...this.#parts.index.logs].filter((log) => log.kind === kind && !log.isDropped && log.tail > 0);
    for (const { id, part } of found) yield { kind, id, part };
  }

  async stats(): Promise<EmbeddedStorageStats> {
    this.#assertOpen();
    const { index, segments, committer, collector, loop, reserve, disk, directory } = this.#parts;
    const standing = [...segments];
    const sum = (figures: number[]) => figures.reduce((total, figure) => total + figure, 0);
    return {
      logs: index.logs.size,
      segments: segments.size,
      spareSegments: segments.spareCount,
      logBytes: sum(standing.map((segment) => segment.sizeBytes)),
      liveBytes: sum(standing.map((segment) => segment.liveBytes)),
      groups: committer.stats.groups,
      entries: committer.stats.entries,
      writtenBytes: committer.stats.bytes,
      syncMs: committer.stats.syncMs,
      checkpointAgeMs: loop.ageMs,
      movedBytes: collector.movedBytes,
      freedSegments: collector.freedSegments,
      freeBytes: await disk.freeBytes(directory.path),
      isFull: reserve.isSpent,
    };
  }

  async checkpoint(): Promise<void> {
    this.#assertOpen();
    await this.#parts.loop.flush();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { committer, loop, segments, index, indexFile, directory, lock, tell } = this.#parts;
    await committer.idle();
    let isClean = committer.fatal === undefined;
    try {
      await loop.close();
    } catch (cause) {
      isClean = false;
      tell({ level: "error", message: "the last checkpoint failed; the next start makes up for it", cause });
    }
    await segments.close();
    await index.store.close();
    const fingerprint = await indexFile.fingerprint();
    if (isClean && fingerprint !== undefined) await directory.close(fingerprint);
    await lock.release();
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw closed();
  }
}

function closed(): Error {
  return new Error("the storage is closed");
}
