/**
 * SipHash-2-4 (Aumasson, Bernstein) on 32-bit arithmetic: a keyed 64-bit tag for short inputs, far cheaper than an
 * HMAC. BigInt would cost ten times as much. Inputs come as 64-bit words, low half first, so that the state after a
 * common prefix can be kept.
 */

/** The eight halves of the four state words: v0 low, v0 high, v1 low, … */
export type SipState = Int32Array;

const V0 = [0x70736575, 0x736f6d65] as const;
const V1 = [0x6e646f6d, 0x646f7261] as const;
const V2 = [0x6e657261, 0x6c796765] as const;
const V3 = [0x79746573, 0x74656462] as const;
const COMPRESSION_ROUNDS = 2;
const ALL_ROUNDS = 6;

/** @param key - 16 bytes. */
export function sipStart(key: Uint8Array): SipState {
  if (key.byteLength !== 16) throw new RangeError(`a SipHash key has 16 bytes, not ${key.byteLength}`);
  const view = new DataView(key.buffer, key.byteOffset, 16);
  const k0 = [view.getInt32(0, true), view.getInt32(4, true)] as const;
  const k1 = [view.getInt32(8, true), view.getInt32(12, true)] as const;
  return Int32Array.of(
    V0[0] ^ k0[0],
    V0[1] ^ k0[1],
    V1[0] ^ k1[0],
    V1[1] ^ k1[1],
    V2[0] ^ k0[0],
    V2[1] ^ k0[1],
    V3[0] ^ k1[0],
    V3[1] ^ k1[1],
  );
}

/** Takes one whole word into `to`, which may be `from`. */
export function sipAbsorb(from: SipState, low: number, high: number, to: SipState): void {
  mix(from, low, high, COMPRESSION_ROUNDS, to);
  to[0] = to[0]! ^ low;
  to[1] = to[1]! ^ high;
}

/**
 * Takes the last word and finishes: `out[0]` is the tag's low half, `out[1]` its high half. `from` is left as it was.
 * The last word's top byte is the input's length in bytes, modulo 256.
 */
export function sipFinish(from: SipState, low: number, high: number, out: Int32Array): void {
  mix(from, low, high, ALL_ROUNDS, scratch);
  out[0] = scratch[0]! ^ scratch[2]! ^ scratch[4]! ^ scratch[6]!;
  out[1] = scratch[1]! ^ scratch[3]! ^ scratch[5]! ^ scratch[7]!;
}

const scratch: SipState = new Int32Array(8);

/** The carry out of `a + b`, given their 32-bit sum. */
function carry(a: number, b: number, sum: number): number {
  return ((a & b) | ((a | b) & ~sum)) >>> 31;
}

/** Xors the word into v3 and runs the rounds; with more than two of them the word goes into v0 after the second, and 0xff into v2. */
function mix(from: SipState, low: number, high: number, rounds: number, to: SipState): void {
  let v0 = from[0]!;
  let v0h = from[1]!;
  let v1 = from[2]!;
  let v1h = from[3]!;
  let v2 = from[4]!;
  let v2h = from[5]!;
  let v3 = from[6]! ^ low;
  let v3h = from[7]! ^ high;
  for (let round = 0; round < rounds; round += 1) {
    if (round === COMPRESSION_ROUNDS) {
      v0 ^= low;
      v0h ^= high;
      v2 ^= 0xff;
    }
    let sum = (v0 + v1) | 0;
    v0h = (v0h + v1h + carry(v0, v1, sum)) | 0;
    v0 = sum;
    let low1 = (v1 << 13) | (v1h >>> 19);
    v1h = ((v1h << 13) | (v1 >>> 19)) ^ v0h;
    v1 = low1 ^ v0;
    low1 = v0;
    v0 = v0h;
    v0h = low1;
    sum = (v2 + v3) | 0;
    v2h = (v2h + v3h + carry(v2, v3, sum)) | 0;
    v2 = sum;
    let low3 = (v3 << 16) | (v3h >>> 16);
    v3h = ((v3h << 16) | (v3 >>> 16)) ^ v2h;
    v3 = low3 ^ v2;
    sum = (v0 + v3) | 0;
    v0h = (v0h + v3h + carry(v0, v3, sum)) | 0;
    v0 = sum;
    low3 = (v3 << 21) | (v3h >>> 11);
    v3h = ((v3h << 21) | (v3 >>> 11)) ^ v0h;
    v3 = low3 ^ v0;
    sum = (v2 + v1) | 0;
    v2h = (v2h + v1h + carry(v2, v1, sum)) | 0;
    v2 = sum;
    low1 = (v1 << 17) | (v1h >>> 15);
    v1h = ((v1h << 17) | (v1 >>> 15)) ^ v2h;
    v1 = low1 ^ v2;
    low1 = v2;
    v2 = v2h;
    v2h = low1;
  }
  to[0] = v0;
  to[1] = v0h;
  to[2] = v1;
  to[3] = v1h;
  to[4] = v2;
  to[5] = v2h;
  to[6] = v3;
  to[7] = v3h;
}
