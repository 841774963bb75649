import { applyEntry } from "./apply.js";
import { Checkpoint } from "./checkpoint.js";
import type { IndexFingerprint } from "./data-directory.js";
import { type Entry, EntryKind, FLAG_MOVED, type FrameHeader } from "./frame.js";
import type { IndexFile } from "./index-file.js";
import type { IndexMeta } from "./index-rows.js";
import type { IndexStore } from "./index-store.js";
import { LogIndex } from "./log-index.js";
import type { Segment } from "./segment.js";
import { FIRST_FRAME_OFFSET, findFrameBehind, scanSegment } from "./segment-scan.js";
import type { SegmentSet } from "./segment-set.js";
import { StorageOpenError } from "./storage-open-error.js";

/** While the index is rebuilt, this much of the log is read between checkpoints. */
const REBUILD_STEP_BYTES = 64 * 1024 * 1024;

export interface RecoveryOptions {
  readonly segments: SegmentSet;
  readonly indexFile: IndexFile;
  readonly identity: Buffer;
  /** How the last clean end left the index. */
  readonly closedIndex: IndexFingerprint | undefined;
  /** Rows of the index changed in one transaction, about. */
  readonly checkpointRows: number | undefined;
  /** Told what was repaired. */
  readonly onRepair: (message: string) => void;
}

export interface Recovered {
  readonly index: LogIndex;
  readonly checkpoint: Checkpoint;
}

/** Brings the index up to the end of the log, rebuilds it where it cannot be used, and cuts a torn tail. */
export async function recover(options: RecoveryOptions): Promise<Recovered> {
  try {
    return await recoverIndex(options);
  } catch (error) {
    await options.segments.close();
    throw error;
  }
}

async function recoverIndex(options: RecoveryOptions): Promise<Recovered> {
  const { segments, indexFile, identity, closedIndex, onRepair } = options;
  await loadSegments(options);
  await syncNewest(segments);
  const isFresh = !segments.hasHead;
  if (isFresh) await segments.roll({ firstLsn: 1, lastRevision: 0, atLeastId: 1 });
  const opened = await indexFile.open(closedIndex);
  let problem: string;
  if ("problem" in opened) problem = opened.problem;
  else {
    const replayed = await closedOnFailure(opened, () => replay(options, opened));
    if (!("problem" in replayed)) return replayed;
    problem = replayed.problem;
    await opened.close();
  }
  if (!isFresh) onRepair(`the index is rebuilt from the log: ${problem}`);
  const rebuilt = await rebuild(options);
  // A new object on the installed file: what was in memory is in it.
  const store = await indexFile.install();
  const index = loadIndex(store, segments);
  index.lsn = rebuilt.lsn;
  index.lastRevision = rebuilt.lastRevision;
  const written = store.meta(identity);
  const { checkpointRows: sliceRows } = options;
  return { index, checkpoint: new Checkpoint({ index, segments, identity, written, sliceRows }) };
}

