import type { DedupWindow } from "../dedup-window.js";
import { formatLog } from "../log-table.js";
import type { LogRef, Pos, Write } from "../storage.js";
import { StorageError } from "../storage-error.js";
import { checkLogRef } from "../write-limits.js";
import { type Entry, EntryKind, FLAG_MOVED, FLAG_REPLACE } from "./frame.js";
import { Group, type GroupMark } from "./group.js";
import type { LogIndex } from "./log-index.js";
import type { LogState } from "./log-state.js";

/** A live entry that the collector wants at the head, and where it lies now. */
export interface Move {
  readonly entry: Entry;
  readonly segment: number;
  readonly offset: number;
}

interface LogUndo {
  readonly log: LogState;
  readonly tail: Pos;
  readonly timeMs: number;
  readonly isDropped: boolean;
}

interface DedupAppend {
  readonly log: LogRef;
  readonly dedupId: string;
  readonly pos: Pos;
}

/**
 * Forms a group: checks each commit against what is durable and what the group holds already, gives positions and
 * revisions, and encodes. All of it is provisional; nothing durable changes before the group is, so that a group that
 * fails is forgotten by beginning the next.
 */
export class Staging {
  readonly group = new Group();
  readonly #index: LogIndex;
  readonly #dedup: DedupWindow;
  /** Whether records of topics are refused to keep room for everything else. */
  isSpaceLow = false;
  #number = 0;
  #lastRevision = 0;
  #headSegment = 0;
  /** The revision of each key put in this group; null after a deletion. */
  readonly #keys = new Map<string, number | null>();
  #dedups: DedupAppend[] = [];
  #undo: LogUndo[] | undefined;
  #undoKeys: [string, number | null | undefined][] = [];

  constructor(index: LogIndex, dedup: DedupWindow) {
    this.#index = index;
    this.#dedup = dedup;
  }

  get lastRevision(): number {
    return this.#lastRevision;
  }

  /** Begins a new group and forgets the last. */
  begin(headSegment: number): void {
    this.group.reset();
    this.#number += 1;
    this.#lastRevision = this.#index.lastRevision;
    this.#headSegment = headSegment;
    this.#keys.clear();
    this.#dedups = [];
  }

  /** Adds a commit. @throws {StorageError | RangeError} Then nothing of it is in the group. */
  add(writes: readonly Write[]): number[] {
    const results = new Array<number>(writes.length);
    if (writes.length === 1) {
      // A single write that is refused has changed nothing yet: no need to take back.
      results[0] = this.#stage(writes[0]!);
      return results;
    }
    const mark = this.group.mark();
    const lastRevision = this.#lastRevision;
    const dedupCount = this.#dedups.length;
    this.#undo = [];
    this.#undoKeys = [];
    try {
      for (let index = 0; index < writes.length; index += 1) results[index] = this.#stage(writes[index]!);
      return results;
    } catch (error) {
      this.#rollback(mark, lastRevision, dedupCount);
      throw error;
    } finally {
      this.#undo = undefined;
    }
  }

