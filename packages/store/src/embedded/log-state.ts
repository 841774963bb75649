import type { LogSlot } from "../log-table.js";
import type { LogRef, Pos } from "../storage.js";
import type { Extent } from "./extent.js";

/** What is the same for every log that has nothing recent; never written to. */
const NO_EXTENTS: Extent[] = [];

/** Where an entry lies, and what its segment is charged for it. */
export interface Location {
  readonly segment: number;
  readonly offset: number;
  readonly bytes: number;
}

/** The last trim of a log. Trims of one log rise. */
export interface TrimLocation extends Location {
  readonly upTo: Pos;
}

/**
 * What is in memory of one log: where it begins and ends, and where the records lie that no checkpoint has written to
 * the index yet. Kept small, since there are tens of thousands.
 */
export class LogState implements LogSlot<LogState> {
  readonly kind: LogRef["kind"];
  readonly id: string;
  readonly part: number;
  next: LogState | undefined;
  /** Its number in the index. */
  readonly number: number;
  tail: Pos = 0;
  /** Every record that ends at or before it is given up. */
  floor: Pos = 0;
  timeMs = 0;
  isDropped = false;
  /** Where its last trim lies in the log; it holds the tail of a log that is trimmed empty. */
  trim: TrimLocation | undefined;
  /** Where its drop lies in the log, and the newest segment that may hold its records. */
  drop: (Location & { readonly covers: number }) | undefined;
  recent: Extent[] = NO_EXTENTS;
  isDirty = false;
  /** How many extents the index has of it. */
  rows = 0;
  /** The floor up to which its extents are gone from the index. */
  sweptTo: Pos = 0;
  /** The trim the index has, so that a checkpoint knows what no longer counts. */
  indexedTrim: TrimLocation | undefined;
  /** Entries of frames up to here are in the index; a replay skips them. */
  lsn = 0;

  /** What the group being formed will do to it; counts only while `stagedGroup` is that group's number. */
  stagedGroup = 0;
  stagedTail: Pos = 0;
  stagedTimeMs = 0;
  stagedIsDropped = false;

  constructor(ref: LogRef, number: number) {
    this.kind = ref.kind;
    this.id = ref.id;
    this.part = ref.part;
    this.number = number;
  }

  addRecent(extent: Extent): void {
    if (this.recent === NO_EXTENTS) this.recent = [extent];
    else this.recent.push(extent);
  }

  /** Makes `recent` a list of its own before it is changed in place. */
  ownRecent(): Extent[] {
    if (this.recent === NO_EXTENTS) this.recent = [];
    return this.recent;
  }

  setRecent(extents: Extent[]): void {
    this.recent = extents.length === 0 ? NO_EXTENTS : extents;
  }
}
