/**
 * Reads the smallest parts of a filter's text: words, symbols, keys and strings.
 *
 * What a run of characters means depends on what may stand there ("-" negates before a term and is a letter within a
 * key), so the parser asks for what it expects; there is no list of tokens. White space before each part is skipped.
 */
import { FilterSyntaxError } from "./filter-syntax-error.js";
import { isScalarValue, pushUtf8 } from "./utf8.js";

const SPACE = /[ \t\n\r\v\f]*/y;
const WORD = /[A-Za-z0-9_]+/y;
const BARE_KEY = /[A-Za-z0-9_-]+/y;
/** Everything that someone may take for an operator of comparison, so that `==` is told as one thing. */
const OPERATOR = /[=!<>~]+/y;
/** What an error shows of an unexpected place: a word of any script, or an operator, or one character. */
const SHOWN = /[\p{L}\p{N}_-]+|[=!<>~&|]+|./suy;
const INVISIBLE = /[^ \p{L}\p{M}\p{N}\p{P}\p{S}]/gu;
const SHOWN_CHARACTERS_MAX = 32;

/** Escapes of one letter; the others take digits. */
const SIMPLE_ESCAPES: ReadonlyMap<string, number> = new Map([
  ["\\", 0x5c],
  ['"', 0x22],
  ["'", 0x27],
  ["?", 0x3f],
  ["a", 0x07],
  ["b", 0x08],
  ["f", 0x0c],
  ["n", 0x0a],
  ["r", 0x0d],
  ["t", 0x09],
  ["v", 0x0b],
]);
/** How many hexadecimal digits follow the letter of an escape. */
const HEX_DIGITS: ReadonlyMap<string, number> = new Map([
  ["x", 2],
  ["u", 4],
  ["U", 8],
]);
const HEX = /^[0-9A-Fa-f]+$/;
/** Three digits, at most 0xFF, as in every language that has them. */
const OCTAL = /^[0-3][0-7]{2}$/;

export class FilterScanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Whether nothing but white space is left. */
  isAtEnd(): boolean {
    this.#skipSpace();
    return this.#at === this.#text.length;
  }

  /** Takes a symbol of one character if it comes next. */
  takeSymbol(symbol: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== symbol) return false;
    this.#at += 1;
    return true;
  }

  /** Whether a word comes next and does not go on. */
  isWordNext(word: string): boolean {
    return this.#peek(WORD) === word;
  }

  /** Takes a word if it comes next and does not go on. */
  takeWord(word: string): boolean {
    if (!this.isWordNext(word)) return false;
    this.#at += word.length;
    return true;
  }

  /** Takes the first of `operators` that comes next and does not go on, as `=` does in `==`. */
  takeOperator<T extends string>(operators: readonly T[]): T | undefined {
    const found = this.#peek(OPERATOR);
    const operator = operators.find((candidate) => candidate === found);
    this.#at += operator?.length ?? 0;
    return operator;
  }

  /** A key, bare or in quotes, as UTF-8. */
  takeKey(): Uint8Array {
    const key = this.#peek(BARE_KEY);
    if (key === "") return this.takeString('a key, bare (letters, digits, "_", "-") or in double quotes');
    this.#at += key.length;
    return Uint8Array.from(key, (letter) => letter.charCodeAt(0));
  }

  /**
   * A string in double quotes, as UTF-8 and without its escapes.
   * @param expected - What an error says where none comes next.
   */
  takeString(expected: string): Uint8Array {
    if (!this.takeSymbol('"')) this.fail(expected, this.#text[this.#at] === "'" ? "strings are in double quotes" : "");
    const bytes: number[] = [];
    while (this.#text[this.#at] !== '"') {
      const from = this.#at;
      const character = this.#text.codePointAt(from);
      if (character === undefined) this.fail("the closing quote of the string");
      const codePoint = character === 0x5c ? this.#takeEscape() : character;
      if (!isScalarValue(codePoint)) {
        this.#failAt(from, "a Unicode character", found(this.#text.slice(from, Math.max(this.#at, from + 1))));
      }
      if (character !== 0x5c) this.#at += codePoint > 0xff_ff ? 2 : 1;
      pushUtf8(bytes, codePoint);
    }
    this.#at += 1;
    return Uint8Array.from(bytes);
  }

  /** @throws {FilterSyntaxError} at what comes next. */
  fail(expected: string, hint = ""): never {
    const shown = this.#peek(SHOWN);
    const isString = shown === '"';
    const end = isString ? this.#text.indexOf('"', this.#at + 1) : -1;
    const what = isString ? this.#text.slice(this.#at, end === -1 ? undefined : end + 1) : shown;
    this.#failAt(this.#at, expected, what === "" ? "the end of the filter" : found(what), hint);
  }

  /** The escape that begins at the backslash here, as a code point that may be none. */
  #takeEscape(): number {
    const from = this.#at;
    const letter = this.#text[from + 1] ?? "";
    const simple = SIMPLE_ESCAPES.get(letter);
    this.#at += 2;
    if (simple !== undefined) return simple;
    const hexDigits = HEX_DIGITS.get(letter);
    const digitsAt = from + (hexDigits === undefined ? 1 : 2);
    const digits = this.#text.slice(digitsAt, digitsAt + (hexDigits ?? 3));
    this.#at = digitsAt + digits.length;
    if (hexDigits === undefined) {
      if (OCTAL.test(digits)) return Number.parseInt(digits, 8);
      const shown = /^[0-7]/.test(digits) ? digits : ([...this.#text.slice(from + 1, from + 3)][0] ?? "");
      this.#failAt(
        from,
        "an escape (one of \\\\ \\\" \\' \\? \\a \\b \\f \\n \\r \\t \\v, \\ooo up to \\377, \\xhh, \\uhhhh, \\Uhhhhhhhh)",
        found(`\\${shown}`),
      );
    }
    if (digits.length !== hexDigits || !HEX.test(digits)) {
      this.#failAt(from, `${hexDigits} hexadecimal digits after \\${letter}`, found(`\\${letter}${digits}`));
    }
    return Number.parseInt(digits, 16);
  }

  #peek(pattern: RegExp): string {
    this.#skipSpace();
    return this.#match(pattern);
  }

  #skipSpace(): void {
    this.#at += this.#match(SPACE).length;
  }

  /** The patterns are sticky: they match at their `lastIndex` only. */
  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#text)?.[0] ?? "";
  }

  /** Positions count characters, not the units of JavaScript's strings. */
  #failAt(at: number, expected: string, what: string, hint = ""): never {
    throw new FilterSyntaxError([...this.#text.slice(0, at)].length + 1, expected, what, hint);
  }
}

/** Text as an error shows it: short, in quotes, what is invisible by its number. */
function found(text: string): string {
  const characters = [...text];
  const isLong = characters.length > SHOWN_CHARACTERS_MAX;
  const start = isLong ? `${characters.slice(0, SHOWN_CHARACTERS_MAX).join("")}…` : text;
  const shown = start.replace(INVISIBLE, (character) => {
    return `<U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}>`;
  });
  // A string of the filter has its quotes already.
  return text.startsWith('"') ? `the string ${shown}` : `"${shown}"`;
}
