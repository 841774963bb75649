/** Pushes the messages of every subscription that has a push config: one `Pusher` for each, as the engine tells of them. */
import type { Profile } from "@peal/wire/hot";
import type { Clock } from "../engine/clock.js";
import type { EngineLog } from "../engine/engine-log.js";
import type { PushConfig } from "../engine/settings.js";
import type { HttpPoster } from "./http-poster.js";
import { PushBudget } from "./push-budget.js";
import type { PushEngine } from "./push-engine.js";
import { PUSH_LIMITS } from "./push-limits.js";
import type { PushState } from "./push-log.js";
import { paceOf } from "./push-pace.js";
import { PushTokens } from "./push-tokens.js";
import { Pusher, type PusherParts } from "./pusher.js";
import type { SigningKeys } from "./signing-keys.js";

export interface PushOptions {
  readonly engine: PushEngine;
  readonly clock: Clock;
  /** Closed with the service. */
  readonly poster: HttpPoster;
  readonly keys: SigningKeys;
  /** Becomes `iss` of the tokens. */
  readonly issuer: string;
  readonly profile: Profile;
  readonly log: EngineLog;
}

export interface PushService {
  /** Every subscription that pushes, or still has requests out. */
  pushStates(): Iterable<PushState>;
  /**
   * Pushes nothing new and waits for what is out, at most `limitMs`. What is still out then is cut off unsettled, and
   * is delivered again.
   */
  drain(limitMs: number): Promise<void>;
  /** Cuts everything off. */
  close(): void;
}

/** Begins with the subscriptions there are. */
export function startPush(options: PushOptions): PushService {
  return new Pushers(options);
}

class Pushers implements PushService {
  readonly #parts: PusherParts;
  readonly #poster: HttpPoster;
  readonly #pushers = new Map<string, Pusher>();
  /** Their subscriptions push no more, but requests are out. */
  readonly #ending = new Set<Pusher>();
  #isOpen = true;

  constructor({ engine, clock, poster, keys, issuer, profile, log }: PushOptions) {
    this.#poster = poster;
    this.#parts = {
      engine,
      clock,
      post: poster.post,
      tokens: new PushTokens(keys, issuer, clock),
      pace: paceOf(profile),
      budget: new PushBudget(PUSH_LIMITS),
      log,
    };
    engine.watchPushConfigs((subscription, config) => this.#note(subscription, config));
  }

  *pushStates(): Generator<PushState> {
    for (const pusher of this.#pushers.values()) yield pusher.state;
    for (const pusher of this.#ending) yield pusher.state;
  }

  async drain(limitMs: number): Promise<void> {
    this.#isOpen = false;
    const { clock } = this.#parts;
    const pushers = this.#all();
    for (const pusher of pushers) pusher.stop();
    await new Promise<void>((resolve) => {
      const timer = clock.setTimer(clock.monotonicMs() + limitMs, resolve);
      // `idle` never rejects.
      void Promise.all(pushers.map((pusher) => pusher.idle())).then(() => {
        timer.cancel();
        resolve();
      });
    });
    this.close();
  }

  close(): void {
    this.#isOpen = false;
    for (const pusher of this.#all()) pusher.abandon();
    this.#pushers.clear();
    this.#ending.clear();
    this.#poster.close();
  }

  #all(): readonly Pusher[] {
    return [...this.#pushers.values(), ...this.#ending];
  }

  #note(subscription: string, config: PushConfig | undefined): void {
    if (!this.#isOpen) return;
    const present = this.#pushers.get(subscription);
    if (config === undefined) {
      if (present !== undefined) this.#end(present);
    } else if (present?.isOpen) {
      present.configure(config);
    } else {
      if (present !== undefined) this.#end(present);
      this.#begin(subscription, config);
    }
  }

  #begin(subscription: string, config: PushConfig): void {
    const pusher = new Pusher(subscription, config, this.#parts);
    try {
      pusher.open();
      this.#pushers.set(subscription, pusher);
    } catch (error) {
      this.#parts.log.warn({ subscription, err: error }, "the subscription cannot be pushed");
    }
  }

  #end(pusher: Pusher): void {
    this.#pushers.delete(pusher.subscription);
    pusher.stop();
    this.#ending.add(pusher);
    void pusher.idle().then(() => this.#ending.delete(pusher));
  }
}
