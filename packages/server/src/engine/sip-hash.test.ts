import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { sipAbsorb, sipFinish, sipStart } from "./sip-hash.js";

const MASK = (1n << 64n) - 1n;

function rotate(value: bigint, by: bigint): bigint {
  return ((value << by) | (value >> (64n - by))) & MASK;
}

/** SipHash-2-4 written as the paper has it, on whole words. */
function reference(key: Uint8Array, text: Uint8Array): bigint {
  const keyView = new DataView(key.buffer, key.byteOffset);
  const k0 = keyView.getBigUint64(0, true);
  const k1 = keyView.getBigUint64(8, true);
  const v = [
    k0 ^ 0x736f6d6570736575n,
    k1 ^ 0x646f72616e646f6dn,
    k0 ^ 0x6c7967656e657261n,
    k1 ^ 0x7465646279746573n,
  ] as [bigint, bigint, bigint, bigint];
  const round = (): void => {
    v[0] = (v[0] + v[1]) & MASK;
    v[1] = rotate(v[1], 13n) ^ v[0];
    v[0] = rotate(v[0], 32n);
    v[2] = (v[2] + v[3]) & MASK;
    v[3] = rotate(v[3], 16n) ^ v[2];
    v[0] = (v[0] + v[3]) & MASK;
    v[3] = rotate(v[3], 21n) ^ v[0];
    v[2] = (v[2] + v[1]) & MASK;
    v[1] = rotate(v[1], 17n) ^ v[2];
    v[2] = rotate(v[2], 32n);
  };
  const padded = new Uint8Array(Math.floor(text.length / 8) * 8 + 8);
  padded.set(text);
  padded[padded.length - 1] = text.length & 0xff;
  const view = new DataView(padded.buffer);
  for (let at = 0; at < padded.length; at += 8) {
    const word = view.getBigUint64(at, true);
    v[3] ^= word;
    round();
    round();
    v[0] ^= word;
  }
  v[2] ^= 0xffn;
  for (let count = 0; count < 4; count += 1) round();
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/** The same by our functions. */
function ours(key: Uint8Array, text: Uint8Array): bigint {
  const padded = new Uint8Array(Math.floor(text.length / 8) * 8 + 8);
  padded.set(text);
  padded[padded.length - 1] = text.length & 0xff;
  const view = new DataView(padded.buffer);
  const state = sipStart(key);
  const last = padded.length - 8;
  for (let at = 0; at < last; at += 8) sipAbsorb(state, view.getInt32(at, true), view.getInt32(at + 4, true), state);
  const out = new Int32Array(2);
  sipFinish(state, view.getInt32(last, true), view.getInt32(last + 4, true), out);
  return (BigInt(out[1]! >>> 0) << 32n) | BigInt(out[0]! >>> 0);
}

const KEY = Uint8Array.from({ length: 16 }, (_, index) => index);

test("the tag of the paper's example is the paper's", () => {
  const text = Uint8Array.from({ length: 15 }, (_, index) => index);
  assert.equal(ours(KEY, text), 0xa129ca6149be45e5n);
});

test("the tag of the empty text is the one published with the algorithm", () => {
  assert.equal(ours(KEY, new Uint8Array(0)), 0x726fdb47dd0e0e31n);
});

test("32-bit halves give the same tags as whole words", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fc.uint8Array({ maxLength: 40 }),
      (key, text) => ours(key, text) === reference(key, text),
    ),
    { numRuns: 500 },
  );
});
