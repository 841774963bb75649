import { LogTable } from "../log-table.js";
import type { LogRef, Pos } from "../storage.js";
import { EXTENT_BYTES, type Extent, findExtent, insertExtent } from "./extent.js";
import type { MetadataRow } from "./index-rows.js";
import type { IndexStore } from "./index-store.js";
import { type Location, LogState } from "./log-state.js";

/** Records of ack logs up to this size are kept in the index itself, so that a start does not read thousands of places. */
const INLINE_BYTES_MAX = 2048;

/** A record that became durable, and where. */
export interface PlacedRecord extends Location {
  readonly pos: Pos;
  readonly count: number;
  readonly timeMs: number;
  readonly data: Uint8Array;
  readonly isMoved: boolean;
}

/**
 * The state of all logs and keys: what the index's file holds, and above it, in memory, what became durable since.
 * Nothing here waits. The group committer and the recovery apply entries in log order; the checkpoint moves what is in
 * memory to the file.
 */
export class LogIndex {
  readonly store: IndexStore;
  readonly logs = new LogTable<LogState>();
  readonly dirtyLogs = new Set<LogState>();
  readonly dirtyKeys = new Map<string, MetadataRow>();
  /** Keys and logs whose deletion or drop no older segment needs any more; their rows are charged to a dying segment. */
  readonly forgottenKeys = new Map<string, MetadataRow>();
  readonly forgottenDrops: LogRef[] = [];
  lastRevision = 0;
  /** The last durable frame. */
  lsn = 0;
  #nextNumber = 1;

  constructor(store: IndexStore) {
    this.store = store;
  }

  /** Takes a log as the index's file has it. */
  load(log: LogState): void {
    this.logs.add(log);
    this.#nextNumber = Math.max(this.#nextNumber, log.number + 1);
    if (log.isDropped || log.sweptTo < log.floor) this.touch(log);
  }

  /** The state of a log that is neither unknown nor known to be dropped; made where it is new. */
  open(ref: LogRef): LogState | undefined {
    const known = this.logs.get(ref);
    if (known !== undefined) return known.isDropped ? undefined : known;
    if (this.store.dropped(ref) !== undefined) return undefined;
    return this.#create(ref);
  }

  isDropped(ref: LogRef): boolean {
    const known = this.logs.get(ref);
    return known === undefined ? this.store.dropped(ref) !== undefined : known.isDropped;
  }

  metadata(key: string): MetadataRow | undefined {
    return this.dirtyKeys.get(key) ?? this.store.metadata(key);
  }

  applyAppend(log: LogState, record: PlacedRecord, isReplacing: boolean): void {
    const last = record.pos + record.count - 1;
    if (last <= log.floor) return;
    if (isReplacing) this.#raiseFloor(log, record.pos - 1);
    if (last > log.tail) log.tail = last;
    if (record.timeMs > log.timeMs) log.timeMs = record.timeMs;
    this.touch(log);
    const recent = log.recent;
    const newest = recent[recent.length - 1];
    const isAtEnd = newest === undefined || newest.last < record.pos;
    const index = isAtEnd ? recent.length : findExtent(recent, record.pos);
    const before = recent[index - 1];
    const isFree = isAtEnd || recent[index]!.first > last;
    if (isFree && before !== undefined && canGrow(before, record)) {
      before.last = last;
      before.lengthBytes = record.offset + record.bytes - before.offset;
      before.bytes += record.bytes;
    } else if (isAtEnd) log.addRecent(extentOf(record, log.kind));
    else insertExtent(log.ownRecent(), extentOf(record, log.kind));
  }

  applyTrim(log: LogState, upTo: Pos, tail: Pos, timeMs: number, at: Location): void {
    log.tail = Math.max(log.tail, tail);
    log.timeMs = Math.max(log.timeMs, timeMs);
    // A copy of an older trim, made while this one was under way, must not take its place.
    if (log.trim === undefined || log.trim.upTo <= upTo) log.trim = { ...at, upTo };
    this.#raiseFloor(log, upTo);
    this.touch(log);
  }

