/**
 * Ack ids: opaque, unforgeable, valid across restarts, and never those of another message.
 *
 *   version 1 | subscription number 7 | start number 3 | counter 4 || sequence 7 | tag 8     bytes, big-endian
 *
 * The 30 bytes are 40 characters of base64url. Both halves are 15 bytes, 20 characters: the first is the same for a
 * whole delivery and is made once. The tag is SipHash-2-4 over the rest, so whoever made an id up is found out.
 */
import { type SipState, sipAbsorb, sipFinish, sipStart } from "./sip-hash.js";

export const ACK_ID_LENGTH = 40;
const HALF_LENGTH = 20;
const GROUPS_PER_HALF = 5;
const VERSION = 1;
const TWO_32 = 2 ** 32;
/** The hashed text has 23 bytes; its length is the top byte of the last word. */
const LENGTH_BYTE = 23 << 24;
const MAX_START_NUMBER = 2 ** 21 - 1;

const ALPHABET = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", "latin1");
const INVALID = 0xff;
const VALUES = new Uint8Array(256).fill(INVALID);
for (let value = 0; value < ALPHABET.length; value += 1) VALUES[ALPHABET[value]!] = value;

/** Writes the ack ids of one delivery: one subscription, one generation. */
export interface AckIdWriter {
  /** Writes the id of `sequence`, `ACK_ID_LENGTH` ASCII characters, at `target[at]`. */
  write(sequence: number, target: Uint8Array, at: number): void;
}

/** Makes and reads ack ids with one key. */
export class AckIdCodec {
  /** What the last successful `read` found. */
  subscription = 0;
  generation = 0;
  sequence = 0;

  readonly #start: SipState;
  readonly #tag = new Int32Array(2);
  /** The first half read last, as text, and the state of the hash after it: ids come in runs of one delivery. */
  readonly #prefix = new Int32Array(HALF_LENGTH).fill(-1);
  readonly #prefixState: SipState = new Int32Array(8);
  readonly #groups = new Int32Array(GROUPS_PER_HALF);

  /** @param key - 16 secret bytes. */
  constructor(key: Uint8Array) {
    this.#start = sipStart(key);
  }

