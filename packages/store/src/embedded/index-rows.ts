/**
 * The rows of the index, as bytes. Keys begin with a byte that says what they are; numbers in keys are big-endian, so
 * that they sort.
 *
 *   0                         up to where the index is complete
 *   1 number                  a log: name, ends, where its last trim lies
 *   2 number first            an extent of that log; records of ack logs come with their data
 *   3 key                     the latest value of a key, or its deletion while an older segment stands
 *   5 segment                 a segment that stands, and what is charged to it
 *   6 kind part id            a log that is dropped, for ever
 */
import type { LogRef } from "../storage.js";
import type { Extent } from "./extent.js";
import { logKindNumber, logKindOf } from "./frame.js";
import { type Location, LogState } from "./log-state.js";

export const INDEX_FORMAT = 1;
const EXTENT_BYTES_FIXED = 40;
const METADATA_BYTES_FIXED = 40;
const LOG_BYTES_FIXED = 80;

export interface IndexMeta {
  /** The last frame that the index knows all of. */
  readonly lsn: number;
  /** Where the frame after it begins. */
  readonly segment: number;
  readonly offset: number;
  readonly lastRevision: number;
  /** False while a rebuild is under way. */
  readonly isComplete: boolean;
}

/** The latest state of a key. */
export interface MetadataRow extends Location {
  readonly revision: number;
  /** Null: deleted. */
  readonly value: Uint8Array | null;
  /** Of a deletion: the newest segment that may hold an older value. */
  readonly covers: number;
}

export const META_KEY = Buffer.from([0]);

export function logKey(number: number): Buffer {
  const key = Buffer.allocUnsafe(5);
  key[0] = 1;
  key.writeUInt32BE(number, 1);
  return key;
}

export function extentKey(number: number, first: number): Buffer {
  const key = Buffer.allocUnsafe(13);
  key[0] = 2;
  key.writeUInt32BE(number, 1);
  writeUInt64BE(key, first, 5);
  return key;
}

export function metadataKey(name: string): Buffer {
  const key = Buffer.allocUnsafe(1 + name.length);
  key[0] = 3;
  key.write(name, 1, "latin1");
  return key;
}

export function segmentKey(id: number): Buffer {
  const key = Buffer.allocUnsafe(9);
  key[0] = 5;
  writeUInt64BE(key, id, 1);
  return key;
}

export function droppedKey(log: LogRef): Buffer {
  const key = Buffer.allocUnsafe(6 + log.id.length);
  key[0] = 6;
  key[1] = logKindNumber(log.kind);
  key.writeUInt32BE(log.part, 2);
  key.write(log.id, 6, "latin1");
  return key;
}

export function parseDroppedKey(key: Buffer): LogRef {
  return { kind: logKindOf(key[1]!), part: key.readUInt32BE(2), id: key.toString("latin1", 6) };
}

export function encodeMeta(meta: IndexMeta, identity: Buffer): Buffer {
  const row = Buffer.alloc(56);
  row.writeUInt32LE(INDEX_FORMAT, 0);
  row[4] = meta.isComplete ? 1 : 0;
  row.writeDoubleLE(meta.lsn, 8);
  row.writeDoubleLE(meta.segment, 16);
  row.writeDoubleLE(meta.offset, 24);
  row.writeDoubleLE(meta.lastRevision, 32);
  identity.copy(row, 40);
  return row;
}

/** @returns The row, or undefined where it is of another format or another store. */
export function decodeMeta(row: Buffer, identity: Buffer): IndexMeta | undefined {
  if (row.byteLength !== 56 || row.readUInt32LE(0) !== INDEX_FORMAT || !row.subarray(40).equals(identity))
    return undefined;
  return {
    lsn: row.readDoubleLE(8),
    segment: row.readDoubleLE(16),
    offset: row.readDoubleLE(24),
    lastRevision: row.readDoubleLE(32),
    isComplete: row[4] === 1,
  };
}

export function encodeExtent(extent: Extent): Buffer {
  const inline = extent.inline;
  const row = Buffer.alloc(EXTENT_BYTES_FIXED + (inline?.byteLength ?? 0));
  row.writeDoubleLE(extent.last, 0);
  row.writeDoubleLE(extent.segment, 8);
  row.writeDoubleLE(extent.firstTimeMs, 16);
  row.writeUInt32LE(extent.offset, 24);
  row.writeUInt32LE(extent.lengthBytes, 28);
  row.writeUInt32LE(extent.bytes, 32);
  row[36] = inline === undefined ? 0 : 1;
  if (inline !== undefined) row.set(inline, EXTENT_BYTES_FIXED);
  return row;
}

export function decodeExtent(key: Buffer, row: Buffer): Extent {
  return {
    first: readUInt64BE(key, 5),
    last: row.readDoubleLE(0),
    segment: row.readDoubleLE(8),
    firstTimeMs: row.readDoubleLE(16),
    offset: row.readUInt32LE(24),
    lengthBytes: row.readUInt32LE(28),
    bytes: row.readUInt32LE(32),
    isMoved: false,
    isFrozen: true,
    // A copy: the row's memory may belong to the library's next answer.
    inline: row[36] === 1 ? Buffer.from(row.subarray(EXTENT_BYTES_FIXED)) : undefined,
  };
}

