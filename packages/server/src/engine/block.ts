/**
 * A block: the messages of one or a few publish requests as one record of a topic's log.
 *
 *   header (40 bytes) | places | keys? | attributes? | the messages as their publishers sent them
 *
 * All numbers are little-endian u32; offsets count from the start of the block. `places` and `keys` hold an offset and
 * a length per message (key length 0: none). `attributes` holds count + 1 indexes into the entries that follow them,
 * four numbers each: key offset, key length, value offset, value length. Keys and attributes point into the messages,
 * so that filters and ordering read them without decoding a payload. A section that no message needs is absent.
 */
import type { BlockView } from "@peal/core";
import { StorageError } from "@peal/store";
import { AttributeColumns } from "./attribute-columns.js";

/** "PB", then the version of the format, then zero. */
export const BLOCK_MAGIC = 0x00_01_42_50;
export const BLOCK_HEADER_BYTES = 40;
export const BLOCK_PLACE_BYTES = 8;
export const BLOCK_ATTRIBUTE_BYTES = 16;

/** Where each number of the header lies. */
export const BLOCK_FIELD = {
  magic: 0,
  count: 4,
  idLow: 8,
  idHigh: 12,
  timeLow: 16,
  timeHigh: 20,
  keysAt: 24,
  attributesAt: 28,
  dataAt: 32,
  totalBytes: 36,
} as const;

/** In smaller blocks a search costs less than remembering. */
const COLUMN_MESSAGES_MIN = 32;

const TWO_32 = 2 ** 32;

/** One record of a topic's log, read lazily from its bytes. Makes no object per message. */
export class Block implements BlockView {
  readonly first: number;
  readonly count: number;
  readonly publishTimeMs: number;
  /** The messages' ids follow each other. */
  readonly firstMessageId: number;
  /** The whole block. Never written to. */
  readonly bytes: Uint8Array;
  readonly #keysAt: number;
  readonly #attributesAt: number;
  #columns: AttributeColumns | undefined;

  /**
   * @param first - The block's position: the sequence of its first message.
   * @param bytes - Kept, not copied.
   * @throws {StorageError} `Corrupt` where the header and the sections do not fit each other.
   */
  constructor(first: number, bytes: Uint8Array) {
    checkLayout(first, bytes);
    this.first = first;
    this.bytes = bytes;
    this.count = uint32(bytes, BLOCK_FIELD.count);
    this.firstMessageId = joined(bytes, BLOCK_FIELD.idLow);
    this.publishTimeMs = joined(bytes, BLOCK_FIELD.timeLow);
    this.#keysAt = uint32(bytes, BLOCK_FIELD.keysAt);
    this.#attributesAt = uint32(bytes, BLOCK_FIELD.attributesAt);
  }

  /** The last sequence of the block. */
  get last(): number {
    return this.first + this.count - 1;
  }

  /** Where message `index` begins in `bytes`. */
  offset(index: number): number {
    return uint32(this.bytes, BLOCK_HEADER_BYTES + index * BLOCK_PLACE_BYTES);
  }

  sizeBytes(index: number): number {
    return uint32(this.bytes, BLOCK_HEADER_BYTES + index * BLOCK_PLACE_BYTES + 4);
  }

  orderingKey(index: number): string {
    if (this.#keysAt === 0) return "";
    const place = this.#keysAt + index * BLOCK_PLACE_BYTES;
    return this.#text(uint32(this.bytes, place), uint32(this.bytes, place + 4));
  }

  orderingKeyHash(index: number): number {
    if (this.#keysAt === 0) return 0;
    const place = this.#keysAt + index * BLOCK_PLACE_BYTES;
    const offset = uint32(this.bytes, place);
    const length = uint32(this.bytes, place + 4);
    if (length === 0) return 0;
    this.#checkWithin(offset, length);
    return hashOf(this.bytes, offset, offset + length);
  }

  /** @returns Where the attribute's entry lies in `bytes`, or -1. */
  findAttribute(index: number, key: Uint8Array): number {
    if (this.#attributesAt === 0) return -1;
    if (this.count < COLUMN_MESSAGES_MIN) return this.#searchAttribute(index, key);
    this.#columns ??= new AttributeColumns(this.count);
    const places = this.#columns.placesOf(key);
    if (places === undefined) return this.#searchAttribute(index, key);
    const known = places[index]!;
    if (known !== 0) return known;
    const place = this.#searchAttribute(index, key);
    places[index] = place;
    return place;
  }

  #searchAttribute(index: number, key: Uint8Array): number {
    const bytes = this.bytes;
    const at = this.#attributesAt;
    const entries = at + (this.count + 1) * 4;
    const first = entries + uint32(bytes, at + index * 4) * BLOCK_ATTRIBUTE_BYTES;
    let entry = entries + uint32(bytes, at + index * 4 + 4) * BLOCK_ATTRIBUTE_BYTES;
    while (entry > first) {
      entry -= BLOCK_ATTRIBUTE_BYTES;
      if (uint32(bytes, entry + 4) === key.length && this.#holds(uint32(bytes, entry), key)) return entry;
    }
    return -1;
  }

  valueEquals(attribute: number, value: Uint8Array): boolean {
    return uint32(this.bytes, attribute + 12) === value.length && this.#holds(uint32(this.bytes, attribute + 8), value);
  }

  valueStartsWith(attribute: number, prefix: Uint8Array): boolean {
    const length = uint32(this.bytes, attribute + 12);
    return length >= prefix.length && this.#holds(uint32(this.bytes, attribute + 8), prefix);
  }

  /**
   * Whether `expected` lies at `offset`. Callers have compared the lengths. From the end: what people number or name by
   * families differs there.
   */
  #holds(offset: number, expected: Uint8Array): boolean {
    const bytes = this.bytes;
    const length = expected.length;
    if (length === 0) return true;
    this.#checkWithin(offset, length);
    for (let at = length - 1; at >= 0; at -= 1) {
      if (bytes[offset + at] !== expected[at]) return false;
    }
    return true;
  }

  #text(offset: number, length: number): string {
    if (length === 0) return "";
    this.#checkWithin(offset, length);
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + offset, length).toString("utf8");
  }

