import type { DeliveryRules } from "./delivery-rules.js";

/** The jitter takes up to this part of a delay away, or adds it. */
const JITTER = 0.1;
/** 30 doublings of 1 ms exceed every maximum; without a bound, 0 ms doubled long enough is not a number. */
const DOUBLINGS_MAX = 30;

/**
 * How long a message waits after its `failures`th failed delivery, in ms: the minimum, doubled with each failure, at most the
 * maximum; with jitter, but never outside the two (S-10.2).
 *
 * @param random - In [0, 1).
 */
export function backoffMs(backoff: DeliveryRules["backoff"], failures: number, random: number): number {
  if (backoff === undefined) return 0;
  const { minimumMs, maximumMs } = backoff;
  const planned = Math.min(maximumMs, minimumMs * 2 ** Math.min(failures - 1, DOUBLINGS_MAX));
  const jittered = planned * (1 + JITTER * (2 * random - 1));
  return Math.min(maximumMs, Math.max(minimumMs, jittered));
}
