import type { Storage } from "@peal/store";
import type { Clock } from "./clock.js";
import type { EngineLimits } from "./engine-limits.js";
import type { EngineLog } from "./engine-log.js";

export interface EngineOptions {
  /** Opened and closed by the caller; the engine is its only user. */
  readonly storage: Storage;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** The store's identity: another one for a restored copy. */
  readonly identity: string;
  /** How many times a server was started on this store, from 1. */
  readonly startNumber: number;
  readonly limits?: Partial<EngineLimits>;
  readonly log?: EngineLog;
  /** Draws the 16 secret bytes of a new store; the machine's own source unless given. */
  readonly drawKey?: () => Uint8Array;
  /** The store failed in a way that only a restart can clear up. The engine answers UNAVAILABLE from then on. */
  readonly onFatal: (error: Error) => void;
}
