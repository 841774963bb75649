/** Filters as trees: made at random, written in every way the grammar has, and decided straight from the statements. */
import fc from "fast-check";
import type { PlainAttributes } from "./plain-attributes.test.support.js";

export type Expression =
  | { readonly kind: "has"; readonly key: string }
  | { readonly kind: "equals" | "differs" | "begins"; readonly key: string; readonly value: string }
  | { readonly kind: "not"; readonly of: Expression }
  | { readonly kind: "AND" | "OR"; readonly of: readonly Expression[] };

/** Few and related, so that they meet: one is the other's prefix, differs in case, or in what UTF-8 makes of it. */
export const keys = fc.constantFrom("a", "A", "ab", "-a", "AND", "x.y/z", "é", "み🗝", 'quo"te\\', "line\n", "", "\0");
export const values = fc.constantFrom(
  "",
  "a",
  "A",
  "ab",
  "abc",
  "é",
  "éa",
  "み",
  "み🗝",
  '"',
  "\\",
  "a\tb",
  "\x7f",
  "ÿ",
);

export const expressions: fc.Arbitrary<Expression> = fc.letrec<{ expression: Expression }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4, depthSize: "medium" },
    fc.oneof(
      fc.record({ kind: fc.constant("has" as const), key: keys }),
      fc.record({ kind: fc.constantFrom("equals" as const, "differs", "begins"), key: keys, value: values }),
    ),
    fc.record({ kind: fc.constant("not" as const), of: tie("expression") }),
    fc.record({
      kind: fc.constantFrom("AND" as const, "OR"),
      of: fc.array(tie("expression"), { minLength: 2, maxLength: 4 }),
    }),
  ),
})).expression;

/** Whether a message with `attributes` matches, as the statements S-11.5 to S-11.8 say it. */
export function holdsNaively(expression: Expression, attributes: PlainAttributes): boolean {
  switch (expression.kind) {
    case "not":
      return !holdsNaively(expression.of, attributes);
    case "AND":
      return expression.of.every((one) => holdsNaively(one, attributes));
    case "OR":
      return expression.of.some((one) => holdsNaively(one, attributes));
    default:
  }
  const value = new Map(attributes).get(expression.key);
  switch (expression.kind) {
    case "has":
      return value !== undefined;
    case "equals":
      return value === expression.value;
    case "differs":
      return value !== expression.value;
    case "begins":
      return value?.startsWith(expression.value) ?? false;
  }
}

/** Draws how the next thing is written. */
type Choose = () => number;

/** Writes an expression with parentheses wherever AND and OR meet. */
export function strictText(expression: Expression, choose: Choose): string {
  return new Printer(choose, false).whole(expression);
}

/** Writes an expression without parentheses around an AND within an OR, now and then. */
export function mixedDialectText(expression: Expression, choose: Choose): string {
  return new Printer(choose, true).whole(expression);
}

class Printer {
  constructor(
    readonly choose: Choose,
    readonly isMixing: boolean,
  ) {}

  whole(expression: Expression): string {
    return `${this.#space()}${this.#expression(expression)}${this.#space()}`;
  }

  #expression(expression: Expression): string {
    switch (expression.kind) {
      case "AND":
      case "OR":
        return expression.of
          .map((one) => this.#operand(one, expression.kind))
          .join(`${this.#gap()}${expression.kind}${this.#gap()}`);
      case "not": {
        const sign = this.#pick(["-", `NOT${this.#gap()}`]);
        return `${sign}${this.#space()}${this.#operand(expression.of, "NOT")}`;
      }
      default:
        return this.#test(expression);
    }
  }

  /** Something within an AND, OR or NOT: in parentheses where it must be, and at times where it need not. */
  #operand(expression: Expression, around: string): string {
    const { kind } = expression;
    const isChain = kind === "AND" || kind === "OR";
    const mayStandBare = !isChain || kind === around || (this.isMixing && kind === "AND" && around === "OR");
    const text = this.#expression(expression);
    const isBare = mayStandBare && this.choose() % 4 !== 0;
    return isBare ? text : `(${this.#space()}${text}${this.#space()})`;
  }

  #test(expression: Exclude<Expression, { readonly of: unknown }>): string {
    const s = (part: string) => `${this.#space()}${part}`;
    const attributes = `attributes${s(expression.kind === "has" ? ":" : ".")}${s(this.#key(expression.key))}`;
    switch (expression.kind) {
      case "has":
        return attributes;
      case "equals":
        return `${attributes}${s("=")}${s(this.#string(expression.value))}`;
      case "differs":
        return `${attributes}${s("!=")}${s(this.#string(expression.value))}`;
      case "begins":
        return `hasPrefix${s("(")}${s(attributes)}${s(",")}${s(this.#string(expression.value))}${s(")")}`;
    }
  }

  #key(key: string): string {
    return /^[A-Za-z0-9_-]+$/.test(key) && this.choose() % 2 === 0 ? key : this.#string(key);
  }

  #string(text: string): string {
    return `"${[...text].map((character) => this.#character(character)).join("")}"`;
  }

  #character(character: string): string {
    const codePoint = character.codePointAt(0) ?? 0;
    const hex = (digits: number) => codePoint.toString(16).padStart(digits, "0");
    const ways = [`\\U${hex(8)}`];
    if (codePoint <= 0xff_ff) ways.push(`\\u${hex(4).toUpperCase()}`);
    if (codePoint <= 0xff) ways.push(`\\x${hex(2)}`, `\\${codePoint.toString(8).padStart(3, "0")}`);
    const short = new Map([
      ["\n", "\\n"],
      ["\t", "\\t"],
      ['"', '\\"'],
      ["\\", "\\\\"],
    ]).get(character);
    if (short !== undefined) ways.push(short);
    if (character !== '"' && character !== "\\") ways.push(character, character, character);
    return this.#pick(ways);
  }

  #gap(): string {
    return this.#pick([" ", "\n", "\t", "\r\n", "  "]);
  }

  #space(): string {
    return this.choose() % 3 === 0 ? this.#gap() : "";
  }

  #pick(list: readonly string[]): string {
    return list[this.choose() % list.length] ?? "";
  }
}
