import { crc32 } from "node:zlib";
import {
  ENTRY_HEADER_BYTES,
  type EntryFields,
  EntryKind,
  encodeEntry,
  encodeFrameHeader,
  FRAME_HEADER_BYTES,
  type FrameHeader,
} from "./frame.js";
import type { LogState } from "./log-state.js";

/** Data up to this size is copied beside its header: cheaper than a buffer of its own in the write. */
const COPY_BYTES_MAX = 4096;
const ARENA_BYTES = 1024 * 1024 + 128 * 1024;
/** Entry objects kept for the next group. */
const KEPT_ENTRIES_MAX = 8192;

/** One entry of the group at hand. The objects are used again by the next group. */
export class GroupEntry implements EntryFields {
  kind: EntryFields["kind"] = EntryKind.append;
  flags = 0;
  logKind: EntryFields["logKind"] = "topic";
  part = 0;
  name = "";
  count = 0;
  pos = 0;
  timeMs = 0;
  extra = 0;
  log: LogState | undefined;
  data: Uint8Array | undefined;
  /** From the beginning of the frame. */
  offset = 0;
  sizeBytes = 0;
}

/** A place in a group to which it can go back. */
export interface GroupMark {
  readonly entryCount: number;
  readonly bodyBytes: number;
  readonly bufferCount: number;
  readonly chunk: Buffer;
  readonly runStart: number;
  readonly chunkEnd: number;
}

/**
 * The bytes of one group commit, built entry by entry into buffers for one vectored write. Headers, names and small data
 * lie in an arena that every group uses again; bigger data is written from where it is.
 */
export class Group {
  readonly #arena = Buffer.allocUnsafeSlow(ARENA_BYTES);
  #entries: GroupEntry[] = [];
  #entryCount = 0;
  #bodyBytes = 0;
  readonly #buffers: Uint8Array[] = [];
  #checksums = new Uint32Array(1024);
  #chunk: Buffer = this.#arena;
  /** Where the bytes of `#chunk` begin that are in no buffer yet, and where they end. */
  #runStart = 0;
  #chunkEnd = 0;

  get entryCount(): number {
    return this.#entryCount;
  }

  get sizeBytes(): number {
    return FRAME_HEADER_BYTES + this.#bodyBytes;
  }

  entry(index: number): GroupEntry {
    return this.#entries[index]!;
  }

  /** Empties the group. */
  reset(): void {
    for (let index = 0; index < this.#entryCount; index += 1) {
      const entry = this.#entries[index]!;
      entry.log = undefined;
      entry.data = undefined;
    }
    if (this.#entries.length > KEPT_ENTRIES_MAX) this.#entries.length = KEPT_ENTRIES_MAX;
    this.#entryCount = 0;
    this.#bodyBytes = 0;
    this.#buffers.length = 0;
    this.#chunk = this.#arena;
    this.#runStart = 0;
    this.#chunkEnd = FRAME_HEADER_BYTES;
  }

  mark(): GroupMark {
    return {
      entryCount: this.#entryCount,
      bodyBytes: this.#bodyBytes,
      bufferCount: this.#buffers.length,
      chunk: this.#chunk,
      runStart: this.#runStart,
      chunkEnd: this.#chunkEnd,
    };
  }

  /** Takes back everything added since the mark. */
  rollback(mark: GroupMark): void {
    this.#entryCount = mark.entryCount;
    this.#bodyBytes = mark.bodyBytes;
    this.#buffers.length = mark.bufferCount;
    this.#chunk = mark.chunk;
    this.#runStart = mark.runStart;
    this.#chunkEnd = mark.chunkEnd;
  }

  /** The next entry, to be filled in and then given to `add`. Its fields hold whatever they held. */
  next(): GroupEntry {
    let entry = this.#entries[this.#entryCount];
    if (entry === undefined) {
      entry = new GroupEntry();
      this.#entries.push(entry);
    }
    return entry;
  }

  /** Encodes the entry that `next` gave. */
  add(entry: GroupEntry, data: Uint8Array | undefined): void {
    const dataBytes = data === undefined ? 0 : data.byteLength;
    const isCopied = dataBytes <= COPY_BYTES_MAX;
    this.#makeRoom(ENTRY_HEADER_BYTES + entry.name.length + (isCopied ? dataBytes : 0));
    const chunk = this.#chunk;
    const at = this.#chunkEnd;
    let end = at + encodeEntry(chunk, at, entry, dataBytes);
    if (isCopied && data !== undefined) {
      chunk.set(data, end);
      end += dataBytes;
    }
    let checksum = crc32(chunk.subarray(at + 4, end));
    if (!isCopied) checksum = crc32(data!, checksum);
    chunk.writeUInt32LE(checksum, at);
    this.#chunkEnd = end;
    if (!isCopied) {
      this.#endRun();
      this.#buffers.push(data!);
    }
    entry.data = data;
    entry.offset = FRAME_HEADER_BYTES + this.#bodyBytes;
    entry.sizeBytes = ENTRY_HEADER_BYTES + entry.name.length + dataBytes;
    this.#bodyBytes += entry.sizeBytes;
    this.#keepChecksum(checksum);
    this.#entryCount += 1;
  }

  /** Writes the frame's header and gives the frame's bytes. Nothing may be added afterwards. */
  finish(header: Omit<FrameHeader, "entryCount" | "bodyBytes">): Uint8Array[] {
    const checksums = new Uint8Array(this.#checksums.buffer, 0, this.#entryCount * 4);
    const full = { ...header, entryCount: this.#entryCount, bodyBytes: this.#bodyBytes };
    encodeFrameHeader(this.#arena, full, checksums);
    this.#endRun();
    return this.#buffers;
  }

  #makeRoom(bytes: number): void {
    if (this.#chunkEnd + bytes <= this.#chunk.byteLength) return;
    this.#endRun();
    this.#chunk = Buffer.allocUnsafeSlow(ARENA_BYTES);
    this.#runStart = 0;
    this.#chunkEnd = 0;
  }

  #endRun(): void {
    if (this.#chunkEnd > this.#runStart) this.#buffers.push(this.#chunk.subarray(this.#runStart, this.#chunkEnd));
    this.#runStart = this.#chunkEnd;
  }

  #keepChecksum(checksum: number): void {
    if (this.#entryCount >= this.#checksums.length) {
      const larger = new Uint32Array(this.#checksums.length * 2);
      larger.set(this.#checksums);
      this.#checksums = larger;
    }
    this.#checksums[this.#entryCount] = checksum;
  }
}
