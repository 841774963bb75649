import { execFile } from "node:child_process";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { IndexFingerprint } from "./data-directory.js";
import { IndexStore } from "./index-store.js";

const FILE_NAME = "index.mdb";
const BUILDING_NAME = "building.mdb";
/** A walk over the largest index takes seconds. */
const PROBE_TIMEOUT_MS = 120_000;

/**
 * The file of the index and how it comes to be there: built under another name, flushed, closed and synced, then renamed,
 * so that what has the name is whole. The library maps the file, and a damaged one can end the process; one that may be
 * damaged is therefore walked through by a child process first.
 */
export class IndexFile {
  readonly #directory: string;

  constructor(dataDirectory: string) {
    this.#directory = join(dataDirectory, "index");
  }

  get path(): string {
    return join(this.#directory, FILE_NAME);
  }

  /** Opens the file, or says why it cannot be used. `closed` is how the last clean end left it. */
  async open(closed: IndexFingerprint | undefined): Promise<IndexStore | { readonly problem: string }> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const now = await this.fingerprint();
    if (now === undefined) return { problem: "it is missing" };
    // The library's own lock file matters between processes only, and the directory's lock lets in one.
    await rm(`${this.path}-lock`, { force: true });
    const isAsLeft = closed?.sizeBytes === now.sizeBytes && closed.modifiedAtMs === now.modifiedAtMs;
    if (!isAsLeft) {
      const problem = await probe(this.path);
      if (problem !== undefined) return { problem };
      await rm(`${this.path}-lock`, { force: true });
    }
    try {
      return new IndexStore(this.path);
    } catch (error) {
      return { problem: String(error) };
    }
  }

  /** Begins a new file under another name. */
  async create(): Promise<IndexStore> {
    for (const name of [BUILDING_NAME, `${BUILDING_NAME}-lock`]) await rm(join(this.#directory, name), { force: true });
    return new IndexStore(join(this.#directory, BUILDING_NAME));
  }

  /** Puts the closed new file in the place of the old one and opens it. */
  async install(): Promise<IndexStore> {
    const building = join(this.#directory, BUILDING_NAME);
    await sync(building);
    await rename(building, this.path);
    for (const name of [`${BUILDING_NAME}-lock`, `${FILE_NAME}-lock`])
      await rm(join(this.#directory, name), { force: true });
    await sync(this.#directory);
    return new IndexStore(this.path);
  }

  async fingerprint(): Promise<IndexFingerprint | undefined> {
    try {
      const { size, mtimeMs } = await stat(this.path);
      return { sizeBytes: size, modifiedAtMs: mtimeMs };
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    }
  }
}

async function sync(path: string): Promise<void> {
  if (process.platform === "win32" && !path.endsWith(".mdb")) return;
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function probe(path: string): Promise<string | undefined> {
  const script = fileURLToPath(new URL("./index-probe.js", import.meta.url));
  return new Promise((resolve) => {
    const options = { timeout: PROBE_TIMEOUT_MS, env: {}, windowsHide: true };
    execFile(process.execPath, [script, path], options, (error, _stdout, stderr) => {
      if (error === null) return resolve(undefined);
      const how = error.signal ?? `exit code ${error.code}`;
      resolve(`reading it through ended with ${how}${stderr === "" ? "" : `: ${stderr.trim().split("\n").at(-1)}`}`);
    });
  });
}
