/**
 * The language of subscription filters.
 *
 *   filter     = [ expression ]
 *   expression = term { "AND" term } | term { "OR" term }
 *   term       = { "NOT" | "-" } ( "(" expression ")" | presence | comparison | prefix )
 *   presence   = "attributes" ":" key
 *   comparison = "attributes" "." key ( "=" | "!=" ) string
 *   prefix     = "hasPrefix" "(" "attributes" "." key "," string ")"
 *
 * Open parentheses stand on a list, not on the stack, so that no text can nest too deep.
 */
import { assert } from "../assert.js";
import { Filter } from "./filter.js";
import { type FilterFragment, FilterProgramBuilder, type FilterStep } from "./filter-program.js";
import { FilterScanner } from "./filter-scanner.js";

const NO_VALUE = new Uint8Array(0);
const OPERATORS = ["AND", "OR"] as const;
type Operator = (typeof OPERATORS)[number];

/** How the dialects of the language differ. */
export interface FilterDialect {
  /** AND and OR may stand side by side without parentheses; AND binds tighter then. Otherwise that is an error. */
  readonly allowsMixing: boolean;
}

/**
 * Reads a filter.
 *
 * @param text - Of any length; the API's limit is not held here. Empty or nothing but white space: everything matches.
 * @throws {FilterSyntaxError} where the text does not follow the grammar.
 *
 * @example
 * parseFilter('attributes.lang = "de" AND NOT attributes:draft', { allowsMixing: false });
 */
export function parseFilter(text: string, dialect: FilterDialect): Filter {
  const scanner = new FilterScanner(text);
  return scanner.isAtEnd() ? new Filter(text, []) : new Filter(text, new FilterParser(scanner, dialect).parse());
}

/** An expression whose end has not come yet: the filter itself, or what stands in parentheses. */
interface Group {
  readonly isNegated: boolean;
  /** The operator used in it so far. */
  operator: Operator | undefined;
  /** The part before the last OR. */
  alternatives: FilterFragment | undefined;
  /** The terms joined by AND since then. */
  conjunction: FilterFragment | undefined;
}

class FilterParser {
  readonly #scanner: FilterScanner;
  readonly #dialect: FilterDialect;
  readonly #program = new FilterProgramBuilder();
  readonly #groups: Group[] = [];

  constructor(scanner: FilterScanner, dialect: FilterDialect) {
    this.#scanner = scanner;
    this.#dialect = dialect;
  }

  /** @returns The program of the whole text, which is not empty. */
  parse(): FilterStep[] {
    this.#open(false);
    for (;;) {
      const isNegated = this.#takeNegations();
      if (this.#scanner.takeSymbol("(")) {
        this.#open(isNegated);
        continue;
      }
      this.#join(this.#negate(isNegated, this.#primary()));
      while (!this.#takeOperator()) {
        const whole = this.#close();
        if (this.#groups.length === 0) return this.#program.finish(whole);
        this.#join(whole);
      }
    }
  }

  #open(isNegated: boolean): void {
    this.#groups.push({ isNegated, operator: undefined, alternatives: undefined, conjunction: undefined });
  }

  /** @returns Whether the term that follows is negated: two negations are none. */
  #takeNegations(): boolean {
    let isNegated = false;
    while (this.#scanner.takeWord("NOT") || this.#scanner.takeSymbol("-")) isNegated = !isNegated;
    return isNegated;
  }

  #primary(): FilterFragment {
    if (this.#scanner.takeWord("hasPrefix")) return this.#prefix();
    if (!this.#scanner.takeWord("attributes")) {
      this.#scanner.fail('attributes, hasPrefix, NOT, "-" or "("');
    }
    if (this.#scanner.takeSymbol(":")) {
      return this.#program.test({ kind: "present", key: this.#scanner.takeKey(), value: NO_VALUE });
    }
    if (this.#scanner.takeSymbol(".")) return this.#comparison(this.#scanner.takeKey());
    this.#scanner.fail('":" or "." after attributes');
  }

  #comparison(key: Uint8Array): FilterFragment {
    const operator = this.#scanner.takeOperator(["=", "!="]);
    if (operator === undefined) this.#scanner.fail('"=" or "!="');
    const value = this.#scanner.takeString("a value in double quotes");
    return this.#negate(operator === "!=", this.#program.test({ kind: "equals", key, value }));
  }

  #prefix(): FilterFragment {
    this.#expectSymbol("(", '"(" after hasPrefix');
    if (!this.#scanner.takeWord("attributes")) this.#scanner.fail("attributes");
    this.#expectSymbol(".", '"." after attributes');
    const key = this.#scanner.takeKey();
    this.#expectSymbol(",", '"," and the prefix');
    const value = this.#scanner.takeString("a prefix in double quotes");
    this.#expectSymbol(")", '")" after the prefix');
    return this.#program.test({ kind: "startsWith", key, value });
  }

  #expectSymbol(symbol: string, expected: string): void {
    if (!this.#scanner.takeSymbol(symbol)) this.#scanner.fail(expected);
  }

  #negate(isNegated: boolean, fragment: FilterFragment): FilterFragment {
    return isNegated ? this.#program.not(fragment) : fragment;
  }

  /** Adds a term to the innermost group. */
  #join(term: FilterFragment): void {
    const group = this.#innermost();
    const { conjunction } = group;
    group.conjunction = conjunction === undefined ? term : this.#program.and(conjunction, term);
  }

  /** Takes AND or OR if one comes next. */
  #takeOperator(): boolean {
    const group = this.#innermost();
    for (const operator of OPERATORS) {
      const isOther = group.operator !== undefined && group.operator !== operator;
      if (isOther && !this.#dialect.allowsMixing) continue;
      if (!this.#scanner.takeWord(operator)) continue;
      group.operator = operator;
      if (operator === "OR") this.#endConjunction(group);
      return true;
    }
    return false;
  }

  #endConjunction(group: Group): FilterFragment {
    const { alternatives, conjunction } = group;
    assert(conjunction !== undefined, "an expression ends after a term");
    group.conjunction = undefined;
    group.alternatives = alternatives === undefined ? conjunction : this.#program.or(alternatives, conjunction);
    return group.alternatives;
  }

  /** Ends the innermost group: at the end of the text the filter itself, otherwise what stands in parentheses. */
  #close(): FilterFragment {
    const group = this.#innermost();
    const isFilter = this.#groups.length === 1;
    const isEnd = isFilter ? this.#scanner.isAtEnd() : this.#scanner.takeSymbol(")");
    if (!isEnd) this.#failAfterTerm(group, isFilter ? "the end of the filter" : '")"');
    this.#groups.pop();
    return this.#negate(group.isNegated, this.#endConjunction(group));
  }

  #failAfterTerm(group: Group, end: string): never {
    const operators = OPERATORS.filter(
      (operator) => this.#dialect.allowsMixing || group.operator === undefined || group.operator === operator,
    );
    const isMixed = OPERATORS.some((operator) => !operators.includes(operator) && this.#scanner.isWordNext(operator));
    const isSmall = ["and", "or"].some((operator) => this.#scanner.isWordNext(operator));
    const hint = isMixed ? "AND and OR mix only with parentheses" : isSmall ? "operators are in capitals" : "";
    this.#scanner.fail(`${operators.join(", ")} or ${end}`, hint);
  }

  #innermost(): Group {
    const group = this.#groups.at(-1);
    assert(group !== undefined, "the filter itself is open until its end");
    return group;
  }
}
