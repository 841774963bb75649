import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { openEmbeddedStorage } from "@peal/store";
import type { SeededRandom } from "../seeded-random.js";
import { DiskImage } from "./disk-image.js";
import { digest, type History, type KeptIndex, SEGMENT_BYTES } from "./history.js";

const INDEXES = ["latest", "older", "cut", "garbage", "none"] as const;

/** What came of one cut. */
export interface CutResult {
  readonly operations: number;
  readonly index: (typeof INDEXES)[number];
  /** Commits confirmed when the power went, and commits found. */
  readonly confirmed: number;
  readonly found: number;
}

/**
 * Takes the power away at a random instant of a history, rebuilds what the disk could hold, opens it, and compares with
 * what was confirmed: the state must be that after all confirmed commits and some of those under way, in order.
 */
export async function cutPower(history: History, directory: string, random: SeededRandom): Promise<CutResult> {
  const operations = 1 + random.integer(0, history.disk.operations.length - 1);
  const index = random.pick(INDEXES)!;
  const confirmed = history.confirmedAt.filter((at) => at <= operations).length;
  const where = `cut after ${operations} of ${history.disk.operations.length} operations, index: ${index}`;
  await new DiskImage(history.disk.operations, operations, random).write(history.directory, directory);
  await placeIndex(
    history.indexes.filter((kept) => kept.operations <= operations),
    index,
    directory,
    random,
  );
  try {
    const found = await findState(history, directory, confirmed);
    // Once more: what the first opening repaired must be good for the next one.
    const again = await findState(history, directory, found);
    if (again !== found) throw new Error(`the second opening found ${again} commits, the first ${found}`);
    return { operations, index, confirmed, found };
  } catch (error) {
    throw new Error(`${where}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

async function findState(history: History, directory: string, atLeast: number): Promise<number> {
  const storage = await openEmbeddedStorage({ directory, segmentBytes: SEGMENT_BYTES, reserveBytes: 0 });
  try {
    const state = await digest(storage, history.logs);
    // A commit may change nothing that can be seen: of equal states the last one counts.
    const found = history.digests.lastIndexOf(state);
    if (found === -1) throw new Error(`the state is none that ever was; ${atLeast} commits were confirmed`);
    if (found < atLeast) throw new Error(`${found} commits are there; ${atLeast} were confirmed`);
    await assertGoesOn(storage);
    return found;
  } finally {
    await storage.close();
  }
}

/** What was recovered takes commits: a key that no history has, put and deleted, leaves the state as it was. */
async function assertGoesOn(storage: Awaited<ReturnType<typeof openEmbeddedStorage>>): Promise<void> {
  const log = { kind: "topic", id: `after-${storage.startNumber}`, part: 0 } as const;
  await storage.commit([{ kind: "append", log, data: Buffer.from("on"), count: 1, timeMs: 1 }]);
  await storage.commit([{ kind: "drop", log }]);
  await storage.checkpoint();
}

async function placeIndex(
  kept: readonly KeptIndex[],
  index: CutResult["index"],
  directory: string,
  random: SeededRandom,
): Promise<void> {
  const path = join(directory, "index", "index.mdb");
  await rm(dirname(path), { recursive: true, force: true });
  await mkdir(dirname(path), { recursive: true });
  const source = index === "older" && kept.length > 0 ? random.pick(kept) : kept.at(-1);
  if (index === "none") return;
  if (index === "garbage") {
    const bytes = Buffer.alloc(random.integer(0, 59_999));
    for (let at = 0; at < bytes.byteLength; at += 1) bytes[at] = random.integer(0, 255);
    await writeFile(path, bytes);
    return;
  }
  if (source === undefined) return;
  if (index === "cut") {
    const bytes = await readFile(source.path);
    await writeFile(path, bytes.subarray(0, random.integer(0, bytes.byteLength - 1)));
  } else await copyFile(source.path, path);
}
