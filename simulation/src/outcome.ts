/** Which answers a client of a faulty server must expect. */
import { PubSubError } from "@peal/core";
import { Violation } from "./violation.js";
import type { World } from "./world.js";

/** Notes an answer that may come; any other is a violation. */
export function tolerate(world: World, error: Error, what: string): void {
  if (!isExpected(error)) throw new Violation(`${what} failed`, { cause: error });
  world.note(`${what} failed: ${error.message}`);
}

export function isExpected(error: unknown): boolean {
  const codes = ["NOT_FOUND", "FAILED_PRECONDITION", "RESOURCE_EXHAUSTED", "ALREADY_EXISTS", "UNAVAILABLE"];
  return error instanceof PubSubError && codes.includes(error.code);
}

/** What happened is not known. */
export function isUnavailable(error: Error): boolean {
  return error instanceof PubSubError && error.code === "UNAVAILABLE";
}
