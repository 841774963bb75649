/** What metrics and checks may know of a subscription. Counters count from when it was created or restored in memory. */
export interface SubscriptionCounts {
  /** Published, not settled, not kept out by the filter. Positions without a message count until the read-ahead has passed them. */
  readonly backlog: number;
  /** Where a filter has not been asked yet, so that `backlog` is an upper bound: above `after`, up to `upTo`. Else undefined. */
  readonly uncounted: { readonly after: number; readonly upTo: number } | undefined;
  /** Messages out under a lease. */
  readonly outstanding: number;
  /** Messages that were met and wait: for the next delivery, a delay, others of their ordering key, the dead-letter topic. */
  readonly blocked: number;
  /** Of those, messages whose delay has not passed. */
  readonly delayed: number;
  /** Of those, messages on their way to the dead-letter topic. */
  readonly dying: number;
  /** Ordering keys with an unsettled message that was met. */
  readonly orderingKeys: number;
  /** Settled runs above the low watermark. */
  readonly holes: number;
  /** True while holes and blocked messages, or leases, are at their limit: nothing is delivered for the first time, but for holes. */
  readonly isAtLimit: boolean;
  /** The first sequence that is not settled, or undefined when there is no backlog. */
  readonly oldestUnackedSequence: number | undefined;
  /** Pullers open now. */
  readonly pullers: number;
  /** Messages handed out, redeliveries included. */
  readonly delivered: number;
  /** Messages settled by an ack. */
  readonly acked: number;
  readonly nacked: number;
  /** Leases ended by their deadline. */
  readonly expired: number;
  /** Leases given a new length. */
  readonly extended: number;
  /** Messages that went to the dead-letter topic. */
  readonly deadLettered: number;
}
