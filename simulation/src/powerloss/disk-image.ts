import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { SeededRandom } from "../seeded-random.js";
import type { DiskOperation } from "./recorded-disk.js";

const BLOCK_BYTES = 4096;
const SECTOR_BYTES = 512;

type FileOperation = Extract<DiskOperation, { kind: "write" | "truncate" }>;
type NameOperation = Extract<DiskOperation, { kind: "create" | "rename" | "unlink" }>;

/** One file: what a sync has made safe, and what was done to it since. */
interface FileState {
  safe: Buffer;
  unsafe: FileOperation[];
}

/**
 * What a disk may hold after the power went away behind the first `count` operations: everything that was synced; of the
 * rest any part. Blocks of unsynced writes reach the disk in any order, each in any of its versions, and one that was
 * being written may be torn between sectors. Names of a directory that was not synced are there or not, in order.
 */
export class DiskImage {
  readonly #random: SeededRandom;
  readonly #files = new Map<number, FileState>();
  readonly #directories: string[] = [];
  #names = new Map<string, number>();
  #unsafeNames: NameOperation[] = [];

  constructor(operations: readonly DiskOperation[], count: number, random: SeededRandom) {
    this.#random = random;
    for (const operation of operations.slice(0, count)) this.#take(operation);
  }

  /** Writes the image below `to`, as it would be found; `from` is the directory that was recorded. */
  async write(from: string, to: string): Promise<void> {
    const names = this.#settleNames();
    for (const path of this.#directories) await mkdir(join(to, relative(from, path)), { recursive: true });
    for (const [path, file] of names) {
      const target = join(to, relative(from, path));
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, this.#settle(this.#files.get(file)!));
    }
  }

  #take(operation: DiskOperation): void {
    switch (operation.kind) {
      case "write":
      case "truncate":
        this.#files.get(operation.file)!.unsafe.push(operation);
        return;
      case "sync": {
        const state = this.#files.get(operation.file)!;
        for (const done of state.unsafe) state.safe = applyWhole(state.safe, done);
        state.unsafe = [];
        return;
      }
      case "create":
        this.#files.set(operation.file, { safe: Buffer.alloc(0), unsafe: [] });
        this.#unsafeNames.push(operation);
        return;
      case "rename":
      case "unlink":
        this.#unsafeNames.push(operation);
        return;
      case "makeDirectory":
        this.#directories.push(operation.path);
        return;
      case "syncDirectory": {
        const isIn = (path: string) => dirname(path) === operation.path;
        const safe = this.#unsafeNames.filter((change) => isIn(change.kind === "rename" ? change.to : change.path));
        for (const change of safe) applyName(this.#names, change);
        this.#unsafeNames = this.#unsafeNames.filter((change) => !safe.includes(change));
        return;
      }
    }
  }

  #settleNames(): Map<string, number> {
    const names = new Map(this.#names);
    for (const change of this.#unsafeNames) if (this.#random.chance(0.5)) applyName(names, change);
    return names;
  }

  #settle(state: FileState): Buffer {
    let bytes = state.safe;
    // How far the unsynced operations got at least, as a whole; behind that, block by block.
    const whole = this.#random.chance(0.5) ? this.#random.integer(0, state.unsafe.length) : 0;
    for (const [index, operation] of state.unsafe.entries()) {
      if (index < whole) bytes = applyWhole(bytes, operation);
      else if (operation.kind === "truncate") bytes = this.#random.chance(0.5) ? applyWhole(bytes, operation) : bytes;
      else bytes = this.#applyParts(bytes, operation.position, operation.bytes);
    }
    return bytes;
  }

  #applyParts(before: Buffer, position: number, written: Buffer): Buffer {
    let bytes = before;
    const end = position + written.byteLength;
    for (let block = Math.floor(position / BLOCK_BYTES) * BLOCK_BYTES; block < end; block += BLOCK_BYTES) {
      const from = Math.max(block, position);
      let to = Math.min(block + BLOCK_BYTES, end);
      if (!this.#random.chance(0.6)) continue;
      if (this.#random.chance(0.1)) to = Math.min(to, block + SECTOR_BYTES * (1 + this.#random.integer(0, 7)));
      if (to <= from) continue;
      const part = written.subarray(from - position, to - position);
      bytes = applyWhole(bytes, { kind: "write", file: 0, position: from, bytes: part });
    }
    return bytes;
  }
}

function applyWhole(before: Buffer, operation: FileOperation): Buffer {
  if (operation.kind === "truncate") {
    const after = Buffer.alloc(operation.sizeBytes);
    before.copy(after, 0, 0, operation.sizeBytes);
    return after;
  }
  const end = operation.position + operation.bytes.byteLength;
  const after = Buffer.alloc(Math.max(before.byteLength, end));
  before.copy(after);
  operation.bytes.copy(after, operation.position);
  return after;
}

function applyName(names: Map<string, number>, change: NameOperation): void {
  if (change.kind === "create") names.set(change.path, change.file);
  else if (change.kind === "unlink") names.delete(change.path);
  else {
    const file = names.get(change.from);
    if (file === undefined) return;
    names.delete(change.from);
    names.set(change.to, file);
  }
}
