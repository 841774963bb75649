// Writes protobuf's wire format into bytes that were sized before.

const TWO_POW_7 = 0x80;
const TWO_POW_32 = 0x1_0000_0000;

/** Bytes of a non-negative safe integer as a varint: 1 to 8. */
export function varintSize(value: number): number {
  if (value < TWO_POW_32) {
    if (value < 0x80) return 1;
    if (value < 0x4000) return 2;
    if (value < 0x20_0000) return 3;
    return value < 0x1000_0000 ? 4 : 5;
  }
  let size = 5;
  for (let rest = value / 2 ** 35; rest >= 1; rest /= TWO_POW_7) size += 1;
  return size;
}

/** Writes a non-negative safe integer as a varint; returns the position behind it. */
export function writeVarint(target: Uint8Array, at: number, value: number): number {
  let rest = value;
  let next = at;
  while (rest >= TWO_POW_32) {
    target[next] = (rest % TWO_POW_7) | 0x80;
    next += 1;
    rest = Math.floor(rest / TWO_POW_7);
  }
  while (rest > 0x7f) {
    target[next] = (rest & 0x7f) | 0x80;
    next += 1;
    rest >>>= 7;
  }
  target[next] = rest;
  return next + 1;
}
