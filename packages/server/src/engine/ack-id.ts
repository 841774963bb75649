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
const HALF_BYTES = 15;
const VERSION = 1;
const TWO_32 = 2 ** 32;
/** The hashed text has 23 bytes; its length is the top byte of the last word. */
const LENGTH_BYTE = 23 << 24;
const MAX_START_NUMBER = 2 ** 21 - 1;

const ALPHABET = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", "latin1");
const INVALID = 0xff;
const VALUES = new Uint8Array(128).fill(INVALID);
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
  readonly #bytes = new Uint8Array(2 * HALF_BYTES);
  readonly #tag = new Int32Array(2);
  /** The first half read last, and the state of the hash after it: ids come in runs of one delivery. */
  readonly #prefix = new Uint8Array(HALF_BYTES);
  readonly #prefixState: SipState = new Int32Array(8);

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
    const bytes = new Uint8Array(HALF_BYTES);
    bytes[0] = VERSION;
    setUint56(bytes, 1, subscription);
    bytes[8] = startNumber >>> 16;
    bytes[9] = startNumber >>> 8;
    bytes[10] = startNumber;
    setUint32(bytes, 11, generation % TWO_32);
    const state = new Int32Array(8);
    absorbPrefix(this.#start, bytes, 0, state);
    return new HalfWriter(bytes, state);
  }

  /** Whether this server made `ackId`; then `subscription`, `generation` and `sequence` say what for. */
  read(ackId: string): boolean {
    if (ackId.length !== ACK_ID_LENGTH) return false;
    const bytes = this.#bytes;
    let invalid = 0;
    for (let at = 0, to = 0; at < ACK_ID_LENGTH; at += 4, to += 3) {
      const a = digitOf(ackId.charCodeAt(at));
      const b = digitOf(ackId.charCodeAt(at + 1));
      const c = digitOf(ackId.charCodeAt(at + 2));
      const d = digitOf(ackId.charCodeAt(at + 3));
      invalid |= a | b | c | d;
      bytes[to] = (a << 2) | (b >>> 4);
      bytes[to + 1] = (b << 4) | (c >>> 2);
      bytes[to + 2] = (c << 6) | d;
    }
    if (invalid > 63 || bytes[0] !== VERSION) return false;
    this.#learnPrefix(bytes);
    const high = (bytes[15]! << 16) | (bytes[16]! << 8) | bytes[17]!;
    const low = getInt32(bytes, 18);
    sipFinish(this.#prefixState, low, high | LENGTH_BYTE, this.#tag);
    // No secret hangs on the time this takes: an attacker who can try 2^64 tags has been noticed.
    if (getInt32(bytes, 22) !== this.#tag[1] || getInt32(bytes, 26) !== this.#tag[0]) return false;
    this.sequence = high * TWO_32 + (low >>> 0);
    return true;
  }

  #learnPrefix(bytes: Uint8Array): void {
    const prefix = this.#prefix;
    let isSame = true;
    for (let index = HALF_BYTES - 1; isSame && index >= 0; index -= 1) isSame = prefix[index] === bytes[index];
    if (isSame) return;
    for (let index = 0; index < HALF_BYTES; index += 1) prefix[index] = bytes[index]!;
    absorbPrefix(this.#start, bytes, 0, this.#prefixState);
    this.subscription = ((bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) * TWO_32 + (getInt32(bytes, 4) >>> 0);
    const startNumber = (bytes[8]! << 16) | (bytes[9]! << 8) | bytes[10]!;
    this.generation = startNumber * TWO_32 + (getInt32(bytes, 11) >>> 0);
  }
}

class HalfWriter implements AckIdWriter {
  readonly #text = new Uint8Array(HALF_LENGTH);
  readonly #state: SipState;

  constructor(prefix: Uint8Array, state: SipState) {
    encodeHalf(prefix, this.#text, 0);
    this.#state = state;
  }

  write(sequence: number, target: Uint8Array, at: number): void {
    const text = this.#text;
    for (let index = 0; index < HALF_LENGTH; index += 1) target[at + index] = text[index]!;
    const high = Math.floor(sequence / TWO_32);
    sipFinish(this.#state, sequence | 0, high | LENGTH_BYTE, writerTag);
    const bytes = writerBytes;
    setUint56(bytes, 0, sequence);
    setUint32(bytes, 7, writerTag[1]!);
    setUint32(bytes, 11, writerTag[0]!);
    encodeHalf(bytes, target, at + HALF_LENGTH);
  }
}

const writerTag = new Int32Array(2);
const writerBytes = new Uint8Array(HALF_BYTES);

function digitOf(code: number): number {
  return code < 128 ? VALUES[code]! : INVALID;
}

/** The two words of the first half: the number with the version on top, then the generation's counter and start. */
function absorbPrefix(start: SipState, bytes: Uint8Array, at: number, to: SipState): void {
  sipAbsorb(start, getInt32(bytes, at + 4), getInt32(bytes, at), to);
  const startNumber = (bytes[at + 8]! << 16) | (bytes[at + 9]! << 8) | bytes[at + 10]!;
  sipAbsorb(to, getInt32(bytes, at + 11), startNumber, to);
}

function encodeHalf(bytes: Uint8Array, target: Uint8Array, at: number): void {
  for (let from = 0, to = at; from < HALF_BYTES; from += 3, to += 4) {
    const a = bytes[from]!;
    const b = bytes[from + 1]!;
    const c = bytes[from + 2]!;
    target[to] = ALPHABET[a >>> 2]!;
    target[to + 1] = ALPHABET[((a & 3) << 4) | (b >>> 4)]!;
    target[to + 2] = ALPHABET[((b & 15) << 2) | (c >>> 6)]!;
    target[to + 3] = ALPHABET[c & 63]!;
  }
}

function getInt32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

function setUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function setUint56(bytes: Uint8Array, at: number, value: number): void {
  const high = Math.floor(value / TWO_32);
  bytes[at] = high >>> 16;
  bytes[at + 1] = high >>> 8;
  bytes[at + 2] = high;
  setUint32(bytes, at + 3, value % TWO_32);
}
