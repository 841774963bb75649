import type { BlockView } from "./block-view.js";
import type { SubscriptionParts } from "./subscription-parts.js";

/**
 * Keeps messages out: those the filter does not match, and those that a seek into the future discards. They count as acked
 * without a record, since a restart finds the same ones.
 *
 * What is known of the log lies up to the read-ahead's end, and there they are settled. Behind it they are only counted, so
 * that a backlog of millions costs no memory.
 */
export class Screen {
  readonly #parts: SubscriptionParts;
  /** Messages published before are discarded; 0: none. Wall clock. */
  discardBeforeMs = 0;
  /** Of what lies behind the read-ahead's end, how much is kept out, as far as it was counted. */
  #keptOutAhead = 0;
  /** Behind this position everything was counted. */
  #countedAfter: number;

  constructor(parts: SubscriptionParts, head: number) {
    this.#parts = parts;
    this.#countedAfter = head;
  }

  /** Whether it keeps anything out at all. */
  get isOpen(): boolean {
    return this.#parts.rules.filter === undefined && this.discardBeforeMs === 0;
  }

  get keptOutAhead(): number {
    return this.#keptOutAhead;
  }

  /** Where nothing was counted yet. */
  get uncounted(): { readonly after: number; readonly upTo: number } | undefined {
    const { end } = this.#parts.readAhead;
    return this.isOpen || this.#countedAfter <= end ? undefined : { after: end, upTo: this.#countedAfter };
  }

  /** Begins anew: nothing behind the read-ahead's end is counted. */
  reset(head: number): void {
    this.#keptOutAhead = 0;
    this.#countedAfter = head;
  }

  /** The head has moved on without a look at what was appended. */
  skipTo(head: number): void {
    if (!this.isOpen) this.reset(head);
  }

  /** Takes the engine's count of what was `uncounted`. */
  take(after: number, upTo: number, unmatched: number): void {
    const { uncounted } = this;
    if (uncounted === undefined || uncounted.after !== after || uncounted.upTo !== upTo) return;
    this.#keptOutAhead += unmatched;
    this.#countedAfter = after;
  }

  /** Whether nothing of the block is left. */
  keepsOutAll(block: BlockView): boolean {
    return this.#matching(block, () => undefined) === 0;
  }

  /** Counts a block that was appended and is not held. */
  count(block: BlockView): void {
    this.#keptOutAhead += block.count - this.#matching(block, () => undefined);
  }

  /**
   * Settles what is kept out of a block that follows the read-ahead's end.
   * @param isNew - It was just appended, and not counted.
   * @returns Whether anything of it is left.
   */
  settle(block: BlockView, isNew: boolean): boolean {
    const countedAfter = isNew ? Number.POSITIVE_INFINITY : this.#countedAfter;
    let next = block.first;
    const settleTo = (last: number): void => {
      const { cursor } = this.#parts;
      // Of a block that was counted from its middle only the rest is in the count.
      if (next <= Math.min(last, countedAfter)) cursor.settle(next, Math.min(last, countedAfter));
      const first = Math.max(next, countedAfter + 1);
      if (first <= last) this.#keptOutAhead -= cursor.settle(first, last);
    };
    const matched = this.#matching(block, (first, last) => {
      settleTo(block.first + first - 1);
      next = block.first + last + 1;
    });
    settleTo(block.first + block.count - 1);
    return matched > 0;
  }

  #matching(block: BlockView, visit: (first: number, last: number) => void): number {
    if (block.publishTimeMs < this.discardBeforeMs) return 0;
    const { filter } = this.#parts.rules;
    if (filter !== undefined) return filter.forEachRun(block, 0, block.count, visit);
    visit(0, block.count - 1);
    return block.count;
  }
}
