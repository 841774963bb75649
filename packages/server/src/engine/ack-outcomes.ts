import type { AckFailureReason, DeliveryRules, Event } from "@peal/core";

/** Acks or new lease lengths, before they have a number. */
export type Settling = Omit<Event & { kind: "acked" }, "request"> | Omit<Event & { kind: "modified" }, "request">;

/** Whether its answer promises that it holds after a kill: an ack, or nacks where a policy counts failures. */
export function isPromise(settling: Settling, { backoff, deliveryAttemptsMax }: DeliveryRules): boolean {
  if (settling.kind === "acked") return true;
  return (backoff !== undefined || deliveryAttemptsMax !== undefined) && settling.leaseMs.includes(0);
}

/** Which ids of a request failed: indexes into its arrays, rising, and why. */
export interface AckOutcome {
  readonly indexes: readonly number[];
  readonly reasons: readonly AckFailureReason[];
}

/** Brings the core's outcomes to the requests they belong to. Only exactly-once has some. */
export class AckOutcomes {
  #lastRequest = 0;
  readonly #outcomes = new Map<number, AckOutcome>();

  /** A number for a request, never used again for this subscription. */
  draw(): number {
    this.#lastRequest += 1;
    return this.#lastRequest;
  }

  put(request: number, outcome: AckOutcome): void {
    this.#outcomes.set(request, outcome);
  }

  /** Undefined: the core told none. */
  take(request: number): AckOutcome | undefined {
    const outcome = this.#outcomes.get(request);
    if (outcome !== undefined) this.#outcomes.delete(request);
    return outcome;
  }
}
