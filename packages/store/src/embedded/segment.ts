import { join } from "node:path";
import type { Disk, DiskFile } from "./disk.js";
import { SEGMENT_HEADER_BYTES, type SegmentHeader } from "./frame.js";

/** One file of the log. All but the newest, the head, are sealed: their bytes never change while they stand. */
export class Segment {
  readonly id: number;
  readonly path: string;
  readonly header: SegmentHeader;
  /** The end of the last frame that is valid and durable. */
  sizeBytes: number;
  /** What the index charges it, as of the last checkpoint. Nothing points into a sealed segment at 0. */
  liveBytes = 0;
  /** Whether a checksum failed in it: it is kept as it is. */
  isDamaged = false;
  /** Whether the collector has moved all that lives in it. */
  isCollected = false;
  /** Whether the index has a row for it. */
  isIndexed = false;
  readonly #disk: Disk;
  #file: Promise<DiskFile> | undefined;
  #users = 0;
  #onIdle: (() => void) | undefined;

  constructor(disk: Disk, directory: string, header: SegmentHeader, sizeBytes = SEGMENT_HEADER_BYTES) {
    this.#disk = disk;
    this.id = header.segment;
    this.path = join(directory, segmentName(header.segment));
    this.header = header;
    this.sizeBytes = sizeBytes;
  }

  get isInUse(): boolean {
    return this.#users > 0;
  }

  /** Keeps the segment from being closed or freed until the answer is called. */
  hold(): () => void {
    this.#users += 1;
    return () => {
      this.#users -= 1;
      if (this.#users === 0) this.#onIdle?.();
    };
  }

  /** Uses the file; while anybody does, the segment is neither closed nor freed. */
  async use<T>(action: (file: DiskFile) => Promise<T>): Promise<T> {
    const release = this.hold();
    try {
      this.#file ??= this.#disk.open(this.path, { create: false });
      return await action(await this.#file);
    } finally {
      release();
    }
  }

  /** Reads `[offset, offset + lengthBytes)`, less where the file ends before. */
  read(offset: number, lengthBytes: number): Promise<Buffer> {
    return this.use(async (file) => {
      const bytes = Buffer.allocUnsafeSlow(lengthBytes);
      let filled = 0;
      while (filled < lengthBytes) {
        const got = await file.read(bytes.subarray(filled), offset + filled);
        if (got === 0) break;
        filled += got;
      }
      return bytes.subarray(0, filled);
    });
  }

  /** Gives the file to a segment that was just created. */
  adopt(file: DiskFile): void {
    this.#file = Promise.resolve(file);
  }

  /** Closes the file when nobody uses it any more. A later use opens it again. */
  async close(): Promise<void> {
    if (this.#users > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
      this.#onIdle = undefined;
    }
    const file = this.#file;
    this.#file = undefined;
    await (await file)?.close();
  }
}

export function segmentName(id: number): string {
  return `${String(id).padStart(10, "0")}.log`;
}

/** The number in the name of a segment file, or undefined for other files. */
export function parseSegmentName(name: string): number | undefined {
  const match = /^(\d{10,})\.log$/.exec(name);
  return match === null ? undefined : Number(match[1]);
}
