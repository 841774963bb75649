import type { Generation, SubscriptionCounts } from "@peal/core";
import { addCounts, type SubscriptionTotals, zeroTotals } from "./subscription-totals.js";

/** What is remembered of a subscription whose core is not in memory. */
export class RestedSubscription {
  /** Given last before the core left memory, 0 where it never was there: an ack id never comes twice. */
  readonly latestGeneration: Generation;
  /** Counted since the server's start. */
  readonly totals: SubscriptionTotals;
  /** Whether the backlog is known to a message; else it is an upper bound. */
  readonly isExact: boolean;
  readonly #backlog: number;
  readonly #head: number;

  private constructor(
    backlog: number,
    isExact: boolean,
    head: number,
    latestGeneration: Generation,
    totals: SubscriptionTotals,
  ) {
    this.isExact = isExact;
    this.#backlog = backlog;
    this.#head = head;
    this.latestGeneration = latestGeneration;
    this.totals = totals;
  }

  /** One that was not loaded since the server's start: nothing is known but where it began. */
  static unknown(start: number, head: number): RestedSubscription {
    return new RestedSubscription(Math.max(head - start, 0), head <= start, head, 0, zeroTotals());
  }

  /**
   * One that leaves memory.
   *
   * @param before - What was remembered when it was loaded.
   * @param head - The end of the topic's log.
   */
  static after(
    before: RestedSubscription,
    live: { readonly counts: SubscriptionCounts; readonly latestGeneration: Generation },
    head: number,
  ): RestedSubscription {
    const { counts, latestGeneration } = live;
    const totals = addCounts(before.totals, counts);
    return new RestedSubscription(counts.backlog, counts.uncounted === undefined, head, latestGeneration, totals);
  }

  /** The same, when nobody knows any more how much of the backlog is left. */
  inexact(): RestedSubscription {
    return new RestedSubscription(this.#backlog, false, this.#head, this.latestGeneration, this.totals);
  }

  /** Messages not settled when the topic's log ends at `head`. */
  backlog(head: number): number {
    return this.backlogWith(head - this.#head);
  }

  /** Messages not settled when so many have come that are the subscription's. */
  backlogWith(arrived: number): number {
    return this.#backlog + arrived;
  }
}
