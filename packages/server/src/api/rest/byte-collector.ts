const FIRST_BYTES = 4_096;

/** Joins what comes in pieces. Copying at once keeps a body of single bytes from costing a hundred times its size. */
export class ByteCollector {
  #target = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;

  /** Bytes so far. */
  get length(): number {
    return this.#length;
  }

  add(piece: Uint8Array): void {
    const needed = this.#length + piece.length;
    if (needed > this.#target.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.#target.length));
      this.#target.copy(grown, 0, 0, this.#length);
      this.#target = grown;
    }
    this.#target.set(piece, this.#length);
    this.#length = needed;
  }

  /** All pieces, in the order in which they came. The collector must not be used any more. */
  finish(): Buffer {
    return this.#target.subarray(0, this.#length);
  }
}
