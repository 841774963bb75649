import type { Pos } from "../storage.js";

/** Records of one log close together in one segment are indexed as one extent of at most this many bytes. */
export const EXTENT_BYTES = 64 * 1024;

/**
 * Where consecutive records of one log lie: within `[offset, offset + lengthBytes)` of a segment, among entries of
 * others. Records of the same log outside `[first, last]` that lie there too are somewhere else by now, or dead.
 */
export interface Extent {
  first: Pos;
  last: Pos;
  segment: number;
  offset: number;
  lengthBytes: number;
  /** What the segment is charged for it; at least 1. */
  bytes: number;
  /** The time of the first record. */
  firstTimeMs: number;
  /** Whether older extents of these positions may be in the index. */
  isMoved: boolean;
  /** Once written to the index an extent does not grow: what follows becomes a new one. */
  isFrozen: boolean;
  /** The record's data, where it is kept in the index for a fast start. Such an extent holds one record. */
  inline: Uint8Array | undefined;
}

/** The index in `extents`, sorted and without overlaps, of the first one that ends at or after `pos`. */
export function findExtent(extents: readonly Extent[], pos: Pos): number {
  let low = 0;
  let high = extents.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (extents[middle]!.last < pos) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Adds an extent to a sorted list; where it overlaps others, it wins, and they keep what is left of them. */
export function insertExtent(extents: Extent[], added: Extent): void {
  const start = findExtent(extents, added.first);
  let end = start;
  let before: Extent | undefined;
  let behind: Extent | undefined;
  for (; end < extents.length && extents[end]!.first <= added.last; end += 1) {
    const old = extents[end]!;
    if (old.first < added.first) before = cut(old, old.first, added.first - 1);
    if (old.last > added.last) behind = cut(old, added.last + 1, old.last);
  }
  extents.splice(start, end - start, ...[before, added, behind].filter((piece) => piece !== undefined));
}

/** The part of an extent from `first` to `last`. Its bytes are an estimate: what counts is that none is charged 0. */
function cut(extent: Extent, first: Pos, last: Pos): Extent {
  const share = (last - first + 1) / (extent.last - extent.first + 1);
  return { ...extent, first, last, bytes: Math.max(1, Math.round(extent.bytes * share)), isFrozen: true };
}
