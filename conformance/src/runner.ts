import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "./clock.js";
import { REAL_WAIT_SECONDS_MAX } from "./clock.js";
import type { ConformanceCase } from "./conformance-case.js";
import type { Connection } from "./connection.js";
import { Context } from "./context.js";
import type { Profile } from "./profile.js";
import { type Result, resultOfFailure } from "./result.js";
import type { StartCommand } from "./server-process.js";

/** Cases that run side by side. */
const CONCURRENCY = 8;
/** Cases with servers of their own that run side by side. */
const CONCURRENCY_OWN_SERVER = 2;
/** Cases that only wait may all wait together. */
const CONCURRENCY_WAITING = 32;
const TIMEOUT_MS = 90_000;

/** The server under judgement. */
export interface Target {
  readonly profile: Profile;
  /** Where the cases run side by side. */
  readonly connection: Connection;
  /** Where time passes: by a test clock, whose cases run one after another, or in earnest. */
  readonly clockConnection: Connection;
  readonly clock: Clock;
  /** Starts servers for the cases that stop and kill them; absent where we were given an endpoint. */
  readonly command: StartCommand | undefined;
  /** Whether what the cases made has to be deleted: the server outlives the run. */
  readonly outlivesRun: boolean;
}

/** Runs all cases that fit the profile; reports each as it ends. */
export async function runCases(
  cases: readonly ConformanceCase[],
  target: Target,
  report: (result: Result) => void,
): Promise<Result[]> {
  const fitting = cases.filter((subject) => subject.profile === undefined || subject.profile === target.profile);
  const results = new Map<ConformanceCase, Result>();
  const run = async (subject: ConformanceCase, connection: Connection): Promise<void> => {
    const result = skipReason(subject, target) ?? (await runCase(subject, connection, target));
    results.set(subject, result);
    report(result);
  };
  const clocked = fitting.filter((subject) => subject.clockSeconds !== undefined);
  const own = fitting.filter((subject) => subject.ownsServer === true);
  const client = fitting.filter((subject) => subject.client !== undefined);
  const plain = fitting.filter((subject) => ![clocked, own, client].some((others) => others.includes(subject)));
  await eachOf(plain, CONCURRENCY, (subject) => run(subject, target.connection));
  const atOnce = target.clock.isMovable ? 1 : CONCURRENCY_WAITING;
  // These have servers of their own, and mostly wait.
  await Promise.all([
    eachOf(clocked, atOnce, (subject) => run(subject, target.clockConnection)),
    eachOf(own, CONCURRENCY_OWN_SERVER, (subject) => run(subject, target.connection)),
  ]);
  await eachOf(client, 1, (subject) => run(subject, target.connection));
  // In the order of the cases, whichever ended first.
  return fitting.flatMap((subject) => results.get(subject) ?? []);
}

function skipReason(subject: ConformanceCase, target: Target): Result | undefined {
  const skip = (reason: string): Result => ({
    id: subject.id,
    title: subject.title,
    outcome: "skipped",
    reason,
    tookMs: 0,
  });
  if (subject.ownsServer === true && target.command === undefined) {
    return skip("stops and kills its server, which this run did not start");
  }
  const seconds = subject.clockSeconds ?? 0;
  if (seconds > REAL_WAIT_SECONDS_MAX && !target.clock.isMovable) {
    return skip(`needs ${seconds} s to pass, and the endpoint has no test clock`);
  }
  return undefined;
}

async function runCase(subject: ConformanceCase, connection: Connection, target: Target): Promise<Result> {
  const context = new Context({ connection, profile: target.profile, clock: target.clock, command: target.command });
  const startedAtMs = Date.now();
  let result: Result;
  const timeout = new AbortController();
  try {
    await Promise.race([subject.run(context), failAfter(subject.timeoutMs ?? TIMEOUT_MS, timeout.signal)]);
    result = { id: subject.id, title: subject.title, outcome: "passed", tookMs: Date.now() - startedAtMs };
  } catch (error) {
    result = resultOfFailure(subject, error, Date.now() - startedAtMs);
  } finally {
    timeout.abort();
  }
  try {
    await context.close(target.outlivesRun && subject.ownsServer !== true);
  } catch (error) {
    // What a case leaves behind does not change what it found out; it is said all the same.
    console.error(`${subject.id}: could not clean up: ${error instanceof Error ? error.message : String(error)}`);
  }
  return result;
}

async function failAfter(timeoutMs: number, signal: AbortSignal): Promise<never> {
  // An aborted timer rejects after the race is over, and nobody hears it.
  await sleep(timeoutMs, undefined, { signal, ref: true });
  throw new Error(`not done after ${timeoutMs} ms`);
}

async function eachOf<T>(items: readonly T[], concurrency: number, action: (item: T) => Promise<void>): Promise<void> {
  const waiting = items.values();
  const worker = async (): Promise<void> => {
    for (const item of waiting) await action(item);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}
