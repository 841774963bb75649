/**
 * A filter as a program: a list of tests, each of which says where to go on when it holds and when it does not.
 *
 * The parser makes it as it reads, joining fragments. AND, OR, NOT and parentheses are nothing but jumps, so that neither
 * parsing nor matching recurses, however deep the text nests. Jumps lead forward only: each test runs once at most.
 */

/** Jumps that end the program. */
export const ACCEPT = -1;
export const REJECT = -2;

/** One question about one attribute. Each is false where the message has none of that key. */
export interface FilterTest {
  readonly kind: "present" | "equals" | "startsWith";
  readonly key: Uint8Array;
  /** What the value is compared with; empty and unused for `present`. */
  readonly value: Uint8Array;
}

/** A test with where to go on. */
export interface FilterStep extends FilterTest {
  readonly onTrue: number;
  readonly onFalse: number;
}

/** A part of the program, with the jumps out of it that have no target yet: the step's number, twice, plus 1 for "holds". */
export interface FilterFragment {
  readonly start: number;
  readonly whenTrue: number[];
  readonly whenFalse: number[];
}

export class FilterProgramBuilder {
  readonly #tests: FilterTest[] = [];
  readonly #targets: number[] = [];
  readonly #keys = new Map<string, Uint8Array>();

  /** Appends a test. Fragments are joined in the order in which their tests were appended. */
  test({ kind, key, value }: FilterTest): FilterFragment {
    const start = this.#tests.push({ kind, key: this.#shared(key), value }) - 1;
    this.#targets.push(REJECT, ACCEPT);
    return { start, whenTrue: [start * 2 + 1], whenFalse: [start * 2] };
  }

  not({ start, whenTrue, whenFalse }: FilterFragment): FilterFragment {
    return { start, whenTrue: whenFalse, whenFalse: whenTrue };
  }

  and(left: FilterFragment, right: FilterFragment): FilterFragment {
    this.#aim(left.whenTrue, right.start);
    return { start: left.start, whenTrue: right.whenTrue, whenFalse: merge(left.whenFalse, right.whenFalse) };
  }

  or(left: FilterFragment, right: FilterFragment): FilterFragment {
    this.#aim(left.whenFalse, right.start);
    return { start: left.start, whenTrue: merge(left.whenTrue, right.whenTrue), whenFalse: right.whenFalse };
  }

  /** The program that is `whole`, which must hold every test. It begins at its first step. */
  finish(whole: FilterFragment): FilterStep[] {
    this.#aim(whole.whenTrue, ACCEPT);
    this.#aim(whole.whenFalse, REJECT);
    return this.#tests.map(({ kind, key, value }, index) => ({
      kind,
      key,
      value,
      onTrue: this.#targets[index * 2 + 1]!,
      onFalse: this.#targets[index * 2]!,
    }));
  }

  /** One object per key: a block that remembers what it was asked for last tells it by its identity. */
  #shared(key: Uint8Array): Uint8Array {
    const name = key.join();
    const known = this.#keys.get(name);
    if (known === undefined) this.#keys.set(name, key);
    return known ?? key;
  }

  #aim(jumps: readonly number[], target: number): void {
    for (const jump of jumps) this.#targets[jump] = target;
  }
}

/** The shorter into the longer, so that a long chain costs no square of its length. The order means nothing. */
function merge(one: number[], other: number[]): number[] {
  const [long, short] = one.length >= other.length ? [one, other] : [other, one];
  for (const jump of short) long.push(jump);
  return long;
}
