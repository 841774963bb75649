/** What metrics and checks may know of a subscription. Counters count from when it was created or restored in memory. */
export interface SubscriptionCounts {
  /** Published, not settled. Positions without a message count until the read-ahead has passed them. */
  readonly backlog: number;
  /** Messages out under a lease. */
  readonly outstanding: number;
  /** Messages whose lease has ended unsettled and that have not been handed out again. */
  readonly blocked: number;
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
}
