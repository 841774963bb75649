/**
 * The bytes of a log file. All numbers are little-endian; an f64 holds a safe integer.
 *
 *   file    segment header (64 B), then frames without gaps
 *   frame   frame header (48 B), then its entries without gaps: one group commit, valid as a whole or not at all
 *   entry   entry header (48 B), name (log id or key), data
 *
 * An entry's checksum covers all of it, so that it can be read and verified alone. A frame's checksum covers its header
 * and the checksums of its entries. A frame names its segment, the segment's random salt and its LSN (counted from 1, no
 * gaps): what a recycled file still holds of its former life can never pass for something new.
 */
import { crc32 } from "node:zlib";
import type { LogRef } from "../storage.js";

export const FORMAT_VERSION = 1;
export const SEGMENT_HEADER_BYTES = 64;
export const FRAME_HEADER_BYTES = 48;
export const ENTRY_HEADER_BYTES = 48;
export const IDENTITY_BYTES = 16;

const SEGMENT_MAGIC = Buffer.from("PEALLOG\n", "latin1");
const FRAME_MARK = 0xf0;
const LOG_KINDS = ["topic", "ack", "snapshot"] as const;

/** What an entry says. A deletion, a drop and a trim are needed as long as an older segment may hold what they end. */
export const EntryKind = { append: 1, put: 2, delete: 3, trim: 4, drop: 5 } as const;
export type EntryKind = (typeof EntryKind)[keyof typeof EntryKind];

/** The entry is a copy that the collector made; it keeps its position, time and revision. */
export const FLAG_MOVED = 1;
/** The append gives up all records of its log below it. */
export const FLAG_REPLACE = 2;

export interface SegmentHeader {
  readonly segment: number;
  readonly salt: number;
  readonly identity: Buffer;
  readonly firstLsn: number;
  /** The last revision given before this segment. */
  readonly lastRevision: number;
}

export interface FrameHeader {
  readonly segment: number;
  readonly salt: number;
  readonly lsn: number;
  /** The last revision given before this frame. */
  readonly lastRevision: number;
  readonly entryCount: number;
  readonly bodyBytes: number;
}

/** The fixed fields of an entry; which of them mean something depends on `kind`. */
export interface EntryFields {
  kind: EntryKind;
  flags: number;
  logKind: LogRef["kind"];
  part: number;
  /** Log id or key; ASCII. */
  name: string;
  count: number;
  /** append: first position · put, delete: revision · trim: up to where. */
  pos: number;
  /** append: its time · trim: the time of the log's last record. */
  timeMs: number;
  /** trim: the log's tail · delete, drop: the newest segment that may hold what they end. */
  extra: number;
}

export interface Entry extends EntryFields {
  /** A view of the buffer that was parsed. */
  readonly data: Buffer;
  /** Header, name and data. */
  readonly sizeBytes: number;
}

export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
  SEGMENT_MAGIC.copy(bytes, 0);
  bytes.writeUInt32LE(FORMAT_VERSION, 8);
  bytes.writeUInt32LE(header.salt, 12);
  header.identity.copy(bytes, 16);
  bytes.writeDoubleLE(header.segment, 32);
  bytes.writeDoubleLE(header.firstLsn, 40);
  bytes.writeDoubleLE(header.lastRevision, 48);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 56)), 56);
  return bytes;
}

/** @returns The header, or undefined where the bytes are not one (yet). */
export function decodeSegmentHeader(bytes: Buffer): SegmentHeader | undefined {
  if (bytes.byteLength < SEGMENT_HEADER_BYTES || !bytes.subarray(0, 8).equals(SEGMENT_MAGIC)) return undefined;
  if (bytes.readUInt32LE(56) !== crc32(bytes.subarray(0, 56))) return undefined;
  if (bytes.readUInt32LE(8) !== FORMAT_VERSION) return undefined;
  return {
    segment: bytes.readDoubleLE(32),
    salt: bytes.readUInt32LE(12),
    identity: Buffer.from(bytes.subarray(16, 16 + IDENTITY_BYTES)),
    firstLsn: bytes.readDoubleLE(40),
    lastRevision: bytes.readDoubleLE(48),
  };
}

/** Writes a frame header at the start of `into`. `entryChecksums` holds one u32 per entry, as they lie in the entries. */
export function encodeFrameHeader(into: Buffer, header: FrameHeader, entryChecksums: Uint8Array): void {
  into.writeUInt32LE(FRAME_MARK | (FORMAT_VERSION << 8), 4);
  into.writeUInt32LE(header.entryCount, 8);
  into.writeUInt32LE(header.salt, 12);
  into.writeDoubleLE(header.bodyBytes, 16);
  into.writeDoubleLE(header.segment, 24);
  into.writeDoubleLE(header.lsn, 32);
  into.writeDoubleLE(header.lastRevision, 40);
  into.writeUInt32LE(crc32(entryChecksums, crc32(into.subarray(4, FRAME_HEADER_BYTES))), 0);
}

/** @returns The fields of a frame header at `offset`, unverified, or undefined where there is none. */
export function decodeFrameHeader(bytes: Buffer, offset: number): FrameHeader | undefined {
  if (offset + FRAME_HEADER_BYTES > bytes.byteLength || !isFrameAt(bytes, offset)) return undefined;
  return {
    entryCount: bytes.readUInt32LE(offset + 8),
    salt: bytes.readUInt32LE(offset + 12),
    bodyBytes: bytes.readDoubleLE(offset + 16),
    segment: bytes.readDoubleLE(offset + 24),
    lsn: bytes.readDoubleLE(offset + 32),
    lastRevision: bytes.readDoubleLE(offset + 40),
  };
}

