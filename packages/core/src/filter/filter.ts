import type { AttributeIndex } from "./attribute-index.js";
import { ACCEPT, type FilterStep } from "./filter-program.js";

/** Which messages a subscription gets, decided on their attributes alone. `parseFilter` makes one. Never changes. */
export class Filter {
  /** As it was given. */
  readonly text: string;
  readonly #steps: readonly FilterStep[];

  /** @param steps - The program; without steps every message matches. */
  constructor(text: string, steps: readonly FilterStep[]) {
    this.text = text;
    this.#steps = steps;
  }

  /** Whether there is no condition at all: the filter is empty. */
  get matchesAll(): boolean {
    return this.#steps.length === 0;
  }

  /** Whether message `index` is one that the subscription gets. Makes no object. */
  matches(attributes: AttributeIndex, index: number): boolean {
    if (this.#steps.length === 0) return true;
    let at = 0;
    while (at >= 0) {
      const step = this.#steps[at]!;
      at = holds(step, attributes, index) ? step.onTrue : step.onFalse;
    }
    return at === ACCEPT;
  }

  /**
   * Tells the runs of messages that match among those from `from` up to and without `end`, in order.
   *
   * @param visit - Gets the first and the last index of each run. Runs are never adjacent.
   * @returns How many messages match.
   */
  forEachRun(
    attributes: AttributeIndex,
    from: number,
    end: number,
    visit: (first: number, last: number) => void,
  ): number {
    let count = 0;
    let first = -1;
    for (let index = from; index < end; index += 1) {
      if (this.matches(attributes, index)) {
        if (first === -1) first = index;
      } else if (first !== -1) {
        visit(first, index - 1);
        count += index - first;
        first = -1;
      }
    }
    if (first === -1) return count;
    visit(first, end - 1);
    return count + end - first;
  }
}

function holds({ kind, key, value }: FilterStep, attributes: AttributeIndex, index: number): boolean {
  const attribute = attributes.findAttribute(index, key);
  if (attribute === -1) return false;
  switch (kind) {
    case "present":
      return true;
    case "equals":
      return attributes.valueEquals(attribute, value);
    case "startsWith":
      return attributes.valueStartsWith(attribute, value);
  }
}
