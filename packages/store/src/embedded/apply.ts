import type { LogRef } from "../storage.js";
import { type EntryFields, EntryKind, FLAG_MOVED, FLAG_REPLACE } from "./frame.js";
import type { LogIndex } from "./log-index.js";
import type { LogState } from "./log-state.js";

/** An entry of a durable frame, from a group just written or from a file. */
export interface DurableEntry extends Readonly<EntryFields> {
  readonly data: Uint8Array | undefined;
  readonly sizeBytes: number;
  /** The state of its log, where the caller has it. */
  readonly log?: LogState | undefined;
}

const NO_BYTES = new Uint8Array();

/**
 * Applies one durable entry to the index: the only place that says what an entry means. `offset` is where it lies in its
 * segment.
 */
export function applyEntry(index: LogIndex, entry: DurableEntry, segment: number, offset: number): void {
  const at = { segment, offset, bytes: entry.sizeBytes };
  switch (entry.kind) {
    case EntryKind.append: {
      const log = entry.log ?? index.open(refOf(entry));
      if (log === undefined || log.isDropped) return;
      const { pos, count, timeMs } = entry;
      const isMoved = (entry.flags & FLAG_MOVED) !== 0;
      const record = { segment, offset, bytes: at.bytes, pos, count, timeMs, data: entry.data ?? NO_BYTES, isMoved };
      index.applyAppend(log, record, (entry.flags & FLAG_REPLACE) !== 0);
      return;
    }
    case EntryKind.trim: {
      const log = entry.log ?? index.open(refOf(entry));
      if (log === undefined || log.isDropped) return;
      index.applyTrim(log, entry.pos, entry.extra, entry.timeMs, at);
      return;
    }
    case EntryKind.drop:
      index.applyDrop(refOf(entry), entry.extra, at);
      return;
    case EntryKind.put:
      index.applyPut(entry.name, { ...at, revision: entry.pos, value: entry.data ?? NO_BYTES, covers: 0 });
      return;
    case EntryKind.delete:
      index.applyPut(entry.name, { ...at, revision: entry.pos, value: null, covers: entry.extra });
      return;
  }
}

function refOf(entry: DurableEntry): LogRef {
  return { kind: entry.logKind, id: entry.name, part: entry.part };
}
