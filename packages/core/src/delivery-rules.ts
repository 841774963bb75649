import type { BlockView } from "./block-view.js";

/** Decides on one message by its attributes. `parseFilter` makes one from a filter's text. */
export interface MessageFilter {
  matches(block: BlockView, index: number): boolean;
  /**
   * Tells the runs of messages that match among the block's indexes from `from` up to and without `end`, in order; never
   * adjacent. @returns How many messages match.
   */
  forEachRun(block: BlockView, from: number, end: number, visit: (first: number, last: number) => void): number;
}

/** How one subscription delivers, beyond at-least-once in any order: what its settings mean to the core. */
export interface DeliveryRules {
  /** Messages of one ordering key come in the order of the log. Never changes for a subscription. */
  readonly isOrdered: boolean;
  /** Only the latest ack id counts, and nothing comes again while its lease lives. */
  readonly isExactlyOnce: boolean;
  /** What does not match counts as acked. Never changes for a subscription. */
  readonly filter: MessageFilter | undefined;
  /** How long a message whose delivery failed waits; undefined: not at all. 0 ≤ minimum ≤ maximum. */
  readonly backoff: { readonly minimumMs: number; readonly maximumMs: number } | undefined;
  /** A message whose deliveries failed this often goes to the dead-letter topic; undefined: there is none. At least 1. */
  readonly deliveryAttemptsMax: number | undefined;
}

/** At least once, in any order, at once again, everything. */
export const PLAIN_RULES: DeliveryRules = {
  isOrdered: false,
  isExactlyOnce: false,
  filter: undefined,
  backoff: undefined,
  deliveryAttemptsMax: undefined,
};
