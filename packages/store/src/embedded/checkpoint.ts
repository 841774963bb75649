import { type Extent, insertExtent } from "./extent.js";
import {
  droppedKey,
  encodeDropped,
  encodeExtent,
  encodeLog,
  encodeMeta,
  encodeMetadata,
  encodeSegment,
  extentKey,
  type IndexMeta,
  type LogDraft,
  logKey,
  META_KEY,
  type MetadataRow,
  metadataKey,
  segmentKey,
} from "./index-rows.js";
import type { RowChange } from "./index-store.js";
import type { LogIndex } from "./log-index.js";
import type { LogState } from "./log-state.js";
import type { SegmentSet } from "./segment-set.js";

/** Rows changed in one transaction, about: 5 ms of the event loop. */
const SLICE_ROWS = 1024;
/** Dead extents looked up at a time. */
const SWEEP_ROWS = 16;

export interface CheckpointOptions {
  readonly index: LogIndex;
  readonly segments: SegmentSet;
  readonly identity: Buffer;
  /** What the file says now, if anything. */
  readonly written: IndexMeta | undefined;
  /** Rows changed in one transaction, about. */
  readonly sliceRows: number | undefined;
}

/**
 * Moves what is in memory to the index's file, in slices. Each slice is one transaction that leaves every log and key in
 * it whole: its row says up to which frame it is complete, and what is charged to segments changes with it. Only when
 * all that was dirty at the beginning is in the file does the file say that a replay may begin there.
 */
export class Checkpoint {
  readonly #index: LogIndex;
  readonly #segments: SegmentSet;
  readonly #identity: Buffer;
  readonly #sliceRows: number;
  /** Extents of one log written, and dead ones removed, in one slice. */
  readonly #logRows: number;
  /** What the file says; the segment in it and all after it are needed for a replay. */
  #written: IndexMeta | undefined;

  constructor(options: CheckpointOptions) {
    this.#index = options.index;
    this.#segments = options.segments;
    this.#identity = options.identity;
    this.#written = options.written;
    this.#sliceRows = options.sliceRows ?? SLICE_ROWS;
    this.#logRows = Math.max(1, Math.floor(this.#sliceRows / 2));
  }

  get written(): IndexMeta | undefined {
    return this.#written;
  }

  get isNeeded(): boolean {
    const { dirtyLogs, dirtyKeys, forgottenKeys, forgottenDrops, lsn } = this.#index;
    const dirty = dirtyLogs.size + dirtyKeys.size + forgottenKeys.size + forgottenDrops.length;
    return dirty > 0 || this.#written === undefined || this.#written.lsn !== lsn;
  }

  /** Writes all that is dirty now. `isComplete` false: the file is of no use until a later checkpoint says otherwise. */
  async write(isComplete = true): Promise<void> {
    // The instant from which a replay would begin: all before it is in memory now, and will be in the file.
    const head = this.#segments.head;
    const meta: IndexMeta = {
      lsn: this.#index.lsn,
      segment: head.id,
      offset: head.sizeBytes,
      lastRevision: this.#index.lastRevision,
      isComplete,
    };
    await this.#writeLogs([...this.#index.dirtyLogs]);
    await this.#writeKeys([...this.#index.dirtyKeys]);
    await this.#writeForgotten();
    await this.#writeSegments(meta);
    this.#written = meta;
  }

  /** Takes a segment out of the file before its own file goes. */
  async forgetSegment(id: number): Promise<void> {
    await this.#index.store.apply([[segmentKey(id), undefined]]);
  }

