/** What the harness knows of the files in a data directory. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";

/** Removes the index of a stopped server. It takes no promise away: the log makes it again. */
export async function removeIndex(data: string): Promise<void> {
  await rm(join(data, "index"), { recursive: true, force: true });
}

/** How many segments of the commit log were ever begun, and how many stand: the difference was collected. */
export async function countSegments(data: string): Promise<{ readonly begun: number; readonly standing: number }> {
  const names = (await readdir(join(data, "log"))).filter((name) => name.endsWith(".log"));
  const numbers = names.map((name) => Number.parseInt(name, 10));
  return { begun: Math.max(0, ...numbers), standing: numbers.length };
}
