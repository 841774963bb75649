import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Disk, DiskFile } from "./disk.js";
import { decodeSegmentHeader, SEGMENT_HEADER_BYTES } from "./frame.js";
import { parseSegmentName, Segment, segmentName } from "./segment.js";

/** Freed files kept for their allocated blocks; writing over them needs no journal commit. */
const SPARES_MAX = 3;
const SPARE_SUFFIX = ".free";
/** Sealed segments whose file is kept open. */
const OPEN_FILES_MAX = 64;

/**
 * The files of the log that stand, in order, and the spares. A file is created, recycled and freed by a rename, and the
 * directory is synced before anything rests on it: a segment that is freed does not come back.
 */
export class SegmentSet {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #identity: Buffer;
  readonly #segments = new Map<number, Segment>();
  readonly #spares: string[] = [];
  #head: Segment | undefined;

  constructor(disk: Disk, directory: string, identity: Buffer) {
    this.#disk = disk;
    this.#directory = directory;
    this.#identity = identity;
  }

  /** The segment that is written to. */
  get head(): Segment {
    if (this.#head === undefined) throw new Error("the log has no head yet");
    return this.#head;
  }

  get hasHead(): boolean {
    return this.#head !== undefined;
  }

  get size(): number {
    return this.#segments.size;
  }

  get spareCount(): number {
    return this.#spares.length;
  }

  /** All that stand, oldest first. */
  [Symbol.iterator](): Iterator<Segment> {
    return this.#segments.values();
  }

  get(id: number): Segment | undefined {
    return this.#segments.get(id);
  }

  /** The id of the oldest segment that stands, other than `except`; infinite without one. */
  oldestId(except?: number): number {
    for (const id of this.#segments.keys()) if (id !== except) return id;
    return Number.POSITIVE_INFINITY;
  }

  /** Lists the directory and reads the headers. Files without a header of this store are `unused`: never written to. */
  async load(): Promise<{ readonly unused: readonly string[] }> {
    const names = (await this.#disk.list(this.#directory)).sort();
    const ids = names.map(parseSegmentName).filter((id) => id !== undefined);
    const unused: string[] = [];
    for (const id of ids.sort((a, b) => a - b)) {
      const segment = await this.#loadSegment(id);
      if (segment === undefined) unused.push(segmentName(id));
      else this.#segments.set(id, segment);
    }
    for (const name of names.filter((entry) => entry.endsWith(SPARE_SUFFIX))) await this.#keepSpare(name);
    return { unused };
  }

  /** Chooses the segment to go on with. It must be the newest. */
  setHead(segment: Segment): void {
    this.#head = segment;
  }

  /**
   * Makes a new head. Its header is not written: the first group brings it along, so that it costs no sync of its own.
   */
  async roll(position: { readonly firstLsn: number; readonly lastRevision: number; readonly atLeastId: number }) {
    const newest = [...this.#segments.keys()].at(-1) ?? 0;
    const id = Math.max(newest + 1, position.atLeastId);
    const { firstLsn, lastRevision } = position;
    const salt = randomBytes(4).readUInt32LE();
    const header = { segment: id, salt, identity: this.#identity, firstLsn, lastRevision };
    const segment = new Segment(this.#disk, this.#directory, header);
    const spare = await this.#recycleSpare(segment.path);
    const file = await this.#disk.open(segment.path, { create: spare === undefined });
    await this.#disk.syncDirectory(this.#directory);
    segment.adopt(file);
    this.#segments.set(id, segment);
    this.#head = segment;
    return segment;
  }

  /** Takes a segment that nothing needs out of the log, for good when this resolves. Ascending order, one at a time. */
  async free(segment: Segment): Promise<void> {
    await segment.close();
    const name = segmentName(segment.id).replace(".log", SPARE_SUFFIX);
    await this.#disk.rename(segment.path, join(this.#directory, name));
    await this.#disk.syncDirectory(this.#directory);
    this.#segments.delete(segment.id);
    await this.#keepSpare(name);
  }

  /** Removes a file that holds nothing. */
  async discard(name: string): Promise<void> {
    await this.#disk.unlink(join(this.#directory, name));
    await this.#disk.syncDirectory(this.#directory);
  }

  /** Gives the spares' room back to the disk. */
  async dropSpares(): Promise<void> {
    for (let name = this.#spares.pop(); name !== undefined; name = this.#spares.pop()) {
      await this.#disk.unlink(join(this.#directory, name));
    }
  }

  /** Closes files of sealed segments beyond the number kept open; the longest standing first. */
  async closeIdleFiles(): Promise<void> {
    let excess = this.#segments.size - OPEN_FILES_MAX;
    for (const segment of this.#segments.values()) {
      if (excess <= 0) return;
      excess -= 1;
      if (segment !== this.#head && !segment.isInUse) await segment.close();
    }
  }

  async close(): Promise<void> {
    for (const segment of this.#segments.values()) await segment.close();
  }

  async #loadSegment(id: number): Promise<Segment | undefined> {
    const file = await this.#disk.open(join(this.#directory, segmentName(id)), { create: false });
    const header = await readHeader(file);
    if (header === undefined || header.segment !== id || !header.identity.equals(this.#identity)) {
      await file.close();
      return undefined;
    }
    const segment = new Segment(this.#disk, this.#directory, header, await file.size());
    await file.close();
    return segment;
  }

  /** Gives a spare a new name and returns its old one. While the disk works more spares may come: it is off the list before. */
  async #recycleSpare(path: string): Promise<string | undefined> {
    const spare = this.#spares.pop();
    if (spare === undefined) return undefined;
    try {
      await this.#disk.rename(join(this.#directory, spare), path);
    } catch (error) {
      this.#spares.push(spare);
      throw error;
    }
    return spare;
  }

  async #keepSpare(name: string): Promise<void> {
    if (this.#spares.length < SPARES_MAX) this.#spares.push(name);
    else await this.#disk.unlink(join(this.#directory, name));
  }
}

async function readHeader(file: DiskFile) {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
  return (await file.read(bytes, 0)) < bytes.byteLength ? undefined : decodeSegmentHeader(bytes);
}