/** Whether what begins at `offset` is a frame, not an entry. */
export function isFrameAt(bytes: Buffer, offset: number): boolean {
  return bytes[offset + 4] === FRAME_MARK && bytes[offset + 5] === FORMAT_VERSION;
}

/** Verifies a whole frame at `offset` of `bytes`: its own checksum and that of every entry. */
export function isFrameValid(bytes: Buffer, offset: number, header: FrameHeader): boolean {
  const end = offset + FRAME_HEADER_BYTES + header.bodyBytes;
  if (end > bytes.byteLength || header.entryCount * ENTRY_HEADER_BYTES > header.bodyBytes) return false;
  const checksums = Buffer.alloc(header.entryCount * 4);
  let at = offset + FRAME_HEADER_BYTES;
  for (let index = 0; index < header.entryCount; index += 1) {
    const sizeBytes = entrySizeAt(bytes, at, end);
    if (sizeBytes === undefined || !isEntryValid(bytes, at, sizeBytes)) return false;
    bytes.copy(checksums, index * 4, at, at + 4);
    at += sizeBytes;
  }
  const own = crc32(bytes.subarray(offset + 4, offset + FRAME_HEADER_BYTES));
  return at === end && bytes.readUInt32LE(offset) === crc32(checksums, own);
}

/** Writes header and name of an entry at `offset`, without its checksum. @returns How many bytes that is. */
export function encodeEntry(into: Buffer, offset: number, entry: Readonly<EntryFields>, dataBytes: number): number {
  const nameBytes = into.write(entry.name, offset + ENTRY_HEADER_BYTES, "latin1");
  into[offset + 4] = entry.kind;
  into[offset + 5] = entry.flags;
  into[offset + 6] = nameBytes & 0xff;
  into[offset + 7] = nameBytes >>> 8;
  into.writeUInt32LE(dataBytes, offset + 8);
  into.writeUInt32LE(entry.part, offset + 12);
  into.writeUInt32LE(entry.count, offset + 16);
  into.writeUInt32LE(logKindNumber(entry.logKind), offset + 20);
  into.writeDoubleLE(entry.pos, offset + 24);
  into.writeDoubleLE(entry.timeMs, offset + 32);
  into.writeDoubleLE(entry.extra, offset + 40);
  return ENTRY_HEADER_BYTES + nameBytes;
}

/** The size of the entry at `offset`, or undefined where no entry fits before `end`. */
export function entrySizeAt(bytes: Buffer, offset: number, end: number): number | undefined {
  if (offset + ENTRY_HEADER_BYTES > end) return undefined;
  const kind = bytes[offset + 4]!;
  if (kind < EntryKind.append || kind > EntryKind.drop) return undefined;
  const sizeBytes = ENTRY_HEADER_BYTES + bytes.readUInt16LE(offset + 6) + bytes.readUInt32LE(offset + 8);
  return offset + sizeBytes > end ? undefined : sizeBytes;
}

export function isEntryValid(bytes: Buffer, offset: number, sizeBytes: number): boolean {
  return bytes.readUInt32LE(offset) === crc32(bytes.subarray(offset + 4, offset + sizeBytes));
}

/** Parses an entry that was verified. */
export function decodeEntry(bytes: Buffer, offset: number, sizeBytes: number): Entry {
  const nameAt = offset + ENTRY_HEADER_BYTES;
  const dataAt = nameAt + bytes.readUInt16LE(offset + 6);
  return {
    kind: bytes[offset + 4] as EntryKind,
    flags: bytes[offset + 5]!,
    logKind: LOG_KINDS[bytes.readUInt32LE(offset + 20)] ?? "topic",
    part: bytes.readUInt32LE(offset + 12),
    name: bytes.toString("latin1", nameAt, dataAt),
    count: bytes.readUInt32LE(offset + 16),
    pos: bytes.readDoubleLE(offset + 24),
    timeMs: bytes.readDoubleLE(offset + 32),
    extra: bytes.readDoubleLE(offset + 40),
    data: bytes.subarray(dataAt, offset + sizeBytes),
    sizeBytes,
  };
}

/** The position of the record whose entry begins at `offset`, if it is an append of the log named; else undefined. */
export function recordPosAt(bytes: Buffer, offset: number, log: LogRef, name: Buffer): number | undefined {
  if (bytes[offset + 4] !== EntryKind.append || bytes.readUInt32LE(offset + 12) !== log.part) return undefined;
  if (bytes.readUInt32LE(offset + 20) !== logKindNumber(log.kind)) return undefined;
  if (bytes.readUInt16LE(offset + 6) !== name.byteLength) return undefined;
  const nameAt = offset + ENTRY_HEADER_BYTES;
  for (let index = 0; index < name.byteLength; index += 1) if (bytes[nameAt + index] !== name[index]) return undefined;
  return bytes.readDoubleLE(offset + 24);
}

export function logKindNumber(kind: LogRef["kind"]): number {
  return kind === "topic" ? 0 : kind === "ack" ? 1 : 2;
}

export function logKindOf(number: number): LogRef["kind"] {
  const kind = LOG_KINDS[number];
  if (kind === undefined) throw new RangeError(`log kind is ${number}; use 0 to 2`);
  return kind;
}
