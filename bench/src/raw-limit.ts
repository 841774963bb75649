/** What the disk can do: a bare process that appends the same bytes and syncs after each write, and nothing else. */
import { close, fdatasync, open, write } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { promisify } from "node:util";

const openFile = promisify(open);
const writeBytes = promisify(write) as (fd: number, data: Uint8Array) => Promise<{ bytesWritten: number }>;
const syncData = promisify(fdatasync);
const closeFile = promisify(close);

export interface RawLimit {
  readonly bytesPerSecond: number;
  /** One latency per append + fdatasync, in ms. */
  readonly latenciesMs: readonly number[];
}

/** Appends `chunkBytes` at a time for `durationMs`; the file is removed afterwards. */
export async function measureRawLimit(folder: string, chunkBytes: number, durationMs: number): Promise<RawLimit> {
  const path = join(folder, "raw-limit.bin");
  const chunk = Buffer.alloc(chunkBytes, 7);
  const fd = await openFile(path, "w");
  const latenciesMs: number[] = [];
  const startMs = performance.now();
  let nowMs = startMs;
  while (nowMs - startMs < durationMs) {
    await writeBytes(fd, chunk);
    await syncData(fd);
    const endMs = performance.now();
    latenciesMs.push(endMs - nowMs);
    nowMs = endMs;
  }
  await closeFile(fd);
  await rm(path);
  return { bytesPerSecond: (latenciesMs.length * chunkBytes * 1000) / (nowMs - startMs), latenciesMs };
}
