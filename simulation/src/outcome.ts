/** Which answers a client of a faulty server must expect. */
import { PubSubError } from "@peal/core";
import { Violation } from "./violation.js";
import type { World } from "./world.js";

/** Notes an answer that may come; any other is a violation. */
export function tolerate(world: World, error: Error, what: string): void {
  if (!isExpected(world, error)) throw new Violation(`${what} failed`, { cause: error });
  world.note(`${what} failed: ${error.message}`);
}

export function isExpected(world: World, error: unknown): boolean {
  const codes = ["NOT_FOUND", "FAILED_PRECONDITION", "RESOURCE_EXHAUSTED", "ALREADY_EXISTS", "UNAVAILABLE"];
  if (!(error instanceof PubSubError)) return false;
  return codes.includes(error.code) || (error.code === "INTERNAL" && world.rates.failedRead > 0);
}

/** What happened is not known. */
export function isUnavailable(error: Error): boolean {
  return error instanceof PubSubError && error.code === "UNAVAILABLE";
}
