import { backoffMs } from "./backoff.js";
import type { DeliveryRules } from "./delivery-rules.js";
import { countsFailures, type SubscriptionParts } from "./subscription-parts.js";

/** Without a retry policy a message that could not be forwarded waits this long, doubled with each further failure. */
const FORWARD_RETRY = { minimumMs: 1_000, maximumMs: 60_000 };

/** What a policy makes of a failed delivery: a delay, or the way to the dead-letter topic. Knows S-4, S-10 and S-18. */
export class FailedDeliveries {
  readonly #parts: SubscriptionParts;
  /** To be forwarded: told with the effects of this step. */
  #dying: number[] = [];

  constructor(parts: SubscriptionParts) {
    this.#parts = parts;
  }

  /** Whether somebody is to be told to forward messages. */
  get hasDying(): boolean {
    return this.#dying.length > 0;
  }

  /** Counts a failure of a message that is out, where a policy asks for it. @returns Whether one does. */
  count(slot: number): boolean {
    const { leases, rules, unrecorded } = this.#parts;
    if (!countsFailures(rules)) return false;
    leases.countFailure(slot);
    unrecorded.failed.add(leases.sequence(slot), leases.sequence(slot));
    return true;
  }

  /** Says what a message whose lease has ended waits for. It waits in turn, or set aside by its key. */
  settle(slot: number, nowMs: number, random: () => number): void {
    const { leases, rules } = this.#parts;
    const failures = leases.failures(slot);
    if (this.#isSpent(failures)) this.#die(slot);
    else if (rules.backoff !== undefined) this.#delay(slot, backoffMs(rules.backoff, failures, random()), nowMs);
  }

  /** A message whose failures were remembered over a restart, and that is not out, goes its way at once. */
  remember(slot: number): void {
    if (this.#isSpent(this.#parts.leases.failures(slot))) this.#die(slot);
  }

  /** Those of `sequences` that are still on their way. */
  stillDying(sequences: readonly number[]): number[] {
    const { leases } = this.#parts;
    return sequences.filter((sequence) => {
      const slot = leases.find(sequence);
      return slot !== -1 && leases.isDying(slot);
    });
  }

  /** They could not be forwarded: they are delivered again, and the next failure tries anew (S-18.4). */
  revive(sequences: readonly number[], nowMs: number, random: () => number): void {
    const { leases, rules, unrecorded } = this.#parts;
    for (const sequence of this.stillDying(sequences)) {
      const slot = leases.find(sequence);
      const failures = leases.failures(slot);
      const spent = failures - (rules.deliveryAttemptsMax ?? failures) + 1;
      const own = backoffMs(rules.backoff, failures, random());
      this.#delay(slot, Math.max(own, backoffMs(FORWARD_RETRY, Math.max(spent, 1), random())), nowMs);
      unrecorded.failed.add(sequence, sequence);
    }
  }

  /** Takes what is to be forwarded: rising sequences, and the failures of each. */
  takeDying(): { readonly sequences: readonly number[]; readonly failures: readonly number[] } {
    const { leases } = this.#parts;
    const sequences = this.stillDying(this.#dying).sort((left, right) => left - right);
    this.#dying = [];
    return { sequences, failures: sequences.map((sequence) => leases.failures(leases.find(sequence))) };
  }

  /**
   * The policies have changed. Attempts count from when their policy is set (S-4.3), and what has attempts left, or no policy
   * any more, is delivered again (S-18.8).
   */
  changeRules(before: DeliveryRules): void {
    const { leases, rules, unrecorded } = this.#parts;
    const isSetAnew = before.deliveryAttemptsMax === undefined && rules.deliveryAttemptsMax !== undefined;
    leases.forEachFailed((slot) => {
      if (isSetAnew) {
        leases.forgetFailures(slot);
        unrecorded.failed.add(leases.sequence(slot), leases.sequence(slot));
      }
      if (leases.isDying(slot) && !this.#isSpent(leases.failures(slot))) this.#wait(slot);
    });
  }

  clear(): void {
    this.#dying = [];
  }

  #isSpent(failures: number): boolean {
    const { deliveryAttemptsMax } = this.#parts.rules;
    return deliveryAttemptsMax !== undefined && failures >= deliveryAttemptsMax;
  }

  #die(slot: number): void {
    const { keys, leases } = this.#parts;
    leases.die(slot);
    if (keys.has(slot)) keys.setBlocked(slot, true);
    this.#dying.push(leases.sequence(slot));
  }

  #delay(slot: number, delayMs: number, nowMs: number): void {
    const { keys, leases } = this.#parts;
    if (delayMs <= 0) {
      this.#wait(slot);
      return;
    }
    leases.delay(slot, Math.ceil(delayMs), Math.ceil(nowMs + delayMs));
    if (keys.has(slot)) keys.setBlocked(slot, true);
  }

  #wait(slot: number): void {
    const { keys, leases } = this.#parts;
    if (!leases.isSized(slot)) {
      leases.restUnsized(slot);
      return;
    }
    const isKeyed = keys.has(slot);
    leases.wait(slot, isKeyed);
    if (isKeyed) keys.setBlocked(slot, false);
  }
}