  applyDrop(ref: LogRef, covers: number, at: Location): void {
    const log = this.logs.get(ref) ?? this.#create(ref);
    log.isDropped = true;
    log.drop = { ...at, covers };
    log.tail = 0;
    log.setRecent([]);
    log.trim = undefined;
    this.touch(log);
  }

  applyPut(key: string, row: MetadataRow): void {
    this.lastRevision = Math.max(this.lastRevision, row.revision);
    const known = this.dirtyKeys.get(key);
    if (known !== undefined && known.revision > row.revision) return;
    this.dirtyKeys.set(key, row);
  }

  /**
   * The extents that hold the live records of a log from `pos` on, in order, at most `limit`. Live positions have no
   * gaps, so the answer ends early only where `limit` or the log ends, or the file has to be asked again.
   */
  extentsFrom(log: LogState, pos: Pos, limit: number): Extent[] {
    const newest = log.recent[0];
    const isRecentEnough = log.rows === 0 || (newest !== undefined && newest.first <= pos && !newest.isMoved);
    const stored = isRecentEnough ? [] : this.store.extentsFrom(log.number, pos, limit);
    const found: Extent[] = [];
    let at = pos;
    let next = 0;
    while (found.length < limit) {
      const recent = log.recent[findExtent(log.recent, at)];
      if (recent !== undefined && recent.first <= at) {
        found.push(recent);
        at = recent.last + 1;
        continue;
      }
      while (next < stored.length && stored[next]!.last < at) next += 1;
      const below = stored[next];
      if (below === undefined || below.first > at) break;
      const last = recent === undefined ? below.last : Math.min(below.last, recent.first - 1);
      // The record that holds `pos` may begin below it; elsewhere `at` is where a record begins.
      const first = at === pos ? below.first : Math.max(below.first, at);
      found.push(first === below.first && last === below.last ? below : { ...below, first, last });
      at = last + 1;
    }
    return found;
  }

  /** Whether the record at `pos` is live and lies where `at` says. */
  isRecordAt(log: LogState, pos: Pos, last: Pos, segment: number, offset: number): boolean {
    if (log.isDropped || last <= log.floor) return false;
    const [extent] = this.extentsFrom(log, pos, 1);
    if (extent === undefined || extent.first > pos || extent.segment !== segment) return false;
    return offset >= extent.offset && offset < extent.offset + extent.lengthBytes;
  }

  /** Says that a log has something for the next checkpoint. */
  touch(log: LogState): void {
    if (log.isDirty) return;
    log.isDirty = true;
    this.dirtyLogs.add(log);
  }

  /** Says that all of a log is in the checkpoint at hand. */
  untouch(log: LogState): void {
    log.isDirty = false;
    this.dirtyLogs.delete(log);
  }

  #create(ref: LogRef): LogState {
    const log = new LogState(ref, this.#nextNumber);
    this.#nextNumber += 1;
    this.logs.add(log);
    return log;
  }

  #raiseFloor(log: LogState, upTo: Pos): void {
    if (upTo <= log.floor) return;
    log.floor = upTo;
    const recent = log.recent;
    if (recent.length === 0 || recent[0]!.last > upTo) return;
    log.setRecent(recent.slice(findExtent(recent, upTo + 1)));
  }
}

function canGrow(extent: Extent, record: PlacedRecord): boolean {
  return (
    !extent.isFrozen &&
    extent.inline === undefined &&
    extent.isMoved === record.isMoved &&
    extent.segment === record.segment &&
    extent.last + 1 === record.pos &&
    record.offset >= extent.offset &&
    record.offset + record.bytes - extent.offset <= EXTENT_BYTES
  );
}

function extentOf(record: PlacedRecord, kind: LogRef["kind"]): Extent {
  const isInline = kind === "ack" && record.data.byteLength <= INLINE_BYTES_MAX;
  return {
    first: record.pos,
    last: record.pos + record.count - 1,
    segment: record.segment,
    offset: record.offset,
    lengthBytes: record.bytes,
    bytes: record.bytes,
    firstTimeMs: record.timeMs,
    isMoved: record.isMoved,
    isFrozen: false,
    inline: isInline ? record.data : undefined,
  };
}
