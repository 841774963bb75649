import type { Clock } from "../engine/clock.js";
import type { PubSubEngine } from "../engine/engine-contract.js";
import type { CallObserver } from "./call-observer.js";
import type { ProfileRules } from "./profile.js";

/** What every method is given. */
export interface ApiContext {
  readonly engine: PubSubEngine;
  readonly rules: ProfileRules;
  readonly clock: Clock;
  /** In [0, 1); for names that the caller left to the server. */
  readonly random: () => number;
  readonly observer: CallObserver;
  /** How long a streaming pull lives before it is ended with UNAVAILABLE, so that clients move on; Infinity: for ever. */
  readonly streamMaxAgeMs: number;
}