  /** Adds those of the collector's entries that are still live where it found them. */
  addMoves(moves: readonly Move[]): void {
    for (const { entry, segment, offset } of moves) {
      if (!isLive(this.#index, entry, segment, offset)) continue;
      if (entry.kind === EntryKind.put || entry.kind === EntryKind.delete) {
        // Put again earlier in this very group: then the old value is dead.
        if (this.#keys.has(entry.name)) continue;
      }
      const log = entry.kind === EntryKind.append || entry.kind === EntryKind.trim ? this.#knownLog(entry) : undefined;
      if (log !== undefined && log.stagedGroup === this.#number && log.stagedIsDropped) continue;
      const copy = this.group.next();
      Object.assign(copy, entry, { flags: entry.flags | FLAG_MOVED, log });
      this.group.add(copy, entry.data);
    }
  }

  /** The group is durable: remembers its dedup ids. */
  keepDedups(): void {
    for (const { log, dedupId, pos } of this.#dedups) this.#dedup.add(log, dedupId, pos);
  }

  #knownLog(entry: Entry): LogState | undefined {
    return this.#index.logs.get({ kind: entry.logKind, id: entry.name, part: entry.part });
  }

  #stage(write: Write): number {
    switch (write.kind) {
      case "append":
        return this.#stageAppend(write);
      case "appendIf":
        return this.#stageAppendIf(write);
      case "put":
        return this.#stagePut(write);
      case "trim":
        return this.#stageTrim(write);
      case "drop":
        return this.#stageDrop(write);
    }
  }

  #stageAppend(write: Write & { kind: "append" }): number {
    if (this.isSpaceLow && write.log.kind === "topic") throw full();
    const log = this.#live(write.log);
    if (write.dedupId !== undefined) {
      const known = this.#knownDedup(write.log, write.dedupId);
      if (known !== undefined) return known;
      this.#dedups.push({ log: write.log, dedupId: write.dedupId, pos: log.stagedTail + 1 });
    }
    return this.#addRecord(log, write.data, write.count, write.timeMs, 0);
  }

  #stageAppendIf(write: Write & { kind: "appendIf" }): number {
    const log = this.#live(write.log);
    if (log.stagedTail !== write.previous) {
      const text = `the last position of ${formatLog(write.log)} is ${log.stagedTail}, not ${write.previous}`;
      throw new StorageError("Fenced", text);
    }
    return this.#addRecord(log, write.data, 1, write.timeMs, write.replace === true ? FLAG_REPLACE : 0);
  }

  #addRecord(log: LogState, data: Uint8Array, count: number, timeMs: number, flags: number): Pos {
    this.#remember(log);
    const pos = log.stagedTail + 1;
    log.stagedTail += count;
    if (timeMs > log.stagedTimeMs) log.stagedTimeMs = timeMs;
    this.#addLogEntry(EntryKind.append, log, { flags, count, pos, timeMs: log.stagedTimeMs, extra: 0 }, data);
    return pos;
  }

  #stageTrim(write: Write & { kind: "trim" }): number {
    if (this.#isDropped(write.log)) return 0;
    const log = this.#live(write.log);
    const upTo = Math.min(write.upTo, log.stagedTail);
    if (upTo <= log.floor) return 0;
    const fields = { flags: 0, count: 0, pos: upTo, timeMs: log.stagedTimeMs, extra: log.stagedTail };
    this.#addLogEntry(EntryKind.trim, log, fields, undefined);
    return 0;
  }

  #stageDrop(write: Write & { kind: "drop" }): number {
    if (this.#isDropped(write.log)) return 0;
    const log = this.#live(write.log);
    this.#remember(log);
    log.stagedIsDropped = true;
    const fields = { flags: 0, count: 0, pos: 0, timeMs: 0, extra: this.#headSegment };
    this.#addLogEntry(EntryKind.drop, log, fields, undefined);
    return 0;
  }

  #stagePut(write: Write & { kind: "put" }): number {
    const staged = this.#keys.get(write.key);
    const revision = staged === undefined ? this.#durableRevision(write.key) : staged;
    if (revision !== write.revision) {
      const say = (value: number | null) => (value === null ? "absent" : `at revision ${value}`);
      throw new StorageError("Fenced", `${write.key} is ${say(revision)}, not ${say(write.revision)}`);
    }
    if (this.#undo !== undefined) this.#undoKeys.push([write.key, staged]);
    this.#lastRevision += 1;
    this.#keys.set(write.key, write.value === null ? null : this.#lastRevision);
    const entry = this.group.next();
    entry.kind = write.value === null ? EntryKind.delete : EntryKind.put;
    entry.flags = 0;
    entry.logKind = "topic";
    entry.part = 0;
    entry.name = write.key;
    entry.count = 0;
    entry.pos = this.#lastRevision;
    entry.timeMs = 0;
    entry.extra = this.#headSegment;
    entry.log = undefined;
    this.group.add(entry, write.value ?? undefined);
    return this.#lastRevision;
  }

  #addLogEntry(
    kind: EntryKind,
    log: LogState,
    fields: { flags: number; count: number; pos: Pos; timeMs: number; extra: number },
    data: Uint8Array | undefined,
  ): void {
    const entry = this.group.next();
    entry.kind = kind;
    entry.flags = fields.flags;
    entry.logKind = log.kind;
    entry.part = log.part;
    entry.name = log.id;
    entry.count = fields.count;
    entry.pos = fields.pos;
    entry.timeMs = fields.timeMs;
    entry.extra = fields.extra;
    entry.log = log;
    this.group.add(entry, data);
  }

