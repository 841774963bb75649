import { Deque } from "./deque.js";

/** Holds blocks in memory, and gives its oldest one up when the budget needs the room. */
export interface BlockHolder {
  giveUpOldest(): void;
}

/**
 * One budget for the recent blocks of all topics. The oldest block leaves first, so that what a topic has in memory is
 * always the end of its log, without a hole. A block stays until then though it may be trimmed: the budget bounds it.
 */
export class TailCache {
  readonly #budgetBytes: number;
  readonly #holders = new Deque<BlockHolder>();
  readonly #sizes = new Deque<number>();
  #bytes = 0;

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The holder took a block of this many bytes as its newest. */
  add(holder: BlockHolder, bytes: number): void {
    this.#bytes += bytes;
    this.#holders.push(holder);
    this.#sizes.push(bytes);
    while (this.#bytes > this.#budgetBytes) {
      this.#bytes -= this.#sizes.shift()!;
      this.#holders.shift()!.giveUpOldest();
    }
  }
}
