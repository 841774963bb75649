import type { AckedMemory } from "./acked-memory.js";
import type { Cursor } from "./cursor.js";
import type { DeliveryRules } from "./delivery-rules.js";
import type { Generation } from "./events.js";
import type { KeyTable } from "./key-table.js";
import type { LeaseTable } from "./lease-table.js";
import type { CoreLimits } from "./limits.js";
import type { PullerTable } from "./puller-table.js";
import type { ReadAhead } from "./read-ahead.js";
import type { Unrecorded } from "./unrecorded.js";

/** The state of one subscription, shared by those that decide on it. */
export interface SubscriptionParts {
  /** Replaced by a seek. */
  cursor: Cursor;
  rules: DeliveryRules;
  /** Ids of a generation at or below settle nothing: a seek came after them. */
  voidGeneration: Generation;
  readonly leases: LeaseTable;
  /** Empty where order does not matter. */
  readonly keys: KeyTable;
  readonly pullers: PullerTable;
  readonly readAhead: ReadAhead;
  readonly unrecorded: Unrecorded;
  /** Of exactly-once subscriptions. */
  readonly ackedMemory: AckedMemory;
  readonly limits: CoreLimits;
}

/** Whether failed deliveries are counted at all. */
export function countsFailures(rules: DeliveryRules): boolean {
  return rules.backoff !== undefined || rules.deliveryAttemptsMax !== undefined;
}
