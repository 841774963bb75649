import type { Closeable, Entry, LogRecord, Pos } from "../storage.js";
import { StorageError } from "../storage-error.js";
import { EntryKind, FLAG_MOVED } from "./frame.js";
import type { Group, GroupEntry } from "./group.js";
import type { LogState } from "./log-state.js";

interface Follower {
  readonly onRecords: (records: readonly LogRecord[]) => void;
  /** The last position it was told; while it is behind, what is new is left for its reading. */
  seen: Pos;
  isLive: boolean;
  isClosed: boolean;
}

interface Watcher {
  readonly prefix: string;
  readonly onChange: (key: string, entry: Entry | undefined) => void;
}

/** How much a follower that is behind reads at a time. */
const CATCH_UP_BYTES = 1024 * 1024;

/** Who follows which log and watches which keys. Told synchronously, with the very bytes that were committed. */
export class Listeners {
  readonly #followers = new Map<LogState, Follower[]>();
  #watchers: readonly Watcher[] = [];
  #gathered = new Map<LogState, LogRecord[]>();

  /**
   * Follows a log: reads what exists above `after`, then hears of each group.
   * @param read Reads from a position on; empty when nothing above it is durable.
   */
  follow(
    log: LogState,
    after: Pos,
    read: (after: Pos, maxBytes: number) => Promise<readonly LogRecord[]>,
    onRecords: Follower["onRecords"],
    onFailure: (error: StorageError) => void,
  ): Closeable {
    const follower: Follower = { onRecords, seen: after, isLive: after >= log.tail, isClosed: false };
    this.#followers.set(log, [...(this.#followers.get(log) ?? []), follower]);
    const close = () => {
      follower.isClosed = true;
      const rest = (this.#followers.get(log) ?? []).filter((other) => other !== follower);
      if (rest.length > 0) this.#followers.set(log, rest);
      else this.#followers.delete(log);
    };
    if (!follower.isLive) {
      this.#catchUp(log, follower, read).catch((error: unknown) => {
        close();
        onFailure(error instanceof StorageError ? error : new StorageError("Corrupt", String(error), { cause: error }));
      });
    }
    return { close };
  }

  watch(prefix: string, onChange: Watcher["onChange"]): Closeable {
    const watcher: Watcher = { prefix, onChange };
    this.#watchers = [...this.#watchers, watcher];
    return {
      close: () => {
        this.#watchers = this.#watchers.filter((other) => other !== watcher);
      },
    };
  }

  /** Tells everybody of a durable group: records per log in one call, but never across a change of a watched key. */
  tell(group: Group): void {
    if (this.#followers.size === 0 && this.#watchers.length === 0) return;
    for (let index = 0; index < group.entryCount; index += 1) {
      const entry = group.entry(index);
      if ((entry.flags & FLAG_MOVED) !== 0) continue;
      if (entry.kind === EntryKind.append) this.#gather(entry);
      else if (entry.kind === EntryKind.put || entry.kind === EntryKind.delete) this.#tellPut(entry);
      else if (entry.kind === EntryKind.drop) this.#endOf(entry);
    }
    this.#tellGathered();
  }

  #gather(entry: GroupEntry): void {
    const log = entry.log!;
    if (!this.#followers.has(log)) return;
    const record = { pos: entry.pos, count: entry.count, timeMs: entry.timeMs, data: entry.data! };
    const records = this.#gathered.get(log);
    if (records === undefined) this.#gathered.set(log, [record]);
    else records.push(record);
  }

  #tellGathered(): void {
    if (this.#gathered.size === 0) return;
    const gathered = this.#gathered;
    this.#gathered = new Map();
    for (const [log, records] of gathered) {
      for (const follower of this.#followers.get(log) ?? []) {
        if (!follower.isLive || follower.isClosed) continue;
        const isNew = records[0]!.pos > follower.seen;
        const unseen = isNew ? records : records.filter((record) => record.pos > follower.seen);
        if (unseen.length === 0) continue;
        follower.seen = lastPos(unseen);
        follower.onRecords(unseen);
      }
    }
  }

  #tellPut(entry: GroupEntry): void {
    const watchers = this.#watchers.filter((watcher) => entry.name.startsWith(watcher.prefix));
    if (watchers.length === 0) return;
    this.#tellGathered();
    const isDeleted = entry.kind === EntryKind.delete;
    const value: Entry | undefined = isDeleted ? undefined : { value: entry.data ?? NO_BYTES, revision: entry.pos };
    for (const watcher of watchers) watcher.onChange(entry.name, value);
  }

  #endOf(entry: GroupEntry): void {
    this.#tellGathered();
    this.#followers.delete(entry.log!);
  }

  async #catchUp(
    log: LogState,
    follower: Follower,
    read: (after: Pos, maxBytes: number) => Promise<readonly LogRecord[]>,
  ): Promise<void> {
    while (!follower.isClosed) {
      // Checked in the same turn as going live, so that no group falls between the two.
      if (log.isDropped || Math.max(follower.seen, log.floor) >= log.tail) {
        follower.isLive = true;
        return;
      }
      const records = await read(follower.seen, CATCH_UP_BYTES);
      if (follower.isClosed || records.length === 0) continue;
      follower.seen = lastPos(records);
      follower.onRecords(records);
    }
  }
}

const NO_BYTES = new Uint8Array();

function lastPos(records: readonly LogRecord[]): Pos {
  const last = records[records.length - 1]!;
  return last.pos + last.count - 1;
}
