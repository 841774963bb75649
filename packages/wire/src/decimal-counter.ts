// Message ids are rising decimal numbers. A run of consecutive ones is written by adding 1 to the digits, which is several
// times cheaper than turning each number into text.

const ZERO = 0x30;
const NINE = 0x39;

/** The decimal digits of a non-negative safe integer, as ASCII, that can be counted up. */
export class DecimalCounter {
  #digits: Uint8Array;

  constructor(start: number) {
    this.#digits = Buffer.from(String(start), "latin1");
  }

  /** How many digits the present number has. */
  get length(): number {
    return this.#digits.length;
  }

  /** Writes the present number at `at`; returns the position behind it. */
  write(target: Uint8Array, at: number): number {
    const digits = this.#digits;
    const length = digits.length;
    for (let index = 0; index < length; index += 1) target[at + index] = digits[index]!;
    return at + length;
  }

  /** Adds 1. */
  increment(): void {
    const digits = this.#digits;
    let index = digits.length - 1;
    while (index >= 0 && digits[index] === NINE) {
      digits[index] = ZERO;
      index -= 1;
    }
    if (index >= 0) digits[index]! += 1;
    else this.#digits = Buffer.concat([Buffer.of(ZERO + 1), digits]);
  }
}

/** How many decimal digits a non-negative safe integer has. */
export function decimalLength(value: number): number {
  let length = 1;
  for (let bound = 10; value >= bound; bound *= 10) length += 1;
  return length;
}
