/**
 * How long a subscription pauses after a failed push (reference S-14.10). Pure.
 *
 * The pause is exponential in the share of failures among the last requests: from the least where failures are rare to
 * the longest where nothing succeeds. In the service profile one failure of five is a pause of about half a second, and
 * an endpoint that is down gets to a minute.
 */
import type { BackoffPace } from "./push-pace.js";

/** How many requests the share looks back on, besides as many as were outstanding. */
const MEMORY_REQUESTS = 8;

export class PushBackoff {
  readonly #pace: BackoffPace;
  #failureShare = 0;

  constructor(pace: BackoffPace) {
    this.#pace = pace;
  }

  /** @param outstanding - Requests that were out, this one included: what was sent together counts as one experience. */
  succeeded(outstanding: number): void {
    this.#failureShare -= this.#failureShare / (MEMORY_REQUESTS + outstanding);
  }

  /** @returns How long to pause from now on, in whole ms. */
  failed(outstanding: number): number {
    this.#failureShare += (1 - this.#failureShare) / (MEMORY_REQUESTS + outstanding);
    const { minMs, maxMs } = this.#pace;
    return Math.round(minMs * (maxMs / minMs) ** this.#failureShare);
  }
}