  #checkWithin(offset: number, length: number): void {
    if (offset + length <= this.bytes.byteLength) return;
    throw new StorageError("Corrupt", `block at ${this.first}: text at ${offset} of ${length} bytes lies outside it`);
  }
}

/** By hand: a DataView for each block costs memory, and the store's bytes are not aligned for a typed view. */
function uint32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

/** 53 bits of two FNV-1a sums with different primes, never 0. */
function hashOf(bytes: Uint8Array, offset: number, end: number): number {
  let low = 0x811c9dc5;
  let high = 0x9747b28c;
  for (let at = offset; at < end; at += 1) {
    const byte = bytes[at]!;
    low = Math.imul(low ^ byte, 0x01000193);
    high = Math.imul(high ^ byte, 0x5bd1e995);
  }
  return Math.max(1, (high >>> 11) * TWO_32 + (low >>> 0));
}

function joined(bytes: Uint8Array, at: number): number {
  return uint32(bytes, at + 4) * TWO_32 + uint32(bytes, at);
}

/** What is stored is checked on both sides: a block that lies about itself must not make a reader look elsewhere. */
function checkLayout(first: number, bytes: Uint8Array): void {
  const size = bytes.byteLength;
  const fail = (what: string): never => {
    throw new StorageError("Corrupt", `block at ${first}: ${what}`);
  };
  if (size < BLOCK_HEADER_BYTES) fail(`${size} bytes are less than its header`);
  const magic = uint32(bytes, BLOCK_FIELD.magic);
  if (magic !== BLOCK_MAGIC) fail(`begins with ${magic.toString(16)}; this version reads ${BLOCK_MAGIC.toString(16)}`);
  const count = uint32(bytes, BLOCK_FIELD.count);
  const total = uint32(bytes, BLOCK_FIELD.totalBytes);
  if (count === 0 || total !== size) fail(`says ${count} messages in ${total} bytes, has ${size} bytes`);
  const dataAt = uint32(bytes, BLOCK_FIELD.dataAt);
  let end = BLOCK_HEADER_BYTES + count * BLOCK_PLACE_BYTES;
  const keysAt = uint32(bytes, BLOCK_FIELD.keysAt);
  if (keysAt !== 0) {
    if (keysAt !== end) fail(`its keys lie at ${keysAt}`);
    end += count * BLOCK_PLACE_BYTES;
  }
  const attributesAt = uint32(bytes, BLOCK_FIELD.attributesAt);
  if (attributesAt !== 0) {
    if (attributesAt !== end || end + (count + 1) * 4 > size) fail(`its attributes lie at ${attributesAt}`);
    let entries = 0;
    for (let index = 0; index <= count; index += 1) {
      const next = uint32(bytes, attributesAt + index * 4);
      if (next < entries || (index === 0 && next !== 0)) fail(`the attributes of message ${index} are out of order`);
      entries = next;
    }
    end += (count + 1) * 4 + entries * BLOCK_ATTRIBUTE_BYTES;
  }
  if (dataAt !== end || end > size) fail(`its messages lie at ${dataAt}, not at ${end}`);
  for (let index = 0; index < count; index += 1) {
    const place = BLOCK_HEADER_BYTES + index * BLOCK_PLACE_BYTES;
    const offset = uint32(bytes, place);
    if (offset < dataAt || offset + uint32(bytes, place + 4) > size) fail(`message ${index} lies outside it`);
  }
}