  async #writeLogs(dirty: readonly LogState[]): Promise<void> {
    let slice = new Slice(this.#segments);
    let plans: LogPlan[] = [];
    const flush = async () => {
      try {
        await this.#apply(slice);
      } catch (error) {
        for (const plan of plans) this.#index.touch(plan.log);
        throw error;
      }
      for (const plan of plans) this.#finishLog(plan);
      slice = new Slice(this.#segments);
      plans = [];
    };
    for (const log of dirty) {
      for (let isWhole = false; !isWhole; ) {
        const plan = log.isDropped ? this.#planDropped(log, slice) : this.#planLog(log, slice);
        isWhole = plan.isWhole;
        plans.push(plan);
        // A log that needs several rounds reads in each what the one before has written.
        if (!isWhole || slice.size >= this.#sliceRows) await flush();
      }
    }
    await flush();
  }

  /** Plans the rows of one log as it is now. Nothing of the log changes before they are written. */
  #planLog(log: LogState, slice: Slice): LogPlan {
    const { rows, sweptTo, trim } = log;
    const plan: LogPlan = {
      log,
      written: [],
      draft: { rows, sweptTo, trim, lsn: log.lsn },
      isWhole: true,
      isEnd: false,
      drop: undefined,
    };
    this.#planExtents(plan, slice);
    this.#sweep(plan, log.floor, slice);
    if (log.indexedTrim !== trim) {
      if (log.indexedTrim !== undefined) slice.charge(log.indexedTrim.segment, -log.indexedTrim.bytes);
      if (trim !== undefined) slice.charge(trim.segment, trim.bytes);
    }
    // A log that is not whole keeps its old LSN: a replay looks at its frames again.
    if (plan.isWhole) plan.draft.lsn = this.#index.lsn;
    slice.put(logKey(log.number), encodeLog(log, plan.draft));
    if (plan.isWhole) this.#index.untouch(log);
    return plan;
  }

  #planExtents(plan: LogPlan, slice: Slice): void {
    const { log, draft } = plan;
    plan.written = log.recent.slice(0, this.#logRows);
    plan.isWhole = log.recent.length <= this.#logRows;
    const moved = plan.written.filter((extent) => extent.isMoved);
    for (const extent of plan.written) {
      extent.isFrozen = true;
      if (extent.isMoved) continue;
      slice.put(extentKey(log.number, extent.first), encodeExtent(extent));
      slice.charge(extent.segment, extent.bytes);
      draft.rows += 1;
    }
    if (moved.length > 0) this.#carve(plan, moved, slice);
  }

  #finishLog(plan: LogPlan): void {
    const { log, draft } = plan;
    if (!log.isDropped) {
      log.rows = draft.rows;
      log.sweptTo = draft.sweptTo;
      log.lsn = draft.lsn;
      log.indexedTrim = draft.trim;
      forgetWritten(log, plan.written);
      return;
    }
    log.rows = draft.rows;
    log.sweptTo = draft.sweptTo;
    log.indexedTrim = draft.trim;
    if (log.drop === plan.drop) log.drop = undefined;
    // Dropped while its rows were written, or its drop moved by the collector: then there is more to write.
    else this.#index.touch(log);
    if (plan.isWhole && plan.isEnd && log.drop === undefined) this.#index.logs.delete(log);
  }

