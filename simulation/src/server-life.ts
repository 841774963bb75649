import { DEFAULT_LIMITS } from "@peal/core";
import { type Clock, Engine, type EngineOptions } from "@peal/server/engine";
import type { Storage } from "@peal/store";
import { type FaultRates, FaultyStorage } from "./faulty-storage.js";
import type { SeededRandom } from "./seeded-random.js";
import type { VirtualClock } from "./virtual-clock.js";

export interface LifeParts {
  /** What outlives servers. */
  readonly store: Storage;
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly rates: FaultRates;
  readonly startNumber: number;
}

/** Most messages that may be out on one subscription. */
export const LEASES_MAX = 200;

/** A small machine, so that every limit is met. */
const SMALL_LIMITS: NonNullable<EngineOptions["limits"]> = {
  blockBytes: 2_000,
  blockMessages: 20,
  tailCacheBytes: 3_000,
  checkpointBytes: 200,
  idleMs: 2_000,
  core: {
    ...DEFAULT_LIMITS,
    holesMax: 60,
    leasesMax: LEASES_MAX,
    stepMessagesMax: 25,
    loadBytes: 2_000,
    readAheadBytesMax: 3_000,
    readAheadMessagesMax: 60,
  },
};

/** One server from its start to its end: an engine, its view of the store, its timers. */
export class ServerLife {
  readonly storage: FaultyStorage;
  readonly clock: Clock & { end(): void };
  readonly #random: SeededRandom;
  readonly #startNumber: number;
  engine: Engine | undefined;
  /** Why the engine has stopped and asked for a restart. */
  fatal: Error | undefined;
  isOver = false;

  constructor(parts: LifeParts) {
    this.storage = new FaultyStorage(parts.store, parts.clock, parts.random, parts.rates);
    this.clock = parts.clock.forLife();
    this.#random = parts.random;
    this.#startNumber = parts.startNumber;
  }

  async open(): Promise<void> {
    this.engine = await Engine.open({
      storage: this.storage,
      clock: this.clock,
      random: () => this.#random.next(),
      identity: "simulation",
      startNumber: this.#startNumber,
      limits: SMALL_LIMITS,
      drawKey: () => new Uint8Array(16).fill(7),
      onFatal: (error) => {
        this.fatal ??= error;
      },
    });
  }

  /** Ends it at once, as a kill does; after a clean stop nothing is left to lose. */
  end(): void {
    this.isOver = true;
    this.storage.kill();
    this.clock.end();
  }
}
