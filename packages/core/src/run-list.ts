import { assert } from "./assert.js";

/** Most runs in one chunk: small enough that moving half of one is cheap, big enough that there are few of them. */
const CHUNK_RUNS = 256;
/** Runs a chunk has room for at first: most sets stay tiny, and there are tens of thousands of sets. */
const CHUNK_RUNS_INITIAL = 8;

interface Chunk {
  firsts: Float64Array;
  lasts: Float64Array;
  size: number;
}

function newChunk(capacity: number): Chunk {
  return { firsts: new Float64Array(capacity), lasts: new Float64Array(capacity), size: 0 };
}

/**
 * A set of sequences as runs: sorted, disjoint, never adjacent.
 *
 * Runs lie in chunks of at most 256, so that an insertion into a million runs moves a few hundred of them. What is
 * added in rising order, or grows the run touched last, costs no search.
 */
export class RunList {
  #chunks: Chunk[] = [];
  #runCount = 0;
  #sequenceCount = 0;
  /** Where the last search or insertion ended; may point past the end. */
  #chunkAt = 0;
  #runAt = 0;

  get runCount(): number {
    return this.#runCount;
  }

  get sequenceCount(): number {
    return this.#sequenceCount;
  }

  /** The first sequence in the set, or Infinity. */
  get first(): number {
    return this.#chunks[0]?.firsts[0] ?? Number.POSITIVE_INFINITY;
  }

  /** The last sequence in the set, or -Infinity. */
  get last(): number {
    const chunk = this.#chunks.at(-1);
    return chunk === undefined ? Number.NEGATIVE_INFINITY : chunk.lasts[chunk.size - 1]!;
  }

