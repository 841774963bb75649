/** 2^53 - 1 takes eight bytes of 7 bits. */
const VARINT_BYTES_MAX = 8;

/** Reads what `ByteWriter` wrote. Every method throws an Error that names the place when the bytes end or mean nothing. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw new Error(`record ends at byte ${this.#at}`);
    this.#at += 1;
    return value;
  }

  varint(): number {
    const start = this.#at;
    let value = 0;
    let scale = 1;
    for (let index = 0; index < VARINT_BYTES_MAX; index += 1) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (!Number.isSafeInteger(value)) break;
        return value;
      }
      scale *= 0x80;
    }
    throw new Error(`number at byte ${start} is too big`);
  }

  /** The next `count` bytes as a reader of their own. */
  section(count: number): ByteReader {
    const end = this.#at + count;
    if (end > this.#bytes.length) throw new Error(`section of ${count} bytes at byte ${this.#at} goes past the end`);
    const reader = new ByteReader(this.#bytes.subarray(this.#at, end));
    this.#at = end;
    return reader;
  }
}
