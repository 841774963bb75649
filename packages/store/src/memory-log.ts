import type { LogSlot } from "./log-table.js";
import type { Closeable, LogRecord, LogRef, Pos } from "./storage.js";

/** Dead records at the front of the array are cut off when they are as many as this and outnumber the living. */
const COMPACT_MIN = 64;

interface Follower {
  readonly onRecords: (records: readonly LogRecord[]) => void;
  /** The last position it was told. */
  seen: Pos;
}

/** One log of the memory engine: its live records in order, and who follows it. */
export class MemoryLog implements LogSlot<MemoryLog> {
  readonly kind: LogRef["kind"];
  readonly id: string;
  readonly part: number;
  next: MemoryLog | undefined;
  tail: Pos = 0;
  isDropped = false;
  /** Every record that ends at or before it is given up. */
  #floor: Pos = 0;
  #timeMs = 0;
  #records: LogRecord[] = [];
  /** Index in `#records` of the first live one. */
  #first = 0;
  #followers: Follower[] = [];

  constructor(ref: LogRef) {
    this.kind = ref.kind;
    this.id = ref.id;
    this.part = ref.part;
  }

  get head(): Pos {
    return this.#floor + 1;
  }

  get isFollowed(): boolean {
    return this.#followers.length > 0;
  }

  append(data: Uint8Array, count: number, timeMs: number): LogRecord {
    this.#timeMs = Math.max(this.#timeMs, timeMs);
    const pos = this.tail + 1;
    this.tail += count;
    const record: LogRecord = { pos, count, timeMs: this.#timeMs, data };
    this.#records.push(record);
    return record;
  }

  /** Reports a record to those who follow and have not seen it. */
  tell(record: LogRecord): void {
    for (const follower of this.#followers) {
      if (follower.seen >= record.pos) continue;
      follower.seen = lastPos(record);
      follower.onRecords([record]);
    }
  }

  trim(upTo: Pos): void {
    const floor = Math.min(upTo, this.tail);
    if (floor <= this.#floor) return;
    this.#floor = floor;
    while (this.#first < this.#records.length && lastPos(this.#records[this.#first]!) <= floor) this.#first += 1;
    if (this.#first >= COMPACT_MIN && this.#first * 2 > this.#records.length) {
      this.#records = this.#records.slice(this.#first);
      this.#first = 0;
    } else if (this.#first === this.#records.length) {
      this.#records.length = 0;
      this.#first = 0;
    }
  }

  drop(): void {
    this.isDropped = true;
    this.#records = [];
    this.#first = 0;
    this.#followers = [];
    this.tail = 0;
    this.#floor = 0;
  }

  read(after: Pos, maxBytes: number): LogRecord[] {
    const start = this.#firstIndex((record) => lastPos(record) > after);
    let end = start;
    let bytes = 0;
    while (end < this.#records.length) {
      bytes += this.#records[end]!.data.byteLength;
      if (bytes > maxBytes && end > start) break;
      end += 1;
    }
    return this.#records.slice(start, end);
  }

  seekTime(timeMs: number): Pos {
    const index = this.#firstIndex((record) => record.timeMs >= timeMs);
    const next = this.#records[index];
    return next === undefined ? this.tail : Math.max(next.pos - 1, this.#floor);
  }

  follow(after: Pos, onRecords: Follower["onRecords"]): Closeable {
    const present = this.read(after, Number.POSITIVE_INFINITY);
    const follower: Follower = { onRecords, seen: Math.max(after, this.tail) };
    // A new array each time: a listener that closes or follows does not disturb the round it is called in.
    if (!this.isDropped) this.#followers = [...this.#followers, follower];
    if (present.length > 0) onRecords(present);
    return {
      close: () => {
        this.#followers = this.#followers.filter((other) => other !== follower);
      },
    };
  }

  /** The index of the first live record for which `isBeyond` holds; it must hold for all after it. */
  #firstIndex(isBeyond: (record: LogRecord) => boolean): number {
    let low = this.#first;
    let high = this.#records.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBeyond(this.#records[middle]!)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

function lastPos(record: LogRecord): Pos {
  return record.pos + record.count - 1;
}
