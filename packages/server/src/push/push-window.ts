/**
 * How many requests of one subscription may be outstanding (reference S-14.9). Pure.
 *
 *     success, window in use:  + 1              up to the knee: doubles with each round, while the endpoint keeps up
 *                              + 1 / window     beyond it, while 99 % succeed within a second on average
 *     unhealthy beyond the knee: - 1            with each answer, back to the knee
 *     failure:                 / 2              once for all requests that were out together
 */
import type { WindowPace } from "./push-pace.js";

/**
 * An endpoint keeps up while its answers take less than this, or not much longer than they once did. Beyond that more
 * requests only wait for each other, and some for longer than the ack deadline: a local endpoint that got thousands at
 * once took a quarter of the messages that it takes with this rule.
 */
const PROMPT_LATENCY_MS = 50;
const PROMPT_FACTOR = 4;
/** How fast the least latency forgets that answers were once quicker: while few are out, so that it is not our doing. */
const LEAST_DRIFT = 1 / 1_024;
const HEALTHY_SUCCESS_RATE = 0.99;
const HEALTHY_LATENCY_MS = 1_000;
/** Weight of one answer in the running means. */
const MEAN_WEIGHT = 1 / 128;

export class PushWindow {
  readonly #pace: WindowPace;
  #size: number;
  #lastTicket = 0;
  /** Failures of requests up to this one have been answered by halving the window. */
  #halvedUpTo = 0;
  #successRate = 1;
  #latencyMs = 0;
  /** Infinity: nothing has succeeded yet. */
  #leastLatencyMs = Number.POSITIVE_INFINITY;

  constructor(pace: WindowPace) {
    this.#pace = pace;
    this.#size = pace.start;
  }

  /** At least 1. */
  get size(): number {
    return Math.floor(this.#size);
  }

  /** A request begins. @returns Its ticket, for `failed`. */
  begin(): number {
    this.#lastTicket += 1;
    return this.#lastTicket;
  }

  /** @param outstanding - Requests that were out, this one included: a window that is not used has proven nothing. */
  succeeded(outstanding: number, latencyMs: number): void {
    this.#successRate += (1 - this.#successRate) * MEAN_WEIGHT;
    this.#noteLatency(outstanding, latencyMs);
    const { knee, max } = this.#pace;
    const isHealthy = this.#successRate >= HEALTHY_SUCCESS_RATE && this.#latencyMs < HEALTHY_LATENCY_MS;
    if (this.#size > knee && !isHealthy) {
      this.#size = Math.max(this.#size - 1, knee);
    } else if (outstanding * 2 >= this.size && this.#keepsUp) {
      const grown = this.#size < knee ? this.#size + 1 : this.#size + (isHealthy ? 1 / this.#size : 0);
      this.#size = Math.min(grown, max);
    }
  }

  #noteLatency(outstanding: number, latencyMs: number): void {
    if (this.#leastLatencyMs === Number.POSITIVE_INFINITY) {
      this.#latencyMs = latencyMs;
      this.#leastLatencyMs = latencyMs;
    }
    this.#latencyMs += (latencyMs - this.#latencyMs) * MEAN_WEIGHT;
    if (outstanding <= this.#pace.start) {
      this.#leastLatencyMs += (latencyMs - this.#leastLatencyMs) * LEAST_DRIFT;
    }
    this.#leastLatencyMs = Math.min(this.#leastLatencyMs, latencyMs);
  }

  get #keepsUp(): boolean {
    return this.#latencyMs < Math.max(PROMPT_LATENCY_MS, PROMPT_FACTOR * this.#leastLatencyMs);
  }

  failed(ticket: number): void {
    this.#successRate -= this.#successRate * MEAN_WEIGHT;
    if (ticket <= this.#halvedUpTo) return;
    this.#halvedUpTo = this.#lastTicket;
    this.#size = Math.max(this.#size / 2, 1);
  }
}