  /**
   * @param subscription - The subscription's number, below 2^53.
   * @param generation - Start number (below 2^21) × 2^32 + counter.
   */
  writer(subscription: number, generation: number): AckIdWriter {
    const startNumber = Math.floor(generation / TWO_32);
    if (startNumber > MAX_START_NUMBER) throw new RangeError(`start number ${startNumber} does not fit an ack id`);
    const numberHigh = Math.floor(subscription / TWO_32);
    const numberLow = (subscription % TWO_32) | 0;
    const counter = (generation % TWO_32) | 0;
    const text = new Uint8Array(HALF_LENGTH);
    encodeGroup((VERSION << 16) | (numberHigh >>> 8), text, 0);
    encodeGroup(((numberHigh & 0xff) << 16) | (numberLow >>> 16), text, 4);
    encodeGroup(((numberLow & 0xffff) << 8) | (startNumber >>> 16), text, 8);
    encodeGroup(((startNumber & 0xffff) << 8) | (counter >>> 24), text, 12);
    encodeGroup(counter & 0xff_ffff, text, 16);
    const state = new Int32Array(8);
    absorbPrefix(this.#start, numberHigh, numberLow, startNumber, counter, state);
    return new HalfWriter(text, state);
  }

  /** Whether this server made `ackId`; then `subscription`, `generation` and `sequence` say what for. */
  read(ackId: string): boolean {
    if (ackId.length !== ACK_ID_LENGTH) return false;
    if (!this.#hasPrefix(ackId) && !this.#learnPrefix(ackId)) return false;
    const groups = this.#groups;
    if (!decodeHalf(ackId, HALF_LENGTH, groups)) return false;
    const high = groups[0]!;
    const low = (groups[1]! << 8) | (groups[2]! >>> 16);
    const tagHigh = (groups[2]! << 16) | (groups[3]! >>> 8);
    const tagLow = (groups[3]! << 24) | groups[4]!;
    sipFinish(this.#prefixState, low, high | LENGTH_BYTE, this.#tag);
    // No secret hangs on the time this takes: an attacker who can try 2^64 tags has been noticed.
    if (tagHigh !== this.#tag[1] || tagLow !== this.#tag[0]) return false;
    this.sequence = high * TWO_32 + (low >>> 0);
    return true;
  }

  #hasPrefix(ackId: string): boolean {
    const prefix = this.#prefix;
    // The counter of the generation is at the end: ids of other deliveries differ there.
    for (let index = HALF_LENGTH - 1; index >= 0; index -= 1) {
      if (ackId.charCodeAt(index) !== prefix[index]) return false;
    }
    return true;
  }

  /** What is learned of an id that is none of ours does no harm: the state fits the half, whoever made it up. */
  #learnPrefix(ackId: string): boolean {
    const groups = this.#groups;
    if (!decodeHalf(ackId, 0, groups) || groups[0]! >>> 16 !== VERSION) return false;
    for (let index = 0; index < HALF_LENGTH; index += 1) this.#prefix[index] = ackId.charCodeAt(index);
    // version 1 | number 7 | start number 3 | counter 4
    const numberHigh = ((groups[0]! & 0xffff) << 8) | (groups[1]! >>> 16);
    const numberLow = (groups[1]! << 16) | (groups[2]! >>> 8);
    const startNumber = ((groups[2]! & 0xff) << 16) | (groups[3]! >>> 8);
    const counter = (groups[3]! << 24) | groups[4]!;
    this.subscription = numberHigh * TWO_32 + (numberLow >>> 0);
    this.generation = startNumber * TWO_32 + (counter >>> 0);
    absorbPrefix(this.#start, numberHigh, numberLow, startNumber, counter, this.#prefixState);
    return true;
  }
}

class HalfWriter implements AckIdWriter {
  readonly #text: Uint8Array;
  readonly #state: SipState;

  /** @param text - The first half of every id. */
  constructor(text: Uint8Array, state: SipState) {
    this.#text = text;
    this.#state = state;
  }

  write(sequence: number, target: Uint8Array, at: number): void {
    const text = this.#text;
    for (let index = 0; index < HALF_LENGTH; index += 1) target[at + index] = text[index]!;
    const high = Math.floor(sequence / TWO_32);
    const low = sequence | 0;
    sipFinish(this.#state, low, high | LENGTH_BYTE, writerTag);
    const tagLow = writerTag[0]!;
    const tagHigh = writerTag[1]!;
    const from = at + HALF_LENGTH;
    encodeGroup(high, target, from);
    encodeGroup(low >>> 8, target, from + 4);
    encodeGroup(((low & 0xff) << 16) | (tagHigh >>> 16), target, from + 8);
    encodeGroup(((tagHigh & 0xffff) << 8) | (tagLow >>> 24), target, from + 12);
    encodeGroup(tagLow & 0xff_ffff, target, from + 16);
  }
}

const writerTag = new Int32Array(2);

/** The two words of the first half: the number with the version on top, then the generation's counter and start. */
function absorbPrefix(
  start: SipState,
  numberHigh: number,
  numberLow: number,
  startNumber: number,
  counter: number,
  to: SipState,
): void {
  sipAbsorb(start, numberLow, (VERSION << 24) | numberHigh, to);
  sipAbsorb(to, counter, startNumber, to);
}

/** Writes 24 bits as four characters. */
function encodeGroup(bits: number, target: Uint8Array, at: number): void {
  target[at] = ALPHABET[bits >>> 18]!;
  target[at + 1] = ALPHABET[(bits >>> 12) & 63]!;
  target[at + 2] = ALPHABET[(bits >>> 6) & 63]!;
  target[at + 3] = ALPHABET[bits & 63]!;
}

/** Reads half an id, 24 bits from each four characters. @returns False where a character is none of the alphabet. */
function decodeHalf(text: string, from: number, groups: Int32Array): boolean {
  let wide = 0;
  let invalid = 0;
  for (let index = 0, at = from; index < GROUPS_PER_HALF; index += 1, at += 4) {
    const a = text.charCodeAt(at);
    const b = text.charCodeAt(at + 1);
    const c = text.charCodeAt(at + 2);
    const d = text.charCodeAt(at + 3);
    wide |= a | b | c | d;
    const value0 = VALUES[a & 0xff]!;
    const value1 = VALUES[b & 0xff]!;
    const value2 = VALUES[c & 0xff]!;
    const value3 = VALUES[d & 0xff]!;
    invalid |= value0 | value1 | value2 | value3;
    groups[index] = (value0 << 18) | (value1 << 12) | (value2 << 6) | value3;
  }
  return wide < 128 && invalid < 64;
}
