// A look at a JSON text before it is parsed. JSON.parse is fast for the texts that requests have, and slow for texts made to
// be slow: millions of tiny values, objects of a hundred thousand names, nesting without end. Those are refused here, in one
// pass over the bytes, which can be made in pieces.
import { invalidPayload } from "./json-refusal.js";

/** The publish request with most tokens has a thousand messages of a hundred attributes: below 300 000 of what is counted. */
const MAX_TOKENS = 400_000;
const MAX_DEPTH = 64;
/** Far more than any message has fields, labels or attributes: big objects are slow to build. */
const MAX_NAMES_PER_OBJECT = 1_000;
/** No number, nor any other word, is this long. */
const MAX_WORD_BYTES = 1_000;

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Strings are walked through so far, and then searched for their end by a native call. */
const WALKED_STRING_BYTES = 64;

/**
 * Checks that parsing a text takes bounded time, and counts the names in it. Whether it is JSON at all is for JSON.parse to
 * find out.
 */
export class JsonScan {
  /** How many names the objects passed so far have, repeated ones included. */
  names = 0;
  readonly #bytes: Buffer;
  readonly #namesAtDepth = new Int32Array(MAX_DEPTH + 1);
  #at = 0;
  #tokens = 0;
  #depth = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isDone(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /**
   * Goes on for about `count` bytes.
   *
   * @throws JsonRefusal where it nests too deep, or has too many names or values.
   */
  advance(count: number): void {
    const bytes = this.#bytes;
    const end = Math.min(bytes.length, this.#at + count);
    let at = this.#at;
    let wordStart = at;
    for (; at < end; at += 1) {
      switch (bytes[at]) {
        case QUOTE:
          at = endOfString(bytes, at + 1);
          break;
        case OPEN_LIST:
        case OPEN_OBJECT:
          this.#descend();
          break;
        case CLOSE_LIST:
        case CLOSE_OBJECT:
          // Below 0 it is no JSON; JSON.parse will refuse it.
          this.#depth = Math.max(0, this.#depth - 1);
          break;
        case COLON:
          this.#countName();
          break;
        case COMMA:
          this.#countToken();
          break;
        case SPACE:
        case TAB:
        case LINE_FEED:
        case CARRIAGE_RETURN:
          break;
        default:
          if (at - wordStart > MAX_WORD_BYTES) throw invalidPayload("It holds a number without end.");
          continue;
      }
      wordStart = at;
    }
    this.#at = at;
  }

  #descend(): void {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw invalidPayload(`It nests deeper than ${MAX_DEPTH} levels.`);
    this.#namesAtDepth[this.#depth] = 0;
    this.#countToken();
  }

  #countName(): void {
    this.names += 1;
    const names = this.#namesAtDepth[this.#depth]! + 1;
    this.#namesAtDepth[this.#depth] = names;
    if (names > MAX_NAMES_PER_OBJECT) throw invalidPayload(`An object has more than ${MAX_NAMES_PER_OBJECT} names.`);
    this.#countToken();
  }

  #countToken(): void {
    this.#tokens += 1;
    if (this.#tokens > MAX_TOKENS) throw invalidPayload(`It holds more than ${MAX_TOKENS} values.`);
  }
}

/** Returns the place of the quote that ends the string which begins at `start`; the last byte where none does. */
function endOfString(bytes: Buffer, start: number): number {
  let at = start;
  const walkEnd = Math.min(bytes.length, start + WALKED_STRING_BYTES);
  for (; at < walkEnd; at += 1) {
    if (bytes[at] === QUOTE) return at;
    if (bytes[at] === BACKSLASH) at += 1;
  }
  for (;;) {
    const quote = bytes.indexOf(QUOTE, at);
    if (quote === -1) return bytes.length - 1;
    // A quote is escaped where an odd number of backslashes stands before it; those before `at` have been dealt with.
    let backslashes = 0;
    while (quote - backslashes > at && bytes[quote - backslashes - 1] === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return quote;
    at = quote + 1;
  }
}
