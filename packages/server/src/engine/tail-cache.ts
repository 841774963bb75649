import type { Block } from "./block.js";
import { Deque } from "./deque.js";

/** A block held in memory. `block` is undefined once it was given up. */
export class CachedBlock {
  block: Block | undefined;

  constructor(
    block: Block,
    /** Called when the budget needs the room: gives up the owner's oldest block, which is this one. */
    readonly evict: () => void,
  ) {
    this.block = block;
  }
}

/**
 * One budget for the recent blocks of all topics. The oldest block leaves first, so that what a topic has in memory is
 * always the end of its log, without a hole.
 */
export class TailCache {
  readonly #budgetBytes: number;
  readonly #entries = new Deque<CachedBlock>();
  #bytes = 0;

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(entry: CachedBlock): void {
    this.#bytes += entry.block!.bytes.byteLength;
    this.#entries.push(entry);
    while (this.#bytes > this.#budgetBytes) {
      const oldest = this.#entries.shift()!;
      if (oldest.block !== undefined) oldest.evict();
    }
    this.#skipEmpty();
  }

  /** The owner gives a block up before the budget asks for it. */
  release(entry: CachedBlock): void {
    if (entry.block === undefined) return;
    this.#bytes -= entry.block.bytes.byteLength;
    entry.block = undefined;
  }

  #skipEmpty(): void {
    while (this.#entries.length > 0 && this.#entries.at(0)!.block === undefined) this.#entries.shift();
  }
}