  #durableRevision(key: string): number | null {
    const row = this.#index.metadata(key);
    return row === undefined || row.value === null ? null : row.revision;
  }

  /** The state of a log that is not dropped, its staged part begun. */
  #live(ref: LogRef): LogState {
    let log = this.#index.logs.get(ref);
    if (log === undefined) {
      checkLogRef(ref);
      log = this.#index.open(ref);
    }
    if (log === undefined || log.isDropped) throw gone(ref);
    if (log.stagedGroup !== this.#number) {
      log.stagedGroup = this.#number;
      log.stagedTail = log.tail;
      log.stagedTimeMs = log.timeMs;
      log.stagedIsDropped = false;
    }
    if (log.stagedIsDropped) throw gone(ref);
    return log;
  }

  #isDropped(ref: LogRef): boolean {
    const log = this.#index.logs.get(ref);
    if (log === undefined) return this.#index.isDropped(ref);
    return log.isDropped || (log.stagedGroup === this.#number && log.stagedIsDropped);
  }

  #knownDedup(log: LogRef, dedupId: string): Pos | undefined {
    for (const staged of this.#dedups) {
      const isSameLog = staged.log.id === log.id && staged.log.kind === log.kind && staged.log.part === log.part;
      if (staged.dedupId === dedupId && isSameLog) return staged.pos;
    }
    return this.#dedup.get(log, dedupId);
  }

  #remember(log: LogState): void {
    const { stagedTail: tail, stagedTimeMs: timeMs, stagedIsDropped: isDropped } = log;
    this.#undo?.push({ log, tail, timeMs, isDropped });
  }

  #rollback(mark: GroupMark, lastRevision: number, dedupCount: number): void {
    this.group.rollback(mark);
    this.#lastRevision = lastRevision;
    this.#dedups.length = dedupCount;
    for (const { log, tail, timeMs, isDropped } of (this.#undo ?? []).reverse()) {
      log.stagedTail = tail;
      log.stagedTimeMs = timeMs;
      log.stagedIsDropped = isDropped;
    }
    for (const [key, revision] of this.#undoKeys.reverse()) {
      if (revision === undefined) this.#keys.delete(key);
      else this.#keys.set(key, revision);
    }
  }
}

/** Whether an entry that lies at a place still counts, and counts there. */
export function isLive(index: LogIndex, entry: Entry, segment: number, offset: number): boolean {
  const isHere = (at: { readonly segment: number; readonly offset: number } | undefined) =>
    at !== undefined && at.segment === segment && at.offset === offset;
  const ref: LogRef = { kind: entry.logKind, id: entry.name, part: entry.part };
  switch (entry.kind) {
    case EntryKind.put:
    case EntryKind.delete:
      return isHere(index.metadata(entry.name));
    case EntryKind.drop:
      return isHere(index.logs.get(ref)?.drop ?? index.store.dropped(ref));
    case EntryKind.trim: {
      const log = index.logs.get(ref);
      return log !== undefined && !log.isDropped && isHere(log.trim);
    }
    case EntryKind.append: {
      const log = index.logs.get(ref);
      const last = entry.pos + entry.count - 1;
      return log !== undefined && index.isRecordAt(log, entry.pos, last, segment, offset);
    }
  }
}

export function full(): StorageError {
  return new StorageError(
    "Full",
    "the disk has no room left for messages; free some, and publishing goes on by itself",
  );
}

function gone(log: LogRef): StorageError {
  return new StorageError("Gone", `${formatLog(log)} is dropped`);
}