/** Does something with an index file; if it fails, the file is closed before that is told. */
async function closedOnFailure<T>(store: IndexStore, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function loadSegments({ segments, onRepair }: RecoveryOptions): Promise<void> {
  const { unused } = await segments.load();
  const newest = [...segments].at(-1);
  for (const name of unused) {
    if (newest !== undefined && Number.parseInt(name, 10) < newest.id) {
      throw new StorageOpenError("Corrupt", `the header of log/${name} is damaged, and newer segments follow it`);
    }
    // Created by a group that never became durable.
    onRepair(`log/${name} holds nothing and is removed`);
    await segments.discard(name);
  }
  if (newest !== undefined) segments.setHead(newest);
}

/** What a killed process wrote and did not sync is in the log now, if the scan takes it: it must not vanish later. */
async function syncNewest(segments: SegmentSet): Promise<void> {
  for (const segment of [...segments].slice(-2)) await segment.use((file) => file.datasync());
}

function loadIndex(store: IndexStore, segments: SegmentSet): LogIndex {
  const index = new LogIndex(store);
  for (const log of store.logs()) index.load(log);
  for (const row of store.segments()) {
    const segment = segments.get(row.id);
    if (segment === undefined) continue;
    segment.liveBytes = row.liveBytes;
    segment.isIndexed = true;
  }
  return index;
}

/** Applies what the index does not know yet. Answers with a problem where it does not belong to this log. */
async function replay(options: RecoveryOptions, store: IndexStore): Promise<Recovered | { readonly problem: string }> {
  const { segments, identity } = options;
  const meta = store.meta(identity);
  if (meta === undefined) return { problem: "it is of another store or format" };
  if (!meta.isComplete) return { problem: "it was not finished" };
  const first = segments.get(meta.segment);
  if (first === undefined) return { problem: `it goes on from segment ${meta.segment}, which is gone` };
  if (first.sizeBytes < meta.offset) return { problem: "it is newer than the log" };
  for (const row of store.segments()) {
    const segment = segments.get(row.id);
    if (segment === undefined) return { problem: `it is older than the log: segment ${row.id} is gone` };
    if (segment.header.salt !== row.salt) return { problem: `segment ${row.id} is another one` };
  }
  await freeUnlisted(segments, meta, new Set([...store.segments()].map(({ id }) => id)));
  const index = loadIndex(store, segments);
  index.lsn = meta.lsn;
  index.lastRevision = meta.lastRevision;
  const checkpoint = new Checkpoint({ index, segments, identity, written: meta, sliceRows: options.checkpointRows });
  const later = [...segments].filter((segment) => segment.id >= meta.segment);
  const reader = new LogScan(options, index);
  for (const segment of later) {
    if (segment !== first && segment.header.firstLsn !== index.lsn + 1) {
      if (await reader.isEmpty(segment)) continue;
      return { problem: `it is older than the log: the frames before segment ${segment.id} are gone` };
    }
    await reader.scan(segment, segment === first ? meta.offset : FIRST_FRAME_OFFSET);
  }
  return { index, checkpoint };
}

/** Segments that the index does not list, and that it does not need for its replay, were about to be freed. */
async function freeUnlisted(segments: SegmentSet, meta: IndexMeta, listed: ReadonlySet<number>): Promise<void> {
  const free = [...segments].filter((segment) => segment.id < meta.segment && !listed.has(segment.id));
  for (const segment of free) await segments.free(segment);
}

/** Builds a new index file from one scan of the whole log. */
async function rebuild(options: RecoveryOptions): Promise<{ lsn: number; lastRevision: number }> {
  const store = await options.indexFile.create();
  const built = await closedOnFailure(store, () => rebuildInto(options, store));
  await store.close();
  return built;
}

async function rebuildInto(
  options: RecoveryOptions,
  store: IndexStore,
): Promise<{ lsn: number; lastRevision: number }> {
  const { segments, identity } = options;
  const index = new LogIndex(store);
  for (const segment of segments) {
    segment.liveBytes = 0;
    segment.isIndexed = false;
  }
  const sliceRows = options.checkpointRows;
  const checkpoint = new Checkpoint({ index, segments, identity, written: undefined, sliceRows });
  let sinceBytes = 0;
  const reader = new LogScan(options, index, async (bytes) => {
    sinceBytes += bytes;
    if (sinceBytes < REBUILD_STEP_BYTES) return;
    sinceBytes = 0;
    await checkpoint.write(false);
  });
  for (const segment of segments) {
    // Segments between this one and the last may have been freed, and their frames with them.
    index.lsn = Math.max(index.lsn, segment.header.firstLsn - 1);
    index.lastRevision = Math.max(index.lastRevision, segment.header.lastRevision);
    await reader.scan(segment, FIRST_FRAME_OFFSET);
  }
  await checkpoint.write();
  return { lsn: index.lsn, lastRevision: index.lastRevision };
}

/** Reads segments in order into the index, and judges where each of them ends. */
class LogScan {
  readonly #options: RecoveryOptions;
  readonly #index: LogIndex;
  readonly #onProgress: ((bytes: number) => Promise<void>) | undefined;

  constructor(options: RecoveryOptions, index: LogIndex, onProgress?: (bytes: number) => Promise<void>) {
    this.#options = options;
    this.#index = index;
    this.#onProgress = onProgress;
  }

  async isEmpty(segment: Segment): Promise<boolean> {
    const { firstLsn } = segment.header;
    const end = await scanSegment(segment, FIRST_FRAME_OFFSET, firstLsn - 1, () => undefined);
    return end.offset === FIRST_FRAME_OFFSET;
  }

  /** Applies the frames of a segment and sets its size to where they end. @throws {StorageOpenError} `Corrupt`. */
  async scan(segment: Segment, offset: number): Promise<void> {
    const { segments, onRepair } = this.#options;
    const end = await scanSegment(segment, offset, this.#index.lsn, ({ header, entries }) => {
      this.#apply(segment, header, entries);
      return this.#onProgress?.(header.bodyBytes);
    });
    const fileBytes = segment.sizeBytes;
    const isHead = segment === segments.head;
    if (end.offset < fileBytes) {
      const behind = await findFrameBehind(segment, end.offset, end.lsn);
      if (behind !== undefined) throw damaged(segment, end.offset, `valid frames follow at ${behind}`);
      if (!isHead && end.isTorn && (await this.#hasLaterFrames(segment))) {
        throw damaged(segment, end.offset, "newer segments follow");
      }
    }
    if (end.isTorn) {
      onRepair(`${segment.path} ended in ${fileBytes - end.offset} bytes of an unfinished write at ${end.offset}: cut`);
      await segment.use(async (file) => {
        await file.truncate(end.offset);
        await file.datasync();
      });
    }
    segment.sizeBytes = end.offset;
  }

  #apply(segment: Segment, header: FrameHeader, entries: Iterable<readonly [Entry, number]>): void {
    const index = this.#index;
    let revision = header.lastRevision;
    for (const [entry, offset] of entries) {
      const isMoved = (entry.flags & FLAG_MOVED) !== 0;
      const isKey = entry.kind === EntryKind.put || entry.kind === EntryKind.delete;
      if (isKey && !isMoved) revision += 1;
      const log = isKey ? undefined : index.logs.get({ kind: entry.logKind, id: entry.name, part: entry.part });
      if (log !== undefined && log.lsn >= header.lsn) continue;
      // What a checkpoint was writing when it was cut off may be in the file in part: carve, do not add.
      const flags = log !== undefined && log.rows > 0 ? entry.flags | FLAG_MOVED : entry.flags;
      // A copy: what stays in memory must not keep the whole buffer that was read.
      const data = isKey || entry.logKind === "ack" ? Buffer.from(entry.data) : entry.data;
      applyEntry(index, { ...entry, flags, data, log }, segment.id, offset);
    }
    index.lsn = header.lsn;
    index.lastRevision = Math.max(index.lastRevision, revision);
  }

  async #hasLaterFrames(segment: Segment): Promise<boolean> {
    for (const later of this.#options.segments) {
      if (later.id > segment.id && !(await this.isEmpty(later))) return true;
    }
    return false;
  }
}

function damaged(segment: Segment, offset: number, why: string): StorageOpenError {
  const text = `a checksum failed in ${segment.path}, offset ${offset}, and ${why}: restore the file from a backup`;
  return new StorageOpenError("Corrupt", text);
}
