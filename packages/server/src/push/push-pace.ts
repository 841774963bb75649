/** How fast pushes go, and how hard a failing endpoint is spared: everything in which the profiles differ here. */
import type { Profile } from "@peal/wire/hot";

export interface PushPace {
  readonly window: WindowPace;
  readonly backoff: BackoffPace;
}

/** Reference S-14.9. */
export interface WindowPace {
  /** Requests that may be outstanding at first. */
  readonly start: number;
  /** Up to here the window doubles with each round of successes, beyond it grows by one. */
  readonly knee: number;
  readonly max: number;
}

/** Reference S-14.10. */
export interface BackoffPace {
  /** The pause as failures begin, and when nothing but failures comes. */
  readonly minMs: number;
  readonly maxMs: number;
}

const PACES: { readonly [profile in Profile]: PushPace } = {
  service: { window: { start: 5, knee: 3_000, max: 10_000 }, backoff: { minMs: 100, maxMs: 60_000 } },
  // The official emulator knows neither (EMU-29); without any, a failing endpoint would keep the server busy.
  emulator: { window: { start: 100, knee: 3_000, max: 10_000 }, backoff: { minMs: 10, maxMs: 1_000 } },
};

/** Returns the pace of one profile. */
export function paceOf(profile: Profile): PushPace {
  return PACES[profile];
}