  /**
   * Adds every sequence from `first` to `last`.
   * @returns How many of them were not in the set before.
   */
  add(first: number, last: number): number {
    assert(first <= last, "a run does not end before it begins");
    const chunk = this.#seek(first - 1);
    if (chunk === undefined || chunk.firsts[this.#runAt]! > last + 1) {
      this.#insert(first, last);
      this.#sequenceCount += last - first + 1;
      return last - first + 1;
    }
    return this.#merge(chunk, first, last);
  }

  has(sequence: number): boolean {
    const chunk = this.#seek(sequence);
    return chunk !== undefined && chunk.firsts[this.#runAt]! <= sequence;
  }

  /** The lowest sequence at or above `sequence` that is not in the set. */
  nextAbsent(sequence: number): number {
    const chunk = this.#seek(sequence);
    if (chunk === undefined || chunk.firsts[this.#runAt]! > sequence) return sequence;
    return chunk.lasts[this.#runAt]! + 1;
  }

  /** The lowest sequence at or above `sequence` that is in the set, or Infinity. */
  nextPresent(sequence: number): number {
    const chunk = this.#seek(sequence);
    if (chunk === undefined) return Number.POSITIVE_INFINITY;
    return Math.max(chunk.firsts[this.#runAt]!, sequence);
  }

  /**
   * Removes every sequence at or below `floor`, and the run that follows it without a gap.
   * @returns The floor, or the end of that run.
   */
  absorb(floor: number): number {
    let reached = floor;
    let chunk = this.#chunks[0];
    while (chunk !== undefined && chunk.firsts[0]! <= reached + 1) {
      let taken = 0;
      while (taken < chunk.size && chunk.firsts[taken]! <= reached + 1) {
        reached = Math.max(reached, chunk.lasts[taken]!);
        this.#sequenceCount -= chunk.lasts[taken]! - chunk.firsts[taken]! + 1;
        taken += 1;
      }
      this.#removeRuns(0, 0, taken);
      chunk = this.#chunks[0];
    }
    return reached;
  }

  forEach(visit: (first: number, last: number) => void): void {
    for (const chunk of this.#chunks) {
      for (let index = 0; index < chunk.size; index += 1) visit(chunk.firsts[index]!, chunk.lasts[index]!);
    }
  }

  clear(): void {
    this.#chunks = [];
    this.#runCount = 0;
    this.#sequenceCount = 0;
    this.#chunkAt = 0;
    this.#runAt = 0;
  }

  /** Finds the first run that ends at or after `sequence`; it is at `#runAt` of the chunk returned. */
  #seek(sequence: number): Chunk | undefined {
    const hinted = this.#chunks[this.#chunkAt];
    if (hinted !== undefined && this.#runAt < hinted.size && hinted.lasts[this.#runAt] === sequence) return hinted;
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const chunk = this.#chunks[middle]!;
      if (chunk.lasts[chunk.size - 1]! < sequence) low = middle + 1;
      else high = middle;
    }
    this.#chunkAt = low;
    const found = this.#chunks[low];
    if (found === undefined) return undefined;
    low = 0;
    high = found.size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (found.lasts[middle]! < sequence) low = middle + 1;
      else high = middle;
    }
    this.#runAt = low;
    return found;
  }

  /** Grows the run at the place found over `first` to `last`, and swallows the runs behind it that this touches. */
  #merge(chunk: Chunk, first: number, last: number): number {
    const at = this.#runAt;
    const isFurther = last > chunk.lasts[at]!;
    let added = Math.max(0, chunk.firsts[at]! - first);
    chunk.firsts[at] = Math.min(chunk.firsts[at]!, first);
    if (isFurther) {
      let end = chunk.lasts[at]!;
      for (;;) {
        const isInChunk = at + 1 < chunk.size;
        const follower = isInChunk ? chunk : this.#chunks[this.#chunkAt + 1];
        const index = isInChunk ? at + 1 : 0;
        if (follower === undefined || follower.firsts[index]! > last + 1) break;
        added += Math.max(0, follower.firsts[index]! - end - 1);
        end = follower.lasts[index]!;
        this.#removeRuns(isInChunk ? this.#chunkAt : this.#chunkAt + 1, index, 1);
      }
      added += Math.max(0, last - end);
      chunk.lasts[at] = Math.max(end, last);
    }
    this.#sequenceCount += added;
    return added;
  }

  /** Puts a run of its own before the one found. */
  #insert(first: number, last: number): void {
    let chunk = this.#chunks[this.#chunkAt];
    if (chunk === undefined) {
      chunk = this.#chunkForAppend();
      this.#runAt = chunk.size;
    } else if (chunk.size === CHUNK_RUNS) {
      chunk = this.#split(chunk);
    }
    if (chunk.size === chunk.firsts.length) this.#grow(chunk);
    const at = this.#runAt;
    if (at < chunk.size) {
      chunk.firsts.copyWithin(at + 1, at, chunk.size);
      chunk.lasts.copyWithin(at + 1, at, chunk.size);
    }
    chunk.firsts[at] = first;
    chunk.lasts[at] = last;
    chunk.size += 1;
    this.#runCount += 1;
  }

  #chunkForAppend(): Chunk {
    const last = this.#chunks.at(-1);
    if (last !== undefined && last.size < CHUNK_RUNS) {
      this.#chunkAt = this.#chunks.length - 1;
      return last;
    }
    const chunk = newChunk(this.#chunks.length === 0 ? CHUNK_RUNS_INITIAL : CHUNK_RUNS);
    this.#chunkAt = this.#chunks.length;
    this.#chunks.push(chunk);
    return chunk;
  }

  #grow(chunk: Chunk): void {
    const { firsts, lasts, size } = chunk;
    Object.assign(chunk, newChunk(CHUNK_RUNS), { size });
    chunk.firsts.set(firsts);
    chunk.lasts.set(lasts);
  }

  /** Moves the upper half of a full chunk into one of its own; answers the half that holds `#runAt`. */
  #split(chunk: Chunk): Chunk {
    const half = CHUNK_RUNS / 2;
    const upper = newChunk(CHUNK_RUNS);
    upper.size = half;
    upper.firsts.set(chunk.firsts.subarray(half));
    upper.lasts.set(chunk.lasts.subarray(half));
    chunk.size = half;
    this.#chunks.splice(this.#chunkAt + 1, 0, upper);
    if (this.#runAt <= half) return chunk;
    this.#chunkAt += 1;
    this.#runAt -= half;
    return upper;
  }

  #removeRuns(chunkAt: number, at: number, count: number): void {
    const chunk = this.#chunks[chunkAt]!;
    chunk.firsts.copyWithin(at, at + count, chunk.size);
    chunk.lasts.copyWithin(at, at + count, chunk.size);
    chunk.size -= count;
    this.#runCount -= count;
    if (chunk.size === 0) this.#chunks.splice(chunkAt, 1);
  }
}
