import type { StorageError } from "./storage-error.js";

/**
 * The Storage contract: a set of ordered logs with compare-and-append, and small metadata with compare-and-swap.
 *
 * A storage engine knows bytes, positions and durability. It never looks into a record. Every engine passes the same
 * suite (`store-contract.ts`); whoever writes an engine reads this file and that suite, nothing else.
 *
 * Guarantees
 * 1. When `commit` resolves, its writes survive a loss of power. They took effect in call order: the commits of one
 *    process are totally ordered, and so are the writes within one commit.
 * 2. Where `atomic` is true, a commit is all or nothing, also across a crash. Elsewhere a crash leaves a prefix.
 * 3. Readers (`read`, `tail`, `get`, `follow`, `watch`) see durable writes only, and never skip one.
 * 4. `follow` and `watch` report a write before the `commit` that made it resolves.
 * 5. An append to a log whose `drop` came before it is refused with `Gone`; it is never stored nowhere.
 * 6. A refused commit (`Fenced`, `Gone`, `Full`) left no trace. After `Unknown` the writes may be there or not.
 */

/**
 * Limits every engine keeps. Breaking one is a mistake of the caller: `commit` rejects with a `RangeError` and nothing
 * is written.
 */
export const STORAGE_LIMITS = {
  /** Length of `LogRef.id`, of `[A-Za-z0-9_-]`. */
  logIdLength: 64,
  /** Length of a metadata key, of printable ASCII; so its order is the same in every engine. */
  keyLength: 1024,
  /** Bytes of one metadata value. What may be bigger is a log. */
  valueBytes: 1024 * 1024,
  /** Bytes of one record. */
  recordBytes: 128 * 1024 * 1024,
  /** Bytes of all data and values of one commit. */
  commitBytes: 256 * 1024 * 1024,
  /** Writes in one commit. */
  writesPerCommit: 65_536,
  /** Positions of one record. */
  recordCount: 1_048_576,
  /** The window of `dedupId`. */
  dedupWindowMs: 120_000,
} as const;

/** A position in one log: a safe integer, rising, gaps allowed. 0 is before everything. */
export type Pos = number;

/** Names a log. `id` is drawn once and never used again, so a dropped log stays dropped for ever. */
export interface LogRef {
  readonly kind: "topic" | "ack" | "snapshot";
  /** 1 to 64 characters of `[A-Za-z0-9_-]`. */
  readonly id: string;
  readonly part: number;
}

/** One record of a log. `data` belongs to the engine: read it, never write to it. */
export interface LogRecord {
  /** The first position the record takes. */
  readonly pos: Pos;
  /** How many positions it takes; its last one is `pos + count - 1`. */
  readonly count: number;
  /** The wall-clock time its writer gave, or that of the record before it where the writer's is lower. */
  readonly timeMs: number;
  readonly data: Uint8Array;
}

/** One value of the metadata. `revision` changes with every `put` of the key and is never used again for it. */
export interface Entry {
  readonly value: Uint8Array;
  readonly revision: number;
}

export type Write =
  /**
   * Takes the next `count` positions of the log. The bytes are handed over, here and in `appendIf` and `put`: the engine
   * and its listeners may keep them without a copy, so nobody may change them afterwards.
   */
  | {
      readonly kind: "append";
      readonly log: LogRef;
      readonly data: Uint8Array;
      readonly count: number;
      readonly timeMs: number;
      /** Where given, a second append with the same id within two minutes is not stored again and answers the first one's position. */
      readonly dedupId?: string;
    }
  /**
   * Takes one position, only if `previous` (0 for an empty log) is still the last one, else `Fenced`.
   * `replace` drops all older records of the log in the same stroke (a checkpoint); positions go on rising.
   */
  | {
      readonly kind: "appendIf";
      readonly log: LogRef;
      readonly previous: Pos;
      readonly data: Uint8Array;
      readonly timeMs: number;
      readonly replace?: boolean;
    }
  /** Sets a key, or deletes it (`value` null), only if its revision is `revision` (null: the key must not exist), else `Fenced`. */
  | { readonly kind: "put"; readonly key: string; readonly value: Uint8Array | null; readonly revision: number | null }
  /**
   * Gives up the records of a log that end at or before `upTo`; an `upTo` beyond the tail means the tail. On a dropped
   * log, and below what is given up already, it does nothing.
   */
  | { readonly kind: "trim"; readonly log: LogRef; readonly upTo: Pos }
  /** Ends a log for ever. Dropping a log that has nothing, or is dropped, is allowed. */
  | { readonly kind: "drop"; readonly log: LogRef };

export interface ReadOptions {
  /** Stop before the record that would exceed this; the first record always comes, however big. */
  readonly maxBytes: number;
}

export interface Closeable {
  close(): void;
}

export interface Storage {
  /** Whether one commit is all or nothing. */
  readonly atomic: boolean;

  /**
   * Makes the writes durable, in order, together with whatever else waits (group commit).
   *
   * @returns One number per write: the first position of an append, the position of an appendIf, the new revision of a
   *   put (the revision of its deletion too), 0 for trim and drop.
   * @throws {StorageError} `Fenced`, `Gone`, `Full`: definitely not written. `Unknown`: maybe written.
   */
  commit(writes: readonly Write[]): Promise<number[]>;

  /** The last position of a log (its last record's last position; kept when the log is trimmed empty); 0 without one or after a drop. */
  tail(log: LogRef): Pos;

  /** The lowest position that no trim or replacing record has given up: `tail + 1` when all are, 1 for an empty log. */
  head(log: LogRef): Pos;

  /**
   * Reads records in order from the one that holds the first live position above `after`.
   *
   * A record that holds `after` in its middle comes whole. An empty answer means that nothing above `after` is live.
   * @throws {StorageError} `Corrupt` names the place; `Gone` after a drop.
   */
  read(log: LogRef, after: Pos, options: ReadOptions): Promise<readonly LogRecord[]>;

  /** The last position whose record's `timeMs` is below `timeMs`, or 0 (or the position before `head`, if that is higher). */
  seekTime(log: LogRef, timeMs: number): Promise<Pos>;

  get(key: string): Promise<Entry | undefined>;

  /** All entries whose key begins with `prefix`, in key order, as of one instant. */
  list(prefix: string): AsyncIterable<readonly [key: string, entry: Entry]>;

  /**
   * Reports each record appended to `log` with a position above `after`, in order, first those that exist.
   * The listener is called synchronously within the engine's step and must not throw; its slowness is the engine's.
   * Guarantee 4 begins when what existed has been reported: at once where `after` is the tail. After a drop nothing comes.
   *
   * @param onFailure Called once, instead of anything further, when a record that existed cannot be read (`Corrupt`).
   */
  follow(
    log: LogRef,
    after: Pos,
    onRecords: (records: readonly LogRecord[]) => void,
    onFailure?: (error: StorageError) => void,
  ): Closeable;

  /** Reports the present entries whose key begins with `prefix`, then each change; a deletion has `entry` undefined. */
  watch(prefix: string, onChange: (key: string, entry: Entry | undefined) => void): Closeable;

  /** Every log that is not dropped, of one kind; for finding what no resource names any more. */
  logs(kind: LogRef["kind"]): AsyncIterable<LogRef>;

  /** Finishes what was committed, closes files, releases the lock. Afterwards every call throws. */
  close(): Promise<void>;
}
