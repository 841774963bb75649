// A look at a JSON text before it is parsed. JSON.parse is fast for the texts that requests have, and slow for texts made to
// be slow: millions of tiny values, or nesting without end. Those are refused here, in one pass over the bytes.
import { invalidPayload } from "./json-refusal.js";

/** The publish request with most tokens has a thousand messages of a hundred attributes: below 300 000 of what is counted. */
const MAX_TOKENS = 400_000;
const MAX_DEPTH = 64;

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
 * Checks that parsing a text takes bounded time, and returns how many names its objects have, repeated ones included.
 * Whether it is JSON at all is for JSON.parse to find out.
 *
 * @throws JsonRefusal where it nests too deep or has too many values.
 */
export function scanJson(bytes: Buffer): number {
  let names = 0;
  let tokens = 0;
  let depth = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    switch (bytes[at]) {
      case QUOTE:
        at = endOfString(bytes, at + 1);
        break;
      case OPEN_LIST:
      case OPEN_OBJECT:
        depth += 1;
        tokens += 1;
        if (depth > MAX_DEPTH) throw invalidPayload(`It nests deeper than ${MAX_DEPTH} levels.`);
        break;
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        depth -= 1;
        break;
      case COLON:
        names += 1;
        tokens += 1;
        break;
      case COMMA:
        tokens += 1;
        break;
    }
    if (tokens > MAX_TOKENS) throw invalidPayload(`It holds more than ${MAX_TOKENS} values.`);
  }
  return names;
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
