import type { Cursor } from "./cursor.js";
import type { LeaseTable } from "./lease-table.js";
import type { CoreLimits } from "./limits.js";
import type { PullerTable } from "./puller-table.js";
import type { ReadAhead } from "./read-ahead.js";

/** The state of one subscription, shared by those that decide on it. */
export interface SubscriptionParts {
  readonly cursor: Cursor;
  readonly leases: LeaseTable;
  readonly pullers: PullerTable;
  readonly readAhead: ReadAhead;
  readonly limits: CoreLimits;
}
