import { mkdtemp, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Row } from "./report.js";

/** What every question gets: how thorough to be, where to put data, where to report. */
export interface BenchContext {
  /** Only checks that everything runs; its figures mean nothing. */
  readonly isQuick: boolean;
  readonly rounds: number;
  readonly warmUpMs: number;
  readonly windowMs: number;
  /** Another build of peal to be measured beside this one. */
  readonly beside: string | undefined;
  report(row: Row): void;
  log(text: string): void;
}

/** Runs `action` with a folder that is removed afterwards. */
export async function withFolder<T>(action: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(process.env["BENCH_FOLDER"] ?? tmpdir(), "peal-bench-"));
  try {
    return await action(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Bytes free where the folders are made. */
export async function freeBytes(): Promise<number> {
  const { bavail, bsize } = await statfs(process.env["BENCH_FOLDER"] ?? tmpdir());
  return bavail * bsize;
}
