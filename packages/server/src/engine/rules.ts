/** What a subscription's settings mean to the core. */
import { type DeliveryRules, type Filter, parseFilter } from "@peal/core";
import type { SubscriptionSettings } from "./settings.js";
import { spanMs } from "./span.js";

/** Rules whose filter can be asked about whole blocks, too. */
export interface SubscriptionRules extends DeliveryRules {
  readonly filter: Filter | undefined;
}

/**
 * The rules of `settings`. What older servers did not store is off.
 *
 * @param present - The rules so far: a filter never changes and is taken over as it is.
 * @throws FilterSyntaxError where the filter was not checked before it was stored.
 */
export function rulesOf(settings: SubscriptionSettings, present?: SubscriptionRules): SubscriptionRules {
  const { isOrdered = false, isExactlyOnce = false, retryPolicy, deadLetterPolicy } = settings;
  return {
    isOrdered,
    isExactlyOnce,
    filter: present === undefined ? filterOf(settings.filter) : present.filter,
    backoff: retryPolicy === undefined ? undefined : backoffOf(retryPolicy),
    deliveryAttemptsMax: deadLetterPolicy?.maxDeliveryAttempts,
  };
}

/** Whether both mean the same to the core. */
export function areSameRules(one: SubscriptionRules, other: SubscriptionRules): boolean {
  return (
    one.isOrdered === other.isOrdered &&
    one.isExactlyOnce === other.isExactlyOnce &&
    one.filter === other.filter &&
    one.backoff?.minimumMs === other.backoff?.minimumMs &&
    one.backoff?.maximumMs === other.backoff?.maximumMs &&
    one.deliveryAttemptsMax === other.deliveryAttemptsMax
  );
}

function filterOf(text: string | undefined): Filter | undefined {
  if (text === undefined) return undefined;
  // Whether operators may be mixed was decided when it was set; one that mixes none reads the same.
  const filter = parseFilter(text, { allowsMixing: true });
  return filter.matchesAll ? undefined : filter;
}

function backoffOf(policy: NonNullable<SubscriptionSettings["retryPolicy"]>): DeliveryRules["backoff"] {
  const minimumMs = spanMs(policy.minimumBackoff);
  return { minimumMs, maximumMs: Math.max(spanMs(policy.maximumBackoff), minimumMs) };
}
