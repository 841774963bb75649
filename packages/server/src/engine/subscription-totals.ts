import type { SubscriptionCounts } from "@peal/core";

/** Counters of one subscription since the server's start. */
export interface SubscriptionTotals {
  readonly delivered: number;
  readonly acked: number;
  readonly nacked: number;
  readonly expired: number;
  readonly extended: number;
  readonly deadLettered: number;
}

export function zeroTotals(): SubscriptionTotals {
  return { delivered: 0, acked: 0, nacked: 0, expired: 0, extended: 0, deadLettered: 0 };
}

/** The core counts from when it was loaded; what came before is added. */
export function addCounts(before: SubscriptionTotals, now: SubscriptionCounts): SubscriptionTotals {
  return {
    delivered: before.delivered + now.delivered,
    acked: before.acked + now.acked,
    nacked: before.nacked + now.nacked,
    expired: before.expired + now.expired,
    extended: before.extended + now.extended,
    deadLettered: before.deadLettered + now.deadLettered,
  };
}
