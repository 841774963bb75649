import {
  decodeEntry,
  decodeFrameHeader,
  type Entry,
  entrySizeAt,
  FRAME_HEADER_BYTES,
  type FrameHeader,
  isFrameValid,
  SEGMENT_HEADER_BYTES,
} from "./frame.js";
import type { Segment } from "./segment.js";

const CHUNK_BYTES = 4 * 1024 * 1024;
/** The first bytes of what `isFrameAt` looks for. */
const FRAME_MARK = Buffer.from([0xf0, 1, 0, 0]);

/** Where the valid frames of a segment end, and what is behind. */
export interface ScanEnd {
  readonly offset: number;
  /** The LSN of the last valid frame, or the one before the first. */
  readonly lsn: number;
  /** Whether a frame of this segment begins there that is not whole. */
  readonly isTorn: boolean;
}

/** One valid frame. */
export interface ScannedFrame {
  readonly header: FrameHeader;
  /** Its entries, and where each lies in the segment. They are views of a buffer that lives as long as they do. */
  readonly entries: Iterable<readonly [entry: Entry, offset: number]>;
}

/**
 * Walks the frames of a segment from `offset` on; each must have the LSN after the last. Ends at the first bytes that are
 * no valid frame of this segment.
 */
export async function scanSegment(
  segment: Segment,
  offset: number,
  lastLsn: number,
  onFrame: (frame: ScannedFrame) => Promise<void> | void,
): Promise<ScanEnd> {
  const window = new Window(segment);
  let at = offset;
  let lsn = lastLsn;
  for (;;) {
    const bytes = await window.at(at, FRAME_HEADER_BYTES);
    const header = decodeFrameHeader(bytes, 0);
    if (header === undefined || !isOf(segment, header) || header.lsn !== lsn + 1)
      return { offset: at, lsn, isTorn: false };
    const sizeBytes = FRAME_HEADER_BYTES + header.bodyBytes;
    const isPlausible = Number.isSafeInteger(sizeBytes) && at + sizeBytes <= segment.sizeBytes;
    const frame = isPlausible ? await window.at(at, sizeBytes) : bytes;
    if (!isPlausible || !isFrameValid(frame, 0, header)) return { offset: at, lsn, isTorn: true };
    const start = at;
    const waiting = onFrame({ header, entries: entriesOf(frame, header, start) });
    if (waiting !== undefined) await waiting;
    lsn = header.lsn;
    at += sizeBytes;
  }
}

/** The offset of a valid frame of this segment behind `offset` with an LSN above `lsn`, if there is one. */
export async function findFrameBehind(segment: Segment, offset: number, lsn: number): Promise<number | undefined> {
  const window = new Window(segment);
  for (let base = offset; base < segment.sizeBytes; base += CHUNK_BYTES) {
    const chunk = await segment.read(base, Math.min(CHUNK_BYTES + FRAME_HEADER_BYTES, segment.sizeBytes - base));
    for (let mark = chunk.indexOf(FRAME_MARK); mark !== -1; mark = chunk.indexOf(FRAME_MARK, mark + 1)) {
      const header = mark < 4 ? undefined : decodeFrameHeader(chunk, mark - 4);
      if (header === undefined || !isOf(segment, header) || header.lsn <= lsn) continue;
      const at = base + mark - 4;
      const sizeBytes = FRAME_HEADER_BYTES + header.bodyBytes;
      if (!Number.isSafeInteger(sizeBytes) || at + sizeBytes > segment.sizeBytes) continue;
      if (isFrameValid(await window.at(at, sizeBytes), 0, header)) return at;
    }
  }
  return undefined;
}

/** Where the first frame of a segment begins. */
export const FIRST_FRAME_OFFSET = SEGMENT_HEADER_BYTES;

function isOf(segment: Segment, header: FrameHeader): boolean {
  return header.segment === segment.id && header.salt === segment.header.salt;
}

function* entriesOf(frame: Buffer, header: FrameHeader, start: number): Generator<readonly [Entry, number]> {
  let at = FRAME_HEADER_BYTES;
  for (let index = 0; index < header.entryCount; index += 1) {
    const sizeBytes = entrySizeAt(frame, at, frame.byteLength)!;
    yield [decodeEntry(frame, at, sizeBytes), start + at];
    at += sizeBytes;
  }
}

/** Reads ahead in steps, so that small frames do not cost a read each. */
class Window {
  readonly #segment: Segment;
  #bytes: Buffer = Buffer.alloc(0);
  #start = 0;

  constructor(segment: Segment) {
    this.#segment = segment;
  }

  /** `lengthBytes` from `offset` on; less at the end of the file. */
  async at(offset: number, lengthBytes: number): Promise<Buffer> {
    const end = this.#start + this.#bytes.byteLength;
    if (offset < this.#start || offset + lengthBytes > end) {
      const wanted = Math.max(lengthBytes, Math.min(CHUNK_BYTES, this.#segment.sizeBytes - offset));
      this.#bytes = await this.#segment.read(offset, Math.max(wanted, 0));
      this.#start = offset;
    }
    return this.#bytes.subarray(offset - this.#start, offset - this.#start + lengthBytes);
  }
}
