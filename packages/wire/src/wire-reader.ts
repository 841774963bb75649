// Reads protobuf's wire format from bytes without making objects of it.
//
// It is stricter than protobuf-es where leniency would let two readers see different things in the same bytes, for the
// publisher's own bytes are stored and handed on: nothing may run past the end of the message that holds it, a known field
// must have its own wire type, a length must fit in 32 bits, and tags and lengths take five bytes at most.
import { WireFormatError } from "./wire-format-error.js";

export const VARINT = 0;
export const BIT64 = 1;
export const LENGTH_DELIMITED = 2;
export const START_GROUP = 3;
export const END_GROUP = 4;
export const BIT32 = 5;

/**
 * How deep unknown groups may nest. Parsers count nested messages against a limit of 100, and a stored message comes back to
 * subscribers one level deeper than it was published; this is far below.
 */
const MAX_GROUP_DEPTH = 32;
const MAX_VARINT_BYTES = 10;
const MAX_VARINT32_BYTES = 5;
const TWO_POW_32 = 0x1_0000_0000;

/** A position that moves over bytes. Every method takes the end it must not pass and throws WireFormatError at it. */
export class WireReader {
  position: number;

  constructor(
    readonly bytes: Uint8Array,
    start = 0,
  ) {
    this.position = start;
  }

  /** Reads a tag: field number × 8 + wire type. */
  tag(end: number): number {
    const start = this.position;
    const first = start < end ? this.bytes[start]! : 0;
    if (first > 7 && first < 0x80) {
      this.position = start + 1;
      if ((first & 7) > BIT32) throw new WireFormatError(`no wire type ${first & 7} exists (byte ${start})`);
      return first;
    }
    const tag = this.#varint32(end);
    if (tag < 8) throw new WireFormatError(`a field has the number 0 (byte ${start})`);
    if ((tag & 7) > BIT32) throw new WireFormatError(`no wire type ${tag & 7} exists (byte ${start})`);
    return tag;
  }

  /** Reads a length and makes sure that so many bytes follow. The position is then at the first of them. */
  length(end: number): number {
    const start = this.position;
    const first = start < end ? this.bytes[start]! : 0x80;
    let length: number;
    if (first < 0x80) {
      this.position = start + 1;
      length = first;
    } else {
      length = this.#varint32(end);
    }
    if (length > end - this.position)
      throw new WireFormatError(`a field runs past the end of its message (byte ${start})`);
    return length;
  }

  /** Reads a varint as an int32: its low 32 bits, as all protobuf readers do. */
  int32(end: number): number {
    let value = 0;
    for (let index = 0; index < MAX_VARINT_BYTES; index += 1) {
      const byte = this.#byte(end);
      // Bits beyond the 32nd do not count; a shift count wraps at 32, so they must not be shifted in.
      if (index < MAX_VARINT32_BYTES) value |= (byte & 0x7f) << (7 * index);
      if (byte < 0x80) return value;
    }
    throw new WireFormatError(`a varint is longer than ${MAX_VARINT_BYTES} bytes (byte ${this.position})`);
  }

  /** Reads a varint as an int64; beyond the safe integers the nearest safe integer stands for it. */
  int64(end: number): number {
    let low = 0;
    let high = 0;
    for (let index = 0; index < MAX_VARINT_BYTES; index += 1) {
      const byte = this.#byte(end);
      const bits = byte & 0x7f;
      if (index < 4) low |= bits << (7 * index);
      else if (index === 4) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (7 * index - 32);
      if (byte < 0x80) return saturated(low >>> 0, high | 0);
    }
    throw new WireFormatError(`a varint is longer than ${MAX_VARINT_BYTES} bytes (byte ${this.position})`);
  }

  /** Reads a varint as a bool. */
  bool(end: number): boolean {
    let bits = 0;
    for (let index = 0; index < MAX_VARINT_BYTES; index += 1) {
      const byte = this.#byte(end);
      // The tenth byte holds one bit of the 64.
      bits |= index < MAX_VARINT_BYTES - 1 ? byte & 0x7f : byte & 1;
      if (byte < 0x80) return bits !== 0;
    }
    throw new WireFormatError(`a varint is longer than ${MAX_VARINT_BYTES} bytes (byte ${this.position})`);
  }

  /**
   * Passes over the value of an unknown field, whose tag was just read.
   *
   * @param known - Bit n is set for each field number n below 32 that the message knows: such a field has come with a wire
   *   type not its own, and is refused.
   */
  skipUnknown(tag: number, end: number, known: number): void {
    const fieldNumber = tag >>> 3;
    if (fieldNumber < 32 && (known & (1 << fieldNumber)) !== 0) {
      throw new WireFormatError(`field ${fieldNumber} has the wrong wire type ${tag & 7} (byte ${this.position})`);
    }
    this.#skip(tag, end, 0);
  }

  /** Passes over the value of any field, whose tag was just read. */
  skip(tag: number, end: number): void {
    this.#skip(tag, end, 0);
  }

  #skip(tag: number, end: number, depth: number): void {
    switch (tag & 7) {
      case VARINT:
        this.int64(end);
        return;
      case BIT64:
        this.#advance(8, end);
        return;
      case LENGTH_DELIMITED:
        this.#advance(this.length(end), end);
        return;
      case START_GROUP:
        this.#skipGroup(tag, end, depth);
        return;
      case BIT32:
        this.#advance(4, end);
        return;
      default:
        throw new WireFormatError(`a group ends that was not begun (byte ${this.position})`);
    }
  }

  #skipGroup(startTag: number, end: number, depth: number): void {
    if (depth >= MAX_GROUP_DEPTH) throw new WireFormatError(`groups nest deeper than ${MAX_GROUP_DEPTH}`);
    for (;;) {
      const tag = this.tag(end);
      if ((tag & 7) !== END_GROUP) {
        this.#skip(tag, end, depth + 1);
      } else if (tag >>> 3 === startTag >>> 3) {
        return;
      } else {
        throw new WireFormatError(`a group ends with the wrong field number (byte ${this.position})`);
      }
    }
  }

  #advance(count: number, end: number): void {
    if (count > end - this.position) throw new WireFormatError(`the bytes end inside a field (byte ${this.position})`);
    this.position += count;
  }

  #byte(end: number): number {
    if (this.position >= end) throw new WireFormatError(`the bytes end inside a field (byte ${this.position})`);
    const byte = this.bytes[this.position]!;
    this.position += 1;
    return byte;
  }

  #varint32(end: number): number {
    let value = 0;
    for (let index = 0; index < MAX_VARINT32_BYTES; index += 1) {
      const byte = this.#byte(end);
      if (index === MAX_VARINT32_BYTES - 1 && byte > 0x0f) break;
      value |= (byte & 0x7f) << (7 * index);
      if (byte < 0x80) return value >>> 0;
    }
    throw new WireFormatError(`a tag or length does not fit in 32 bits (byte ${this.position})`);
  }
}

function saturated(low: number, high: number): number {
  const value = high * TWO_POW_32 + low;
  return Math.min(Math.max(value, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
}
