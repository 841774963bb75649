import { DedupWindow } from "./dedup-window.js";
import { formatLog, LogTable } from "./log-table.js";
import { MemoryLog } from "./memory-log.js";
import { MemoryMetadata } from "./memory-metadata.js";
import type { Closeable, Entry, LogRecord, LogRef, Pos, ReadOptions, Storage, Write } from "./storage.js";
import { StorageError } from "./storage-error.js";
import { checkLogRef, checkWrites } from "./write-limits.js";

export interface MemoryStorageOptions {
  /** The clock of the dedup window, in ms; monotonic. */
  readonly monotonicMs?: () => number;
}

/** Opens an engine that keeps everything in memory and nothing after `close`. */
export function openMemoryStorage(options: MemoryStorageOptions = {}): Storage {
  return new MemoryStorage(options.monotonicMs ?? (() => performance.now()));
}

/** What earlier writes of the commit at hand will have done to a log; writes are checked against it before any is made. */
interface Staged {
  tail: Pos;
  isDropped: boolean;
  readonly dedupIds: Set<string>;
}

/**
 * The engine of `--ephemeral` and of simulations. A commit is checked, made and reported within the call; its promise
 * resolves in a microtask.
 */
class MemoryStorage implements Storage {
  readonly atomic = true;
  readonly #logs = new LogTable<MemoryLog>();
  readonly #metadata = new MemoryMetadata();
  readonly #dedup: DedupWindow;
  /** What listeners have yet to be told. A listener that commits adds to it, so everybody hears in commit order. */
  readonly #untold: (() => void)[] = [];
  #isTelling = false;
  #isClosed = false;

  constructor(monotonicMs: () => number) {
    this.#dedup = new DedupWindow(monotonicMs);
  }

  async commit(writes: readonly Write[]): Promise<number[]> {
    this.#assertOpen();
    checkWrites(writes);
    this.#checkAll(writes);
    const results = new Array<number>(writes.length);
    for (let index = 0; index < writes.length; index += 1) results[index] = this.#make(writes[index]!);
    this.#tell();
    return results;
  }

  tail(log: LogRef): Pos {
    this.#assertOpen();
    return this.#logs.get(log)?.tail ?? 0;
  }

  head(log: LogRef): Pos {
    this.#assertOpen();
    return this.#logs.get(log)?.head ?? 1;
  }

  async read(log: LogRef, after: Pos, options: ReadOptions): Promise<readonly LogRecord[]> {
    this.#assertOpen();
    const state = this.#logs.get(log);
    if (state === undefined) return [];
    if (state.isDropped) throw gone(log);
    return state.read(after, options.maxBytes);
  }

  async seekTime(log: LogRef, timeMs: number): Promise<Pos> {
    this.#assertOpen();
    const state = this.#logs.get(log);
    if (state === undefined) return 0;
    if (state.isDropped) throw gone(log);
    return state.seekTime(timeMs);
  }

  async get(key: string): Promise<Entry | undefined> {
    this.#assertOpen();
    return this.#metadata.get(key);
  }

  list(prefix: string): AsyncIterable<readonly [key: string, entry: Entry]> {
    this.#assertOpen();
    return iterate(this.#metadata.entriesOf(prefix));
  }

  follow(log: LogRef, after: Pos, onRecords: (records: readonly LogRecord[]) => void): Closeable {
    this.#assertOpen();
    return this.#logOf(log).follow(after, onRecords);
  }

  watch(prefix: string, onChange: (key: string, entry: Entry | undefined) => void): Closeable {
    this.#assertOpen();
    return this.#metadata.watch(prefix, onChange);
  }

  logs(kind: LogRef["kind"]): AsyncIterable<LogRef> {
    this.#assertOpen();
    const found: LogRef[] = [];
    for (const log of this.#logs) {
      if (log.kind === kind && !log.isDropped && log.tail > 0) found.push({ kind, id: log.id, part: log.part });
    }
    return iterate(found);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new Error("the storage is closed");
  }

  #logOf(ref: LogRef): MemoryLog {
    let log = this.#logs.get(ref);
    if (log === undefined) {
      checkLogRef(ref);
      log = new MemoryLog(ref);
      this.#logs.add(log);
    }
    return log;
  }

