import { formatLog } from "../log-table.js";
import type { LogRecord, LogRef, Pos } from "../storage.js";
import { StorageError } from "../storage-error.js";
import type { Extent } from "./extent.js";
import { ENTRY_HEADER_BYTES, entrySizeAt, FRAME_HEADER_BYTES, isEntryValid, isFrameAt, recordPosAt } from "./frame.js";
import type { LogIndex } from "./log-index.js";
import type { LogState } from "./log-state.js";
import type { ReadGate } from "./read-gate.js";
import type { SegmentSet } from "./segment-set.js";

/** Extents looked up at a time. */
const EXTENTS_MAX = 64;
/** Extents this close to each other in one segment are fetched with one read. */
const GAP_BYTES_MAX = 32 * 1024;
/** Extents of several records are cut before they get much longer than this. */
const LONG_EXTENT_BYTES = 128 * 1024;

/** Reads records of one log from where the index says they are, and verifies them. */
export class LogReader {
  readonly #index: LogIndex;
  readonly #segments: SegmentSet;
  readonly #gate: ReadGate;

  constructor(index: LogIndex, segments: SegmentSet, gate: ReadGate) {
    this.#index = index;
    this.#segments = segments;
    this.#gate = gate;
  }

  /** Reads live records above `after` until `maxBytes`; the first always comes. */
  async read(log: LogState, after: Pos, maxBytes: number): Promise<LogRecord[]> {
    const found: LogRecord[] = [];
    const limit = new ByteLimit(maxBytes);
    let from = Math.max(after, log.floor) + 1;
    while (!limit.isReached && from <= log.tail) {
      // What is looked up here is read before anything else runs that could free the segment: `use` counts at once.
      const count = Math.min(EXTENTS_MAX, Math.ceil(limit.left / 1024) + 1);
      const run = firstRun(this.#index.extentsFrom(log, from, count), limit.left);
      if (run.length === 0) {
        // Trimmed or dropped while the last piece was read.
        if (from <= log.floor || log.isDropped) return found;
        throw new StorageError("Corrupt", `the index knows no record of ${formatLog(log)} at position ${from}`);
      }
      // A long extent is one record: it would be read only to be left out.
      if (found.length > 0 && run[0]!.lengthBytes > Math.max(limit.left, LONG_EXTENT_BYTES)) return found;
      const records = await this.#readRun(log, run, from);
      for (const record of records) if (!limit.take(record, found)) return found;
      from = run[run.length - 1]!.last + 1;
    }
    return found;
  }

  /** The last position whose record's time is below `timeMs`; at least the log's floor. */
  async seekTime(log: LogState, timeMs: number): Promise<Pos> {
    let high = log.tail;
    for (;;) {
      const extent = this.#lastExtentBelow(log, timeMs, high);
      if (extent === undefined) return log.floor;
      const records = await this.#readRun(log, [extent], Math.max(extent.first, log.floor + 1));
      for (let index = records.length - 1; index >= 0; index -= 1) {
        const record = records[index]!;
        if (record.timeMs < timeMs) return Math.max(record.pos + record.count - 1, log.floor);
      }
      // Where an extent was cut in two, the time of the second part is only known to be no earlier than said.
      high = extent.first - 1;
    }
  }

  /** The last extent that begins at or before `high` and whose time is said to begin below `timeMs`. */
  #lastExtentBelow(log: LogState, timeMs: number, high: Pos): Extent | undefined {
    let low = log.floor + 1;
    let top = high;
    let best: Extent | undefined;
    while (low <= top) {
      const middle = low + Math.floor((top - low) / 2);
      const [extent] = this.#index.extentsFrom(log, middle, 1);
      if (extent === undefined) return best;
      if (extent.firstTimeMs < timeMs) {
        best = extent;
        low = extent.last + 1;
      } else top = Math.min(middle, extent.first) - 1;
    }
    return best;
  }

