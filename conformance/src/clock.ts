import { setTimeout as sleep } from "node:timers/promises";
import type { Rest } from "./rest.js";
import { Skipped } from "./skipped.js";

/** Longest time that a case waits for in earnest, in seconds. */
export const REAL_WAIT_SECONDS_MAX = 60;

/** Lets the time of a server pass. */
export interface Clock {
  readonly isMovable: boolean;
  /** Returns when `seconds` have passed at the server and what fell due has been done. */
  advance(seconds: number): Promise<void>;
}

/** Finds out whether the endpoint has a test clock that may be moved; without one, time passes by waiting. */
export async function probeClock(rest: Rest): Promise<Clock> {
  const isMovable = (await move(rest, "1ms")) === 200;
  return {
    isMovable,
    advance: async (seconds) => {
      if (!isMovable) return waitInEarnest(seconds);
      const status = await move(rest, `${seconds}s`);
      if (status !== 200) throw new Error(`the test clock answered HTTP ${status} to an advance by ${seconds} s`);
    },
  };
}

async function move(rest: Rest, by: string): Promise<number> {
  return (await rest.send("POST", "/_/clock:advance", { by })).status;
}

async function waitInEarnest(seconds: number): Promise<void> {
  if (seconds > REAL_WAIT_SECONDS_MAX) {
    throw new Skipped(`needs ${seconds} s to pass, and the endpoint has no test clock`);
  }
  await sleep(seconds * 1000);
}
