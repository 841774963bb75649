import { assert } from "./assert.js";

const CAPACITY_MIN = 64;
/** 2^32 divided by the golden ratio: spreads runs of consecutive sequences evenly. */
const MULTIPLIER = 0x9e3779b1;
const NO_KEYS = new Float64Array(0);
const NO_SLOTS = new Int32Array(0);

/**
 * Finds the slot of a sequence. Open addressing over typed arrays, at most half full, without tombstones: a `Map`
 * takes three times the memory, for sequences above 2^31 are objects there.
 */
export class SequenceIndex {
  /** 0 marks an empty place; sequences count from 1. */
  #keys: Float64Array = NO_KEYS;
  #slots: Int32Array = NO_SLOTS;
  #mask = -1;
  #shift = 32;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The slot of `sequence`, or -1. */
  find(sequence: number): number {
    if (this.#size === 0) return -1;
    let at = this.#home(sequence);
    for (;;) {
      const key = this.#keys[at]!;
      if (key === sequence) return this.#slots[at]!;
      if (key === 0) return -1;
      at = (at + 1) & this.#mask;
    }
  }

  /** `sequence` must not be in the index. */
  add(sequence: number, slot: number): void {
    if ((this.#size + 1) * 2 > this.#keys.length) this.#resize(Math.max(CAPACITY_MIN, this.#keys.length * 2));
    this.#place(sequence, slot);
    this.#size += 1;
  }

  /** `sequence` must be in the index. */
  remove(sequence: number): void {
    let hole = this.#home(sequence);
    while (this.#keys[hole] !== sequence) {
      assert(this.#keys[hole] !== 0, "what is removed from the index is in it");
      hole = (hole + 1) & this.#mask;
    }
    this.#size -= 1;
    // Close the gap: move back each follower whose home is not between the hole and itself.
    for (let at = (hole + 1) & this.#mask; this.#keys[at] !== 0; at = (at + 1) & this.#mask) {
      const distance = (at - this.#home(this.#keys[at]!)) & this.#mask;
      if (distance < ((at - hole) & this.#mask)) continue;
      this.#keys[hole] = this.#keys[at]!;
      this.#slots[hole] = this.#slots[at]!;
      hole = at;
    }
    this.#keys[hole] = 0;
  }

  /** Gives the memory back. The index must be empty. */
  release(): void {
    assert(this.#size === 0, "only an empty index is released");
    this.clear();
  }

  /** Forgets everything and gives the memory back. */
  clear(): void {
    this.#size = 0;
    this.#keys = NO_KEYS;
    this.#slots = NO_SLOTS;
    this.#mask = -1;
    this.#shift = 32;
  }

  #home(sequence: number): number {
    return Math.imul(sequence | 0, MULTIPLIER) >>> this.#shift;
  }

  #place(sequence: number, slot: number): void {
    let at = this.#home(sequence);
    while (this.#keys[at] !== 0) at = (at + 1) & this.#mask;
    this.#keys[at] = sequence;
    this.#slots[at] = slot;
  }

  #resize(capacity: number): void {
    const keys = this.#keys;
    const slots = this.#slots;
    this.#keys = new Float64Array(capacity);
    this.#slots = new Int32Array(capacity);
    this.#mask = capacity - 1;
    this.#shift = 32 - Math.log2(capacity);
    for (let at = 0; at < keys.length; at += 1) if (keys[at] !== 0) this.#place(keys[at]!, slots[at]!);
  }
}
