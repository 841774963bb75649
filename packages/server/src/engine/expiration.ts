import type { Activity } from "./activity.js";
import type { Clock } from "./clock.js";
import type { CommitLine } from "./commit-line.js";
import type { EngineLog } from "./engine-log.js";
import type { ServerAge } from "./server-age.js";
import { spanMs } from "./span.js";
import type { SubscriptionHost } from "./subscription-host.js";
import type { SubscriptionRegistry } from "./subscription-registry.js";
import { Wake, type WakeQueue } from "./wake-queue.js";

export interface ExpirationParts {
  readonly subscriptions: SubscriptionRegistry;
  readonly age: ServerAge;
  readonly commits: CommitLine;
  readonly clock: Clock;
  readonly wakes: WakeQueue;
  readonly activity: Activity;
  readonly log: EngineLog;
}

const SWEEP_MS = 600_000;
const HOUR_MS = 3_600_000;

/** Deletes subscriptions that nobody used for as long as their policy allows, and writes the server's age hourly. */
export class Expiration {
  readonly #parts: ExpirationParts;
  readonly #wake = new Wake(() => this.#begin());
  #ageWrittenAtMs: number;

  constructor(parts: ExpirationParts) {
    this.#parts = parts;
    this.#ageWrittenAtMs = parts.age.nowMs();
  }

  start(): void {
    this.#parts.wakes.set(this.#wake, this.#parts.clock.monotonicMs() + SWEEP_MS);
  }

  #begin(): void {
    this.start();
    if (this.#parts.commits.failure !== undefined) return;
    const sweep = this.#sweep().catch((error: unknown) => {
      this.#parts.log.warn({ err: error }, "unused subscriptions could not be deleted");
    });
    void this.#parts.activity.track(sweep);
  }

  async #sweep(): Promise<void> {
    const { age, subscriptions, log } = this.#parts;
    const expired: SubscriptionHost[] = [];
    for (const host of subscriptions.items) {
      if (isUsed(host)) host.touch();
      else if (this.#isExpired(host)) expired.push(host);
    }
    for (const host of expired) {
      log.info({ subscription: host.name }, "the subscription was not used for as long as its policy allows: deleted");
      await subscriptions.delete(host.name, (present) => present === host && this.#isExpired(host));
    }
    if (age.nowMs() - this.#ageWrittenAtMs >= HOUR_MS) {
      this.#ageWrittenAtMs = age.nowMs();
      await age.write(this.#parts.commits);
    }
  }

  #isExpired(host: SubscriptionHost): boolean {
    const ttl = host.record.settings.expirationTtl;
    return ttl !== undefined && !isUsed(host) && this.#parts.age.nowMs() - host.activity.atMs >= spanMs(ttl);
  }
}

/** Somebody pulls. A pusher is always there: only what it gets through is a use (S-17.1). */
function isUsed(host: SubscriptionHost): boolean {
  return host.pullerCount > 0 && host.record.settings.pushConfig === undefined;
}