export function encodeMetadata(entry: MetadataRow): Buffer {
  const row = Buffer.alloc(METADATA_BYTES_FIXED + (entry.value?.byteLength ?? 0));
  row.writeDoubleLE(entry.revision, 0);
  row.writeDoubleLE(entry.segment, 8);
  row.writeDoubleLE(entry.covers, 16);
  row.writeUInt32LE(entry.offset, 24);
  row.writeUInt32LE(entry.bytes, 28);
  row[32] = entry.value === null ? 0 : 1;
  if (entry.value !== null) row.set(entry.value, METADATA_BYTES_FIXED);
  return row;
}

export function decodeMetadata(row: Buffer): MetadataRow {
  return {
    revision: row.readDoubleLE(0),
    segment: row.readDoubleLE(8),
    covers: row.readDoubleLE(16),
    offset: row.readUInt32LE(24),
    bytes: row.readUInt32LE(28),
    value: row[32] === 0 ? null : Buffer.from(row.subarray(METADATA_BYTES_FIXED)),
  };
}

/** Those fields of a log's row that are true when the row is written, and not before. */
export interface LogDraft {
  rows: number;
  sweptTo: number;
  lsn: number;
  readonly trim: LogState["trim"];
}

export function encodeLog(log: LogState, draft: LogDraft): Buffer {
  const row = Buffer.alloc(LOG_BYTES_FIXED + log.id.length);
  row.writeDoubleLE(draft.lsn, 0);
  row.writeDoubleLE(log.tail, 8);
  row.writeDoubleLE(log.floor, 16);
  row.writeDoubleLE(draft.sweptTo, 24);
  row.writeDoubleLE(log.timeMs, 32);
  row.writeDoubleLE(draft.trim?.segment ?? 0, 40);
  row.writeUInt32LE(draft.trim?.offset ?? 0, 48);
  row.writeUInt32LE(draft.trim?.bytes ?? 0, 52);
  row.writeDoubleLE(draft.rows, 56);
  row.writeDoubleLE(draft.trim?.upTo ?? 0, 72);
  row.writeUInt32LE(log.part, 64);
  row[68] = logKindNumber(log.kind);
  row[69] = log.isDropped ? 1 : 0;
  row.write(log.id, LOG_BYTES_FIXED, "latin1");
  return row;
}

export function decodeLog(key: Buffer, row: Buffer): LogState {
  const ref = { kind: logKindOf(row[68]!), id: row.toString("latin1", LOG_BYTES_FIXED), part: row.readUInt32LE(64) };
  const log = new LogState(ref, key.readUInt32BE(1));
  log.lsn = row.readDoubleLE(0);
  log.tail = row.readDoubleLE(8);
  log.floor = row.readDoubleLE(16);
  log.sweptTo = row.readDoubleLE(24);
  log.timeMs = row.readDoubleLE(32);
  const segment = row.readDoubleLE(40);
  if (segment > 0) {
    const upTo = row.readDoubleLE(72);
    log.trim = { segment, offset: row.readUInt32LE(48), bytes: row.readUInt32LE(52), upTo };
  }
  log.indexedTrim = log.trim;
  log.rows = row.readDoubleLE(56);
  log.isDropped = row[69] === 1;
  return log;
}

export function encodeSegment(segment: { readonly salt: number; readonly liveBytes: number }): Buffer {
  const row = Buffer.alloc(16);
  row.writeDoubleLE(segment.liveBytes, 0);
  row.writeUInt32LE(segment.salt, 8);
  return row;
}

export function decodeSegment(key: Buffer, row: Buffer): { id: number; salt: number; liveBytes: number } {
  return { id: readUInt64BE(key, 1), liveBytes: row.readDoubleLE(0), salt: row.readUInt32LE(8) };
}

/** Where a drop lies; segment 0 when that is forgotten. */
export function encodeDropped(drop: (Location & { readonly covers: number }) | undefined): Buffer {
  const row = Buffer.alloc(24);
  row.writeDoubleLE(drop?.segment ?? 0, 0);
  row.writeDoubleLE(drop?.covers ?? 0, 8);
  row.writeUInt32LE(drop?.offset ?? 0, 16);
  row.writeUInt32LE(drop?.bytes ?? 0, 20);
  return row;
}

export function decodeDropped(row: Buffer): Location & { readonly covers: number } {
  return {
    segment: row.readDoubleLE(0),
    covers: row.readDoubleLE(8),
    offset: row.readUInt32LE(16),
    bytes: row.readUInt32LE(20),
  };
}

function writeUInt64BE(into: Buffer, value: number, offset: number): void {
  into.writeUInt32BE(Math.floor(value / 2 ** 32), offset);
  into.writeUInt32BE(value >>> 0, offset + 4);
}

function readUInt64BE(from: Buffer, offset: number): number {
  return from.readUInt32BE(offset) * 2 ** 32 + from.readUInt32BE(offset + 4);
}
