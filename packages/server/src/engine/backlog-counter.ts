/**
 * Counts what a filter keeps out of a backlog that the core has not met, by reading the log in slices.
 *
 * What does not match before the first message that is left is dropped, so that the floor follows; behind it, it is only
 * counted.
 */
import type { Event, Filter } from "@peal/core";
import type { Block } from "./block.js";
import type { TopicLog } from "./topic-log.js";

const SLICE_BYTES = 1024 * 1024;

/** The subscription whose backlog is counted. */
export interface CountedBacklog {
  readonly log: TopicLog;
  readonly filter: Filter;
  /** Where the filter has not been asked yet, as the core tells it now; undefined: nowhere, or it has ended. */
  readonly uncounted: () => { readonly after: number; readonly upTo: number } | undefined;
  /** Everything at or below is settled. */
  readonly floor: () => number;
  readonly isSettled: (sequence: number) => boolean;
  readonly take: (event: Event) => void;
}

/**
 * Counts until nothing is left to be counted, or the backlog has moved on meanwhile.
 *
 * Rejects where the log cannot be read.
 */
export async function countBacklog(backlog: CountedBacklog): Promise<void> {
  for (;;) {
    const range = backlog.uncounted();
    if (range === undefined) return;
    const isAllSettledBefore = backlog.floor() >= range.after;
    const pass = new CountingPass(backlog, range.after, range.upTo);
    const isPrefix = await pass.read(isAllSettledBefore);
    const now = backlog.uncounted();
    if (now === undefined || now.after !== range.after) return;
    if (isPrefix) backlog.take({ kind: "dropped", floor: pass.end });
    else {
      backlog.take({ kind: "counted", after: range.after, upTo: range.upTo, unmatched: pass.unmatched });
      return;
    }
  }
}

/** One walk over a range of the log. */
class CountingPass {
  readonly #backlog: CountedBacklog;
  readonly #upTo: number;
  /** Up to here it has counted. */
  end: number;
  /** Of those, messages that do not match and are not settled. */
  unmatched = 0;
  #hasMatch = false;

  constructor(backlog: CountedBacklog, after: number, upTo: number) {
    this.#backlog = backlog;
    this.end = after;
    this.#upTo = upTo;
  }

  /**
   * @param endsAtMatch - Whether to end before the first message that matches, if that is not the very first.
   * @returns Whether nothing matches up to `end`, where it was to end there.
   */
  async read(endsAtMatch: boolean): Promise<boolean> {
    const after = this.end;
    while (this.end < this.#upTo) {
      const { blocks } = await this.#backlog.log.read(this.end, SLICE_BYTES);
      // What is not in the log any more, nobody gets.
      const next = Math.min((blocks[0]?.first ?? Number.POSITIVE_INFINITY) - 1, this.#upTo);
      if (next > this.end && endsAtMatch && !this.#hasMatch) {
        this.end = next;
        return true;
      }
      this.#skipTo(next);
      for (const block of blocks) {
        if (this.#takeUpToMatch(block) && endsAtMatch && !this.#hasMatch && this.end > after) return true;
        this.#take(block);
      }
    }
    return endsAtMatch && !this.#hasMatch;
  }

  /** Counts what lies before the block's next match; answers whether there is one. */
  #takeUpToMatch(block: Block): boolean {
    this.#skipTo(Math.min(block.first - 1, this.#upTo));
    const last = Math.min(block.last, this.#upTo);
    while (this.end < last) {
      if (this.#backlog.filter.matches(block, this.end + 1 - block.first)) return true;
      this.#skipTo(this.end + 1);
    }
    return false;
  }

  #take(block: Block): void {
    while (this.#takeUpToMatch(block)) {
      this.#hasMatch = true;
      this.end += 1;
    }
  }

  #skipTo(position: number): void {
    for (; this.end < position; this.end += 1) if (!this.#backlog.isSettled(this.end + 1)) this.unmatched += 1;
  }
}
