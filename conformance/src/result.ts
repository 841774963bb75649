import { answerOf, shorten } from "./answer.js";
import type { ConformanceCase } from "./conformance-case.js";
import { Skipped } from "./skipped.js";
import { STATUS } from "./status.js";

export type Outcome = "passed" | "failed" | "not yet" | "skipped" | "in part";

/** How one case, or all cases of one id, ended. */
export interface Result {
  readonly id: string;
  readonly title: string;
  readonly outcome: Outcome;
  /** Why it did not pass; absent where it did. */
  readonly reason?: string;
  readonly tookMs: number;
}

/** Judges what a case threw. UNIMPLEMENTED is "not yet" only where the case says which feature it needs. */
export function resultOfFailure(subject: ConformanceCase, error: unknown, tookMs: number): Result {
  const { id, title } = subject;
  if (error instanceof Skipped) return { id, title, outcome: "skipped", reason: error.message, tookMs };
  const needs = subject.needs ?? [];
  if (needs.length > 0 && answerOf(error)?.code === STATUS.UNIMPLEMENTED.grpc) {
    return { id, title, outcome: "not yet", reason: `needs ${needs.join(", ")}`, tookMs };
  }
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { id, title, outcome: "failed", reason: shorten(reason.replace(/\s+/g, " "), 600), tookMs };
}

/** Joins the results of the cases that share an id: one failure fails it, and passing in part is not passing. */
export function joinResults(results: readonly Result[]): Result {
  const first = results[0];
  if (first === undefined) throw new RangeError("there is no result to join");
  const title = results.map((result) => result.title).join("; ");
  const tookMs = results.reduce((sum, result) => sum + result.tookMs, 0);
  const reasons = results
    .filter((result) => result.reason !== undefined)
    .map((result) => (results.length === 1 ? result.reason : `${result.title}: ${result.reason}`));
  const outcomes = new Set(results.map((result) => result.outcome));
  const outcome = outcomes.has("failed") ? "failed" : outcomes.size === 1 ? first.outcome : mixed(outcomes);
  return { id: first.id, title, outcome, tookMs, ...(reasons.length > 0 ? { reason: reasons.join("; ") } : {}) };
}

function mixed(outcomes: ReadonlySet<Outcome>): Outcome {
  return outcomes.has("passed") ? "in part" : "not yet";
}
