// Attributes are a map: where a message repeats a key, the last value counts.
import { asBuffer } from "./utf8-text.js";

/** Numbers per attribute: key offset, key length, value offset, value length. */
export const ATTRIBUTE_STRIDE = 4;

/** Up to here comparing all pairs is faster than a map of strings. */
const PAIRWISE_MAX_ATTRIBUTES = 16;

/**
 * Takes repeated keys out of the last `count` attributes of `attributes`, in place; the last value stays, at the place of the
 * first. Returns how many attributes are left.
 */
export function dropRepeatedKeys(bytes: Uint8Array, attributes: number[], count: number): number {
  const first = attributes.length - count * ATTRIBUTE_STRIDE;
  return count <= PAIRWISE_MAX_ATTRIBUTES
    ? dropPairwise(bytes, attributes, first)
    : dropByMap(bytes, attributes, first);
}

function dropPairwise(bytes: Uint8Array, attributes: number[], first: number): number {
  let kept = first;
  for (let from = first; from < attributes.length; from += ATTRIBUTE_STRIDE) {
    let to = first;
    while (to < kept && !isSameKey(bytes, attributes, to, from)) to += ATTRIBUTE_STRIDE;
    moveAttribute(attributes, from, to);
    if (to === kept) kept += ATTRIBUTE_STRIDE;
  }
  attributes.length = kept;
  return (kept - first) / ATTRIBUTE_STRIDE;
}

function dropByMap(bytes: Uint8Array, attributes: number[], first: number): number {
  const buffer = asBuffer(bytes);
  const places = new Map<string, number>();
  let kept = first;
  for (let from = first; from < attributes.length; from += ATTRIBUTE_STRIDE) {
    const offset = attributes[from]!;
    const key = buffer.toString("latin1", offset, offset + attributes[from + 1]!);
    const to = places.get(key) ?? kept;
    moveAttribute(attributes, from, to);
    if (to === kept) {
      places.set(key, to);
      kept += ATTRIBUTE_STRIDE;
    }
  }
  attributes.length = kept;
  return (kept - first) / ATTRIBUTE_STRIDE;
}

function moveAttribute(attributes: number[], from: number, to: number): void {
  if (from === to) return;
  for (let index = 0; index < ATTRIBUTE_STRIDE; index += 1) attributes[to + index] = attributes[from + index]!;
}

function isSameKey(bytes: Uint8Array, attributes: number[], a: number, b: number): boolean {
  const length = attributes[a + 1]!;
  if (length !== attributes[b + 1]) return false;
  const offsetA = attributes[a]!;
  const offsetB = attributes[b]!;
  // From the end: keys of one message tend to share a prefix.
  for (let index = length - 1; index >= 0; index -= 1) {
    if (bytes[offsetA + index] !== bytes[offsetB + index]) return false;
  }
  return true;
}