  /** Throws what the commit must be refused with, before anything is changed. */
  #checkAll(writes: readonly Write[]): void {
    const stagedLogs = new Map<MemoryLog, Staged>();
    const stagedKeys = new Map<string, boolean>();
    for (const write of writes) {
      if (write.kind === "put") this.#checkPut(write, stagedKeys);
      else this.#checkLogWrite(write, stagedLogs);
    }
  }

  #checkLogWrite(write: Exclude<Write, { kind: "put" }>, stagedLogs: Map<MemoryLog, Staged>): void {
    const log = this.#logOf(write.log);
    let staged = stagedLogs.get(log);
    if (staged === undefined) {
      staged = { tail: log.tail, isDropped: log.isDropped, dedupIds: new Set() };
      stagedLogs.set(log, staged);
    }
    if (write.kind === "drop") staged.isDropped = true;
    if (write.kind === "drop" || write.kind === "trim") return;
    if (staged.isDropped) throw gone(write.log);
    if (write.kind === "append") {
      if (write.dedupId !== undefined) {
        if (staged.dedupIds.has(write.dedupId) || this.#dedup.get(log, write.dedupId) !== undefined) return;
        staged.dedupIds.add(write.dedupId);
      }
      staged.tail += write.count;
      return;
    }
    if (write.previous !== staged.tail) {
      throw new StorageError(
        "Fenced",
        `the last position of ${formatLog(write.log)} is ${staged.tail}, not ${write.previous}`,
      );
    }
    staged.tail += 1;
  }

  #checkPut(write: Write & { kind: "put" }, stagedKeys: Map<string, boolean>): void {
    // A key the same commit has put already has a revision that the caller cannot know: only its absence can match.
    const staged = stagedKeys.get(write.key);
    const revision =
      staged === undefined ? (this.#metadata.get(write.key)?.revision ?? null) : staged ? Number.NaN : null;
    if (write.revision !== revision) throw fencedKey(write.key, revision, write.revision);
    stagedKeys.set(write.key, write.value !== null);
  }

  #make(write: Write): number {
    switch (write.kind) {
      case "append": {
        const known = write.dedupId === undefined ? undefined : this.#dedup.get(write.log, write.dedupId);
        if (known !== undefined) return known;
        const pos = this.#append(write.log, write.data, write.count, write.timeMs);
        if (write.dedupId !== undefined) this.#dedup.add(write.log, write.dedupId, pos);
        return pos;
      }
      case "appendIf":
        if (write.replace === true) this.#logOf(write.log).trim(write.previous);
        return this.#append(write.log, write.data, 1, write.timeMs);
      case "put": {
        const entry = this.#metadata.put(write.key, write.value);
        this.#untold.push(() =>
          this.#metadata.tell(write.key, write.value === null ? undefined : entry, entry.revision),
        );
        return entry.revision;
      }
      case "trim":
        this.#logOf(write.log).trim(write.upTo);
        return 0;
      case "drop":
        this.#logOf(write.log).drop();
        return 0;
    }
  }

  #append(ref: LogRef, data: Uint8Array, count: number, timeMs: number): Pos {
    const log = this.#logOf(ref);
    const record = log.append(data, count, timeMs);
    if (log.isFollowed) this.#untold.push(() => log.tell(record));
    return record.pos;
  }

  #tell(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    try {
      for (let tell = this.#untold.shift(); tell !== undefined; tell = this.#untold.shift()) tell();
    } finally {
      this.#isTelling = false;
    }
  }
}

function gone(log: LogRef): StorageError {
  return new StorageError("Gone", `${formatLog(log)} is dropped`);
}

function fencedKey(key: string, actual: number | null, expected: number | null): StorageError {
  const say = (revision: number | null) => (revision === null ? "absent" : `at revision ${revision}`);
  return new StorageError("Fenced", `${key} is ${say(actual)}, not ${say(expected)}`);
}

async function* iterate<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
