import { assert } from "./assert.js";
import type { BlockView } from "./block-view.js";
import type { CoreLimits } from "./limits.js";

/** Passed blocks are cut off the list when there are this many. */
const PASSED_MAX = 64;

function lastOf(block: BlockView): number {
  return block.first + block.count - 1;
}

function sizeOf(block: BlockView): number {
  let bytes = 0;
  for (let index = 0; index < block.count; index += 1) bytes += block.sizeBytes(index);
  return bytes;
}

/**
 * The next blocks of the topic's log, from which messages are handed out for the first time.
 *
 *      … position │ known: blocks held, or positions without a message │ end … head
 *
 * Everything at or below `position` was passed: handed out, or settled. Between `end` and the head nothing is known yet.
 */
export class ReadAhead {
  readonly #limits: CoreLimits;
  #blocks: BlockView[] = [];
  /** Data bytes of each block. */
  #sizes: number[] = [];
  /** Blocks at the start of the list that were passed. */
  #passed = 0;
  #position: number;
  #end: number;
  #bytes = 0;

  constructor(position: number, limits: CoreLimits) {
    this.#limits = limits;
    this.#position = position;
    this.#end = position;
  }

  get position(): number {
    return this.#position;
  }

  get end(): number {
    return this.#end;
  }

  /** Bytes of message data held, the passed part of the first block included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The first block that reaches beyond `position`, or undefined where nothing is held. */
  get current(): BlockView | undefined {
    return this.#blocks[this.#passed];
  }

  /** Positions ahead that may hold a message. */
  get aheadCount(): number {
    const block = this.current;
    return block === undefined ? 0 : this.#end - Math.max(this.#position, block.first - 1);
  }

  /** Whether another block may be held. */
  get hasRoom(): boolean {
    return this.#bytes < this.#limits.readAheadBytesMax && this.aheadCount < this.#limits.readAheadMessagesMax;
  }

  /** Whether it is time to ask for more. */
  get isLow(): boolean {
    return (
      this.#bytes * 2 <= this.#limits.readAheadBytesMax && this.aheadCount * 2 <= this.#limits.readAheadMessagesMax
    );
  }

  /** Holds the block that follows what is known. What lies between `end` and its start holds no message. */
  push(block: BlockView): void {
    const last = lastOf(block);
    if (last <= this.#end) return;
    assert(block.first > this.#end || block.first <= this.#position + 1, "blocks come in order and do not overlap");
    const sizeBytes = sizeOf(block);
    this.#blocks.push(block);
    this.#sizes.push(sizeBytes);
    this.#bytes += sizeBytes;
    this.#end = last;
  }

  /** Takes note that nothing more lies at or below `sequence`. */
  extendTo(sequence: number): void {
    if (sequence > this.#end) this.#end = sequence;
  }

  /** Passes everything at or below `sequence`. */
  passTo(sequence: number): void {
    if (sequence <= this.#position) return;
    this.#position = sequence;
    if (this.#end < sequence) this.#end = sequence;
    for (let block = this.current; block !== undefined && lastOf(block) <= sequence; block = this.current) {
      this.#bytes -= this.#sizes[this.#passed]!;
      this.#passed += 1;
    }
    if (this.#passed === this.#blocks.length) {
      if (this.#passed > 0) this.#forget();
    } else if (this.#passed >= PASSED_MAX) {
      this.#blocks = this.#blocks.slice(this.#passed);
      this.#sizes = this.#sizes.slice(this.#passed);
      this.#passed = 0;
    }
  }

  /** Lets go of every block; they will be asked for again. */
  clear(): void {
    this.#forget();
    this.#end = this.#position;
  }

  /** Begins anew behind `position`. */
  reset(position: number): void {
    this.#forget();
    this.#position = position;
    this.#end = position;
  }

  #forget(): void {
    this.#blocks = [];
    this.#sizes = [];
    this.#passed = 0;
    this.#bytes = 0;
  }
}
