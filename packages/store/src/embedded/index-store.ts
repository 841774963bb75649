import { open, type RootDatabase, type Transaction } from "lmdb";
import type { LogRef, Pos } from "../storage.js";
import type { Extent } from "./extent.js";
import {
  decodeDropped,
  decodeExtent,
  decodeLog,
  decodeMeta,
  decodeMetadata,
  decodeSegment,
  droppedKey,
  extentKey,
  type IndexMeta,
  logKey,
  META_KEY,
  type MetadataRow,
  metadataKey,
  segmentKey,
} from "./index-rows.js";
import type { Location, LogState } from "./log-state.js";

/** A change of one row; without a value the row goes. */
export type RowChange = readonly [key: Buffer, value: Buffer | undefined];

/**
 * The index's file, in LMDB. Reads are synchronous and see what is committed. Writes of one `apply` are one transaction,
 * made by a thread of the library; one at a time, and nothing is read between building its changes and handing them over.
 */
export class IndexStore {
  readonly #database: RootDatabase<Buffer, Buffer>;

  constructor(path: string) {
    this.#database = open<Buffer, Buffer>({
      path,
      noSubdir: true,
      encoding: "binary",
      keyEncoding: "binary",
      compression: false,
      cache: false,
      pageSize: 8192,
      noMemInit: true,
      maxReaders: 64,
    });
  }

  /** Makes the changes visible and durable, all or none. */
  async apply(changes: readonly RowChange[]): Promise<void> {
    // The library's promises reject beside the one awaited; each needs a handler of its own.
    const failures: unknown[] = [];
    const written = this.#database.batch(() => {
      for (const [key, value] of changes) {
        const done = value === undefined ? this.#database.remove(key) : this.#database.put(key, value);
        done.then(undefined, (error: unknown) => failures.push(error));
      }
    });
    await written;
    await this.#database.flushed;
    if (failures.length > 0) throw failures[0];
    this.#database.resetReadTxn();
  }

  meta(identity: Buffer): IndexMeta | undefined {
    const row = this.#database.get(META_KEY);
    return row === undefined ? undefined : decodeMeta(row, identity);
  }

  *logs(): Generator<LogState> {
    for (const { key, value } of this.#database.getRange({ start: logKey(0), end: Buffer.from([2]) })) {
      yield decodeLog(key, value);
    }
  }

  *segments(): Generator<{ id: number; salt: number; liveBytes: number }> {
    for (const { key, value } of this.#database.getRange({ start: segmentKey(0), end: Buffer.from([6]) })) {
      yield decodeSegment(key, value);
    }
  }

  /** The extents of a log that end at or after `pos`, in order, at most `limit`. */
  extentsFrom(number: number, pos: Pos, limit: number): Extent[] {
    const found: Extent[] = [];
    const range = { start: extentKey(number, pos), end: extentKey(number, 0), reverse: true, limit: 1 };
    for (const { key, value } of this.#database.getRange(range)) {
      const extent = decodeExtent(key, value);
      if (extent.last >= pos) found.push(extent);
    }
    if (found.length >= limit || found[0]?.first === pos) return this.#following(number, pos + 1, limit, found);
    return this.#following(number, pos, limit, found);
  }

  /** The last extent of a log that begins at or before `pos`. */
  extentBefore(number: number, pos: Pos): Extent | undefined {
    const range = { start: extentKey(number, pos), end: extentKey(number, 0), reverse: true, limit: 1 };
    for (const { key, value } of this.#database.getRange(range)) return decodeExtent(key, value);
    return undefined;
  }

  metadata(name: string): MetadataRow | undefined {
    const row = this.#database.get(metadataKey(name));
    return row === undefined ? undefined : decodeMetadata(row);
  }

  /** The metadata as of now; it stays so until `done`. */
  snapshot(): MetadataSnapshot {
    return new MetadataSnapshot(this.#database);
  }

  dropped(log: LogRef): (Location & { readonly covers: number }) | undefined {
    const row = this.#database.get(droppedKey(log));
    return row === undefined ? undefined : decodeDropped(row);
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  #following(number: number, pos: Pos, limit: number, found: Extent[]): Extent[] {
    if (found.length >= limit) return found;
    const range = {
      start: extentKey(number, pos),
      end: extentKey(number + 1, 0),
      limit: limit - found.length,
    };
    for (const { key, value } of this.#database.getRange(range)) found.push(decodeExtent(key, value));
    return found;
  }
}

/** The metadata of one instant, read in pages, so that no cursor is open between them. */
export class MetadataSnapshot {
  readonly #database: RootDatabase<Buffer, Buffer>;
  readonly #transaction: Transaction;

  constructor(database: RootDatabase<Buffer, Buffer>) {
    this.#database = database;
    database.resetReadTxn();
    this.#transaction = database.useReadTransaction();
  }

  /** Up to `limit` rows in key order, from the first key that is not below `start`; all of them begin with `prefix`. */
  page(prefix: string, start: string, limit: number): (readonly [name: string, row: MetadataRow])[] {
    const range = { start: metadataKey(start), end: Buffer.from([4]), limit, transaction: this.#transaction };
    const found: (readonly [string, MetadataRow])[] = [];
    for (const { key, value } of this.#database.getRange(range)) {
      const name = key.toString("latin1", 1);
      if (!name.startsWith(prefix)) break;
      found.push([name, decodeMetadata(value)]);
    }
    return found;
  }

  done(): void {
    this.#transaction.done();
  }
}