  /** Puts moved extents in the place of those that held their positions. */
  #carve({ log, draft }: LogPlan, moved: readonly Extent[], slice: Slice): void {
    const found = new Map<number, Extent>();
    for (const extent of moved) {
      for (let from = extent.first; from <= extent.last; ) {
        const [row] = this.#index.store.extentsFrom(log.number, from, 1);
        if (row === undefined || row.first > extent.last) break;
        found.set(row.first, row);
        from = row.last + 1;
      }
    }
    const before = [...found.values()].sort((a, b) => a.first - b.first);
    const all = before.slice();
    for (const extent of moved) insertExtent(all, extent);
    const after = all.filter((row) => row.last > log.floor);
    for (const row of before) {
      slice.charge(row.segment, -row.bytes);
      slice.put(extentKey(log.number, row.first), undefined);
    }
    for (const row of after) {
      slice.charge(row.segment, row.bytes);
      slice.put(extentKey(log.number, row.first), encodeExtent(row));
    }
    draft.rows += after.length - before.length;
  }

  /** Removes extents that end at or before `upTo`, some at a time. */
  #sweep(plan: LogPlan, upTo: number, slice: Slice): void {
    const { log, draft } = plan;
    let removed = 0;
    while (log.rows > 0 && draft.sweptTo < upTo) {
      const rows = this.#index.store.extentsFrom(log.number, draft.sweptTo + 1, SWEEP_ROWS);
      const dead = rows.filter((row) => row.last <= upTo);
      for (const row of dead) {
        // What was carved away in this slice is accounted for.
        if (!slice.remove(extentKey(log.number, row.first))) continue;
        slice.charge(row.segment, -row.bytes);
        draft.rows -= 1;
      }
      if (dead.length < SWEEP_ROWS) break;
      draft.sweptTo = dead.at(-1)!.last;
      removed += dead.length;
      if (removed < this.#logRows) continue;
      plan.isWhole = false;
      return;
    }
    draft.sweptTo = Math.max(draft.sweptTo, Math.min(upTo, Number.MAX_SAFE_INTEGER));
  }

  #planDropped(log: LogState, slice: Slice): LogPlan {
    const { rows, sweptTo, drop } = log;
    const draft = { rows, sweptTo, trim: undefined, lsn: this.#index.lsn };
    const plan: LogPlan = { log, written: [], draft, isWhole: true, isEnd: true, drop };
    if (drop !== undefined) {
      const known = this.#index.store.dropped(log);
      if (known !== undefined) slice.charge(known.segment, -known.bytes);
      slice.charge(drop.segment, drop.bytes);
      slice.put(droppedKey(log), encodeDropped(drop));
    }
    if (log.indexedTrim !== undefined) slice.charge(log.indexedTrim.segment, -log.indexedTrim.bytes);
    this.#sweep(plan, Number.MAX_SAFE_INTEGER, slice);
    slice.put(logKey(log.number), plan.isWhole ? undefined : encodeLog(log, draft));
    if (plan.isWhole) this.#index.untouch(log);
    return plan;
  }

  async #writeKeys(dirty: readonly (readonly [string, MetadataRow])[]): Promise<void> {
    for (let at = 0; at < dirty.length; at += this.#sliceRows) {
      const slice = new Slice(this.#segments);
      const part = dirty.slice(at, at + this.#sliceRows);
      for (const [name, row] of part) {
        const known = this.#index.store.metadata(name);
        if (known !== undefined) slice.charge(known.segment, -known.bytes);
        slice.charge(row.segment, row.bytes);
        slice.put(metadataKey(name), encodeMetadata(row));
      }
      await this.#apply(slice);
      for (const [name, row] of part) {
        if (this.#index.dirtyKeys.get(name) === row) this.#index.dirtyKeys.delete(name);
      }
    }
  }

  async #writeForgotten(): Promise<void> {
    const slice = new Slice(this.#segments);
    const keys = [...this.#index.forgottenKeys];
    const drops = [...this.#index.forgottenDrops];
    for (const [name, row] of keys) {
      const known = this.#index.store.metadata(name);
      // Put again meanwhile: then the row is no longer the deletion that was forgotten.
      if (known === undefined || known.segment !== row.segment || known.offset !== row.offset) continue;
      slice.put(metadataKey(name), undefined);
      slice.charge(known.segment, -known.bytes);
    }
    for (const log of drops) {
      const known = this.#index.store.dropped(log);
      if (known === undefined || known.segment === 0) continue;
      slice.put(droppedKey(log), encodeDropped(undefined));
      slice.charge(known.segment, -known.bytes);
    }
    await this.#apply(slice);
    for (const [name, row] of keys) {
      if (this.#index.forgottenKeys.get(name) === row) this.#index.forgottenKeys.delete(name);
    }
    this.#index.forgottenDrops.splice(0, drops.length);
  }

  async #writeSegments(meta: IndexMeta): Promise<void> {
    const slice = new Slice(this.#segments);
    for (const segment of this.#segments) {
      if (segment.isIndexed) continue;
      slice.put(segmentKey(segment.id), encodeSegment({ salt: segment.header.salt, liveBytes: segment.liveBytes }));
    }
    slice.put(META_KEY, encodeMeta(meta, this.#identity));
    await this.#index.store.apply(slice.changes());
    for (const segment of this.#segments) if (segment.id <= meta.segment) segment.isIndexed = true;
  }

  async #apply(slice: Slice): Promise<void> {
    if (slice.size === 0) return;
    const charges = slice.settle();
    await this.#index.store.apply(slice.changes());
    for (const [segment, liveBytes] of charges) segment.liveBytes = liveBytes;
  }
}

/** The rows of one transaction, and what it changes in the charges of segments. */
class Slice {
  readonly #segments: SegmentSet;
  readonly #rows = new Map<string, RowChange>();
  readonly #charges = new Map<number, number>();

  constructor(segments: SegmentSet) {
    this.#segments = segments;
  }

  get size(): number {
    return this.#rows.size;
  }

  put(key: Buffer, value: Buffer | undefined): void {
    this.#rows.set(key.toString("latin1"), [key, value]);
  }

  /** Removes a row, unless this slice has said already what becomes of it. */
  remove(key: Buffer): boolean {
    const name = key.toString("latin1");
    if (this.#rows.has(name)) return false;
    this.#rows.set(name, [key, undefined]);
    return true;
  }

  charge(segment: number, bytes: number): void {
    if (segment > 0) this.#charges.set(segment, (this.#charges.get(segment) ?? 0) + bytes);
  }

  /** Adds the rows of the segments whose charge changes. */
  settle() {
    const charges = [...this.#charges].map(([id, bytes]) => {
      const segment = this.#segments.get(id);
      if (segment === undefined) throw new Error(`segment ${id} is charged, but does not stand`);
      const liveBytes = segment.liveBytes + bytes;
      if (liveBytes < 0) throw new Error(`segment ${id} is charged ${liveBytes} bytes`);
      this.put(segmentKey(id), encodeSegment({ salt: segment.header.salt, liveBytes }));
      return [segment, liveBytes] as const;
    });
    return charges;
  }

  changes(): RowChange[] {
    return [...this.#rows.values()];
  }
}

/** What a slice does to one log, and how the log is when it is written. */
interface LogPlan {
  readonly log: LogState;
  written: readonly Extent[];
  readonly draft: LogDraft;
  /** Whether nothing of the log is left for another round. */
  isWhole: boolean;
  /** Whether it takes a dropped log out of the file. */
  readonly isEnd: boolean;
  /** The drop that is written. */
  readonly drop: LogState["drop"];
}

/** Takes from memory what is in the file now. New extents may have come meanwhile, and a trim may have taken some. */
function forgetWritten(log: LogState, written: readonly Extent[]): void {
  if (written.length === 0 || log.recent.length === 0) return;
  const gone = new Set(written);
  log.setRecent(log.recent.filter((extent) => !gone.has(extent)));
}
