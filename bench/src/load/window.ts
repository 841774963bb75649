import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { Subject } from "../subject.js";

export interface Timing {
  readonly warmUpMs: number;
  readonly windowMs: number;
}

export interface WindowResult {
  readonly perSecond: number;
  /** Processor time of the subject, in µs for each unit of work. */
  readonly cpuMicrosEach: number;
  /** What share of its core the generator was busy. */
  readonly generatorBusy: number;
  readonly units: number;
}

const POLL_MS = 20;

/** Counts the work done in a window after a warm-up; the window ends early when the work does. */
export async function measureWindow(
  subject: Subject,
  timing: Timing,
  progress: () => number,
  unitsMax = Number.POSITIVE_INFINITY,
): Promise<WindowResult> {
  await sleep(timing.warmUpMs);
  const startUnits = progress();
  const startMs = performance.now();
  const startCpu = subject.cpuSeconds();
  const startUse = process.cpuUsage();
  while (performance.now() - startMs < timing.windowMs && progress() < unitsMax) await sleep(POLL_MS);
  const units = progress() - startUnits;
  const elapsedMs = performance.now() - startMs;
  const use = process.cpuUsage(startUse);
  return {
    perSecond: (units * 1000) / elapsedMs,
    cpuMicrosEach: ((subject.cpuSeconds() - startCpu) * 1e6) / Math.max(1, units),
    generatorBusy: (use.user + use.system) / 1000 / elapsedMs,
    units,
  };
}
