/** What came of the pushes of one subscription since the server's start: for metrics and for whoever wonders why nothing arrives. */
import { Histogram } from "../engine/histogram.js";
import type { PostOutcome } from "./post-request.js";
import { PUSH_LIMITS } from "./push-limits.js";

/** In microseconds, as Cloud Monitoring has it: from an endpoint on the same machine to the longest deadline. */
const LATENCY_BOUNDS = [1_000, 5_000, 10_000, 50_000, 100_000, 500_000, 1e6, 5e6, 10e6, 60e6, 600e6];
/** Stands for all outcomes beyond the first that are counted apart. */
export const OTHER_OUTCOMES = "other";

/** How the last push ended. */
export interface LastPush {
  readonly outcome: PostOutcome;
  /** Wall clock, ms since 1970. */
  readonly atMs: number;
  readonly latencyMs: number;
}

/** A subscription as a reader sees its pushes. Counters count since the server's start. */
export interface PushState {
  /** Full name. */
  readonly subscription: string;
  readonly endpoint: string;
  readonly outstanding: number;
  /** Most that may be outstanding now. */
  readonly window: number;
  /** How long nothing new is pushed from now on, in ms, because of failures; 0: pushes go on. */
  readonly pauseMs: number;
  readonly log: PushLog;
}

export class PushLog {
  acked = 0;
  nacked = 0;
  /** Undefined: nothing was pushed. */
  last: LastPush | undefined;
  /** The last push that failed. */
  lastFailure: LastPush | undefined;
  /** In microseconds. */
  readonly latencies = new Histogram(LATENCY_BOUNDS);
  readonly #outcomes = new Map<string, number>();

  add(push: LastPush, isAcked: boolean): void {
    this.last = push;
    if (isAcked) this.acked += 1;
    else {
      this.nacked += 1;
      this.lastFailure = push;
    }
    this.latencies.add(Math.round(push.latencyMs * 1_000));
    const { outcome } = push;
    const name = outcome.kind === "answered" ? String(outcome.status) : outcome.error;
    const isKnown = this.#outcomes.has(name) || this.#outcomes.size < PUSH_LIMITS.countedOutcomes;
    const counted = isKnown ? name : OTHER_OUTCOMES;
    this.#outcomes.set(counted, (this.#outcomes.get(counted) ?? 0) + 1);
  }

  /** How many pushes ended with each status or error; the rarer ones together as "other". */
  get outcomes(): ReadonlyMap<string, number> {
    return this.#outcomes;
  }
}
