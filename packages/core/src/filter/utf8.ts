const SURROGATES_FIRST = 0xd800;
const SURROGATES_LAST = 0xdfff;
const CODE_POINT_MAX = 0x10_ff_ff;

/** Whether a number is a character that UTF-8 can say: no surrogate, and not beyond the last one. */
export function isScalarValue(codePoint: number): boolean {
  return codePoint <= CODE_POINT_MAX && (codePoint < SURROGATES_FIRST || codePoint > SURROGATES_LAST);
}

/** Appends the UTF-8 of a scalar value. By hand: the core is compiled without the platform's encoder. */
export function pushUtf8(bytes: number[], codePoint: number): void {
  if (codePoint < 0x80) {
    bytes.push(codePoint);
  } else if (codePoint < 0x800) {
    bytes.push(0xc0 | (codePoint >> 6), continuation(codePoint));
  } else if (codePoint < 0x1_00_00) {
    bytes.push(0xe0 | (codePoint >> 12), continuation(codePoint >> 6), continuation(codePoint));
  } else {
    bytes.push(0xf0 | (codePoint >> 18), continuation(codePoint >> 12));
    bytes.push(continuation(codePoint >> 6), continuation(codePoint));
  }
}

function continuation(bits: number): number {
  return 0x80 | (bits & 0x3f);
}
