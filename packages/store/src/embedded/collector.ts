import type { Checkpoint } from "./checkpoint.js";
import { type Entry, EntryKind } from "./frame.js";
import type { GroupCommitter } from "./group-committer.js";
import type { LogIndex } from "./log-index.js";
import type { ReadGate } from "./read-gate.js";
import type { Segment } from "./segment.js";
import { FIRST_FRAME_OFFSET, scanSegment } from "./segment-scan.js";
import type { SegmentSet } from "./segment-set.js";
import type { SpaceReserve } from "./space-reserve.js";
import { isLive, type Move } from "./staging.js";

/** A sealed segment is collected when less than this share of it is alive. */
const LIVE_SHARE_MAX = 0.5;
/** Live entries go to the head in commits of this size. */
const MOVE_BYTES = 256 * 1024;

export interface CollectorOptions {
  readonly index: LogIndex;
  readonly segments: SegmentSet;
  readonly checkpoint: Checkpoint;
  readonly committer: GroupCommitter;
  readonly reserve: SpaceReserve;
  readonly gate: ReadGate;
  /** Bytes that may be moved per second. */
  readonly bytesPerSecond: number;
  readonly monotonicMs: () => number;
  readonly onDamage: (message: string) => void;
}

/**
 * Gives segments back. One that nothing points into is freed; one that is mostly dead is emptied first, by copying what
 * lives in it to the head. What a deletion or a drop ended in older segments stays ended: such an entry lives while an
 * older segment stands.
 */
export class Collector {
  movedBytes = 0;
  freedSegments = 0;
  readonly #options: CollectorOptions;
  #budgetBytes: number;
  #filledAtMs: number;

  constructor(options: CollectorOptions) {
    this.#options = options;
    this.#budgetBytes = options.bytesPerSecond;
    this.#filledAtMs = options.monotonicMs();
  }

  /** Called after a checkpoint. @returns Whether anything was done that the next checkpoint must write. */
  async collect(): Promise<boolean> {
    await this.#freeDead();
    const segment = this.#choose();
    if (segment === undefined) return false;
    await this.#empty(segment);
    return true;
  }

  /** Frees what is dead, oldest first, each for good before the next. */
  async #freeDead(): Promise<void> {
    const { segments, checkpoint } = this.#options;
    for (const segment of this.#sealed()) {
      if (segment.liveBytes > 0 || segment.isInUse) continue;
      await checkpoint.forgetSegment(segment.id);
      await segments.free(segment);
      this.freedSegments += 1;
    }
  }

  /** Segments that no replay needs, and that are as they should be. */
  #sealed(): Segment[] {
    const { segments, checkpoint } = this.#options;
    const written = checkpoint.written;
    if (written === undefined || !written.isComplete) return [];
    return [...segments].filter((segment) => segment.id < written.segment && segment.isIndexed && !segment.isDamaged);
  }

  /** The segment with the smallest live share, if it is small enough and the rate allows. */
  #choose(): Segment | undefined {
    const { reserve } = this.#options;
    this.#fillBudget();
    if (this.#budgetBytes <= 0) return undefined;
    let best: Segment | undefined;
    for (const segment of this.#sealed()) {
      if (segment.isCollected || segment.liveBytes >= segment.sizeBytes * LIVE_SHARE_MAX) continue;
      // Out of the reserve only what gives back much more than it takes.
      if (reserve.isSpent && segment.liveBytes > reserve.sizeBytes / 8) continue;
      if (best === undefined || segment.liveBytes / segment.sizeBytes < best.liveBytes / best.sizeBytes) best = segment;
    }
    return best;
  }

  #fillBudget(): void {
    const { bytesPerSecond, monotonicMs } = this.#options;
    const nowMs = monotonicMs();
    const gained = ((nowMs - this.#filledAtMs) / 1000) * bytesPerSecond;
    this.#budgetBytes = Math.min(bytesPerSecond, this.#budgetBytes + gained);
    this.#filledAtMs = nowMs;
  }

  async #empty(segment: Segment): Promise<void> {
    const { index, gate, committer, onDamage } = this.#options;
    let moves: Move[] = [];
    let bytes = 0;
    const flush = async () => {
      if (moves.length === 0) return;
      await committer.move(moves, bytes);
      this.movedBytes += bytes;
      this.#budgetBytes -= bytes;
      moves = [];
      bytes = 0;
    };
    const { firstLsn } = segment.header;
    const end = await gate.run(() =>
      scanSegment(segment, FIRST_FRAME_OFFSET, firstLsn - 1, async ({ entries }) => {
        for (const [entry, offset] of entries) {
          if (!isLive(index, entry, segment.id, offset)) continue;
          if (this.#isForgettable(entry, segment)) {
            this.#forget(entry, segment.id, offset);
            continue;
          }
          moves.push({ entry, segment: segment.id, offset });
          bytes += entry.sizeBytes;
          if (bytes >= MOVE_BYTES) await flush();
        }
      }),
    );
    await flush();
    segment.isCollected = true;
    if (!end.isTorn) return;
    segment.isDamaged = true;
    onDamage(`a checksum failed in ${segment.path}, offset ${end.offset}: the segment is kept as it is`);
  }

  /** Whether nothing that a deletion or drop ended can come back any more. */
  #isForgettable(entry: Entry, segment: Segment): boolean {
    if (entry.kind !== EntryKind.delete && entry.kind !== EntryKind.drop) return false;
    return this.#options.segments.oldestId(segment.id) > entry.extra;
  }

  #forget(entry: Entry, segment: number, offset: number): void {
    const { index } = this.#options;
    if (entry.kind === EntryKind.drop) {
      index.forgottenDrops.push({ kind: entry.logKind, id: entry.name, part: entry.part });
      return;
    }
    const row = index.metadata(entry.name);
    if (row !== undefined && row.segment === segment && row.offset === offset) index.forgottenKeys.set(entry.name, row);
  }
}
