const MAX_VARINT_BYTES = 10;
const DOUBLE_BYTES = 8;
const COUNTED_LENGTH = 1024;

/** Writes protobuf's wire format into one buffer that grows. Lengths of nested messages are put in when they are known. */
export class WireBuilder {
  #target: Buffer;
  #at = 0;

  constructor(sizeHint: number) {
    this.#target = Buffer.allocUnsafe(Math.max(sizeHint, MAX_VARINT_BYTES));
  }

  /** What was written. The builder must not be used any more. */
  finish(): Uint8Array {
    return this.#target.subarray(0, this.#at);
  }

  tag(number: number, wireType: number): void {
    this.#varint(number * 8 + wireType);
  }

  /** A varint; negative numbers take ten bytes, as protobuf has it. */
  int64(value: number | bigint): void {
    if (typeof value === "number" && value >= 0) this.#varint(value);
    else this.#bigVarint(BigInt.asUintN(64, BigInt(value)));
  }

  double(value: number): void {
    this.#reserve(DOUBLE_BYTES);
    this.#at = this.#target.writeDoubleLE(value, this.#at);
  }

  /** A string with its length. */
  text(text: string): void {
    const start = this.open();
    // UTF-8 has at most three bytes for each UTF-16 unit; for long texts it is worth counting.
    this.#reserve(text.length < COUNTED_LENGTH ? text.length * 3 : Buffer.byteLength(text));
    this.#at += this.#target.write(text, this.#at, "utf8");
    this.close(start);
  }

  /**
   * The bytes that a base64 text stands for, with their length.
   *
   * @param length - How many bytes that must be.
   * @returns False where the text is no base64.
   */
  base64(text: string, length: number): boolean {
    this.#varint(length);
    // Node passes over what is no base64: fewer bytes than there should be tell that it did.
    this.#reserve(length);
    const written = this.#target.write(text, this.#at, length, "base64");
    this.#at += written;
    return written === length;
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#target.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Begins something that has its length before it; what is returned is for `close`. */
  open(): number {
    this.#reserve(1);
    this.#at += 1;
    return this.#at;
  }

  close(start: number): void {
    const length = this.#at - start;
    if (length < 0x80) {
      this.#target[start - 1] = length;
      return;
    }
    const extra = varintSize(length) - 1;
    this.#reserve(extra);
    this.#target.copyWithin(start + extra, start, this.#at);
    const end = this.#at + extra;
    this.#at = start - 1;
    this.#varint(length);
    this.#at = end;
  }

  #varint(value: number): void {
    this.#reserve(MAX_VARINT_BYTES);
    let rest = value;
    while (rest >= 0x80) {
      this.#target[this.#at] = (rest % 0x80) | 0x80;
      this.#at += 1;
      rest = Math.floor(rest / 0x80);
    }
    this.#target[this.#at] = rest;
    this.#at += 1;
  }

  #bigVarint(value: bigint): void {
    this.#reserve(MAX_VARINT_BYTES);
    let rest = value;
    while (rest >= 0x80n) {
      this.#target[this.#at] = Number(rest & 0x7fn) | 0x80;
      this.#at += 1;
      rest >>= 7n;
    }
    this.#target[this.#at] = Number(rest);
    this.#at += 1;
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#target.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#target.length * 2));
    this.#target.copy(grown, 0, 0, this.#at);
    this.#target = grown;
  }
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size += 1;
  return size;
}