  /** Reads the records of extents that lie in one piece of one segment. */
  async #readRun(log: LogState, run: readonly Extent[], from: Pos): Promise<LogRecord[]> {
    const first = run[0]!;
    if (first.inline !== undefined) {
      return [{ pos: first.first, count: first.last - first.first + 1, timeMs: first.firstTimeMs, data: first.inline }];
    }
    const segment = this.#segments.get(first.segment);
    if (segment === undefined) {
      throw new StorageError(
        "Corrupt",
        `${formatLog(log)} at position ${first.first}: segment ${first.segment} is missing`,
      );
    }
    const start = first.offset;
    const end = Math.max(...run.map((extent) => extent.offset + extent.lengthBytes));
    const release = segment.hold();
    let bytes: Buffer;
    try {
      bytes = await this.#gate.run(() => segment.read(start, end - start));
    } finally {
      release();
    }
    const records: LogRecord[] = [];
    const name = Buffer.from(log.id, "latin1");
    for (const extent of run) scanExtent({ bytes, base: start, path: segment.path, log, name, extent, from }, records);
    return records;
  }
}

interface Scan {
  readonly bytes: Buffer;
  /** Where `bytes` begins in the file. */
  readonly base: number;
  readonly path: string;
  readonly log: LogRef;
  readonly name: Buffer;
  readonly extent: Extent;
  /** Records that end below it are left out. */
  readonly from: Pos;
}

/** Walks the entries of an extent and gives those of its log and positions, verified. */
function scanExtent(scan: Scan, records: LogRecord[]): void {
  const { bytes, base, extent } = scan;
  let at = extent.offset - base;
  const end = Math.min(at + extent.lengthBytes, bytes.byteLength);
  let next = extent.first;
  while (at < end && next <= extent.last) {
    if (isFrameAt(bytes, at)) {
      at += FRAME_HEADER_BYTES;
      continue;
    }
    const sizeBytes = entrySizeAt(bytes, at, end);
    if (sizeBytes === undefined) throw corrupt(scan, at);
    const pos = recordPosAt(bytes, at, scan.log, scan.name);
    if (pos === next) {
      if (!isEntryValid(bytes, at, sizeBytes)) throw corrupt(scan, at);
      const count = bytes.readUInt32LE(at + 16);
      next = pos + count;
      const dataAt = at + ENTRY_HEADER_BYTES + scan.name.byteLength;
      const data = bytes.subarray(dataAt, at + sizeBytes);
      if (next > scan.from) records.push({ pos, count, timeMs: bytes.readDoubleLE(at + 32), data });
    }
    at += sizeBytes;
  }
  if (next <= extent.last) throw corrupt(scan, at);
}

function corrupt(scan: Scan, at: number): StorageError {
  const place = `${scan.path}, offset ${scan.base + at}`;
  return new StorageError("Corrupt", `a checksum failed in ${place}: ${formatLog(scan.log)} cannot be read on`);
}

/** The extents at the start that one read fetches: of one segment, close together, about `bytes` in all. */
function firstRun(extents: readonly Extent[], bytes: number): Extent[] {
  const run: Extent[] = [];
  for (const extent of extents) {
    const [first] = run;
    const last = run[run.length - 1];
    if (first !== undefined && last !== undefined) {
      const end = last.offset + last.lengthBytes;
      const isNear = extent.offset >= end && extent.offset - end <= GAP_BYTES_MAX;
      const isOther = first.inline !== undefined || extent.inline !== undefined || extent.segment !== first.segment;
      const isBeyond = extent.offset + extent.lengthBytes - first.offset > bytes + LONG_EXTENT_BYTES;
      if (isOther || !isNear || isBeyond || end - first.offset >= bytes) break;
    }
    run.push(extent);
  }
  return run;
}

/** Counts what a read may still give. */
class ByteLimit {
  #left: number;
  isReached = false;

  constructor(maxBytes: number) {
    this.#left = maxBytes;
  }

  get left(): number {
    return Math.max(this.#left, 0);
  }

  /** Adds a record to those found, or says that the limit is reached. */
  take(record: LogRecord, found: LogRecord[]): boolean {
    this.#left -= record.data.byteLength;
    if (this.#left < 0 && found.length > 0) {
      this.isReached = true;
      return false;
    }
    found.push(record);
    if (this.#left <= 0) this.isReached = true;
    return true;
  }
}
