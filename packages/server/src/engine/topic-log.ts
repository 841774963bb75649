import type { LogRecord, LogRef, Storage } from "@peal/store";
import type { Activity } from "./activity.js";
import { Block } from "./block.js";
import { Deque } from "./deque.js";
import type { ReadGate } from "./read-gate.js";
import type { BlockHolder, TailCache } from "./tail-cache.js";

export interface TopicLogParts {
  readonly storage: Storage;
  readonly cache: TailCache;
  readonly reads: ReadGate;
  readonly activity: Activity;
}

/** Who wants to know of new blocks. Called on the engine's turn; must not throw. */
export interface LogFollower {
  appended(block: Block): void;
}

/** Consecutive blocks. `isEnd`: nothing more is durable behind them. */
export interface LogSlice {
  readonly blocks: readonly Block[];
  readonly isEnd: boolean;
}

/** What the engine knows of a topic's log: where it ends, its newest blocks, and how to read the rest. */
export class TopicLog implements BlockHolder {
  readonly ref: LogRef;
  /** The last durable position the engine has been told of. */
  head: number;
  /** Bytes appended since the log was trimmed last. */
  bytesSinceTrim = 0;
  readonly #parts: TopicLogParts;
  readonly #followers = new Set<LogFollower>();
  readonly #cached = new Deque<Block>();
  /** Everything above this position is in `#cached`. */
  #cachedAfter: number;
  /** Publish times never fall below this; undefined until the log's last block has been looked at. */
  #publishTimeMs: number | undefined;

  constructor(id: string, parts: TopicLogParts) {
    this.ref = { kind: "topic", id, part: 0 };
    this.#parts = parts;
    this.head = parts.storage.tail(this.ref);
    this.#cachedAfter = this.head;
    if (this.head === 0) this.#publishTimeMs = 0;
  }

  /** Whether no message is stored. */
  get isEmpty(): boolean {
    return this.#parts.storage.head(this.ref) > this.#parts.storage.tail(this.ref);
  }

  follow(follower: LogFollower): void {
    this.#followers.add(follower);
  }

  unfollow(follower: LogFollower): void {
    this.#followers.delete(follower);
  }

  /** A block is durable. Blocks come in order. */
  appended(block: Block): void {
    if (block.first <= this.head) throw new Error(`block ${block.first} of ${this.ref.id} came after ${this.head}`);
    this.head = block.last;
    this.bytesSinceTrim += block.bytes.byteLength;
    this.#cached.push(block);
    this.#parts.cache.add(this, block.bytes.byteLength);
    for (const follower of this.#followers) follower.appended(block);
  }

  /** The time to publish at: now, or that of the last block where the clock was set back since. */
  nextPublishTimeMs(wallMs: number): number {
    this.#publishTimeMs = Math.max(this.#publishTimeMs ?? 0, wallMs);
    return this.#publishTimeMs;
  }

  /** Undefined when `nextPublishTimeMs` may be asked; else wait first. Needed once after a start. */
  learnPublishTime(): Promise<void> | undefined {
    return this.#publishTimeMs === undefined ? this.#readPublishTime() : undefined;
  }

  /** The blocks that follow `after`, about `maxBytes` of them, from memory where it has them all. */
  read(after: number, maxBytes: number): LogSlice | Promise<LogSlice> {
    return after >= this.#cachedAfter ? this.#cachedSlice(after, maxBytes) : this.#storedSlice(after, maxBytes);
  }

  /** The first block that ends at or behind `sequence`; undefined where the log has none. */
  find(sequence: number): Block | undefined | Promise<Block | undefined> {
    if (sequence > this.#cachedAfter) {
      const index = this.#indexOf(sequence);
      return this.#cached.at(index);
    }
    return this.#storedSlice(sequence - 1, 1).then((slice) => slice.blocks[0]);
  }

  /** When a message was published, where its block is in memory. */
  knownTimeMs(sequence: number): number | undefined {
    if (sequence <= this.#cachedAfter) return undefined;
    return this.#cached.at(this.#indexOf(sequence))?.publishTimeMs;
  }

  giveUpOldest(): void {
    this.#cachedAfter = this.#cached.shift()!.last;
  }

  /** The place in `#cached` of the first block that ends at or behind `sequence`. */
  #indexOf(sequence: number): number {
    let low = 0;
    let high = this.#cached.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#cached.at(middle)!.last < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #cachedSlice(after: number, maxBytes: number): LogSlice {
    const blocks: Block[] = [];
    let bytes = 0;
    let index = this.#indexOf(after + 1);
    for (; index < this.#cached.length; index += 1) {
      const block = this.#cached.at(index)!;
      bytes += block.bytes.byteLength;
      if (blocks.length > 0 && bytes > maxBytes) break;
      blocks.push(block);
    }
    return { blocks, isEnd: index === this.#cached.length };
  }

  async #storedSlice(after: number, maxBytes: number): Promise<LogSlice> {
    const { storage, reads, activity } = this.#parts;
    const records = await activity.track(reads.run(() => storage.read(this.ref, after, { maxBytes })));
    // The store may be ahead of what its commits have told: those blocks come with `appended`.
    const blocks = records.filter((record) => record.pos <= this.head).map(toBlock);
    return { blocks, isEnd: blocks.length === 0 || blocks[blocks.length - 1]!.last >= this.head };
  }

  async #readPublishTime(): Promise<void> {
    const { storage, reads, activity } = this.#parts;
    const read = reads.run(() => storage.read(this.ref, Math.max(storage.tail(this.ref) - 1, 0), { maxBytes: 1 }));
    const [last] = await activity.track(read);
    this.#publishTimeMs ??= last === undefined ? 0 : toBlock(last).publishTimeMs;
  }
}

function toBlock(record: LogRecord): Block {
  return new Block(record.pos, record.data);
}
