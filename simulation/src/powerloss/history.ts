import { createHash } from "node:crypto";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type EmbeddedStorage,
  type LogRef,
  openEmbeddedStorage,
  openMemoryStorage,
  type Storage,
  StorageError,
  type Write,
} from "@peal/store";
import type { SeededRandom } from "../seeded-random.js";
import { type PlantedBug, RecordedDisk } from "./recorded-disk.js";

export const SEGMENT_BYTES = 48 * 1024;
export const KEYS = 5;
const KINDS = ["topic", "ack", "snapshot", "topic", "ack"] as const;
const MINUTE_MS = 60_000;

/** A copy of the index, and how many operations the disk had done by then. */
export interface KeptIndex {
  readonly path: string;
  readonly operations: number;
}

/** A recorded run of the engine. */
export interface History {
  readonly directory: string;
  readonly disk: RecordedDisk;
  readonly logs: readonly LogRef[];
  /** What the state is after so many commits. */
  readonly digests: readonly string[];
  /** By commit: how many operations the disk had done when it was confirmed. */
  readonly confirmedAt: readonly number[];
  readonly indexes: readonly KeptIndex[];
  readonly freedSegments: number;
}

/** Runs the engine with commits in bursts, checkpoints and restarts, and records what its disk was asked to do. */
export async function recordHistory(directory: string, random: SeededRandom, bug: PlantedBug): Promise<History> {
  const recorder = new Recorder(directory, random, bug);
  return await recorder.run();
}

class Recorder {
  readonly #directory: string;
  readonly #random: SeededRandom;
  readonly #disk: RecordedDisk;
  readonly #model = openMemoryStorage();
  readonly #logs: LogRef[] = [];
  readonly #current: LogRef[] = [];
  readonly #digests: string[] = [];
  readonly #confirmedAt: number[] = [];
  readonly #indexes: KeptIndex[] = [];
  #freedSegments = 0;

  constructor(directory: string, random: SeededRandom, bug: PlantedBug) {
    this.#directory = directory;
    this.#random = random;
    this.#disk = new RecordedDisk(bug);
    for (let index = 0; index < KINDS.length; index += 1) this.#renew(index);
  }

  async run(): Promise<History> {
    this.#digests.push(await digest(this.#model, this.#logs));
    const rounds = 40 + this.#random.integer(0, 59);
    let storage = await this.#open();
    for (let round = 0; round < rounds; round += 1) {
      await this.#burst(storage);
      if (this.#random.chance(0.3)) await this.#checkpoint(storage);
      if (!this.#random.chance(0.04)) continue;
      this.#freedSegments += (await storage.stats()).freedSegments;
      await storage.close();
      storage = await this.#open();
    }
    this.#freedSegments += (await storage.stats()).freedSegments;
    await storage.close();
    return {
      directory: this.#directory,
      disk: this.#disk,
      logs: this.#logs,
      digests: this.#digests,
      confirmedAt: this.#confirmedAt,
      indexes: this.#indexes,
      freedSegments: this.#freedSegments,
    };
  }

  #open(): Promise<EmbeddedStorage> {
    return openEmbeddedStorage({
      directory: this.#directory,
      disk: this.#disk,
      segmentBytes: SEGMENT_BYTES,
      reserveBytes: 0,
      clock: { monotonicMs: () => performance.now() + MINUTE_MS, after: () => () => undefined },
    });
  }

  /** Commits under way at the same time, some of them in one group. */
  async #burst(storage: EmbeddedStorage): Promise<void> {
    const commits: Promise<unknown>[] = [];
    for (let count = 1 + this.#random.integer(0, 7); count > 0; count -= 1) {
      const writes: Write[] = [];
      for (let left = 1 + this.#random.integer(0, 2); left > 0; left -= 1) writes.push(await this.#write(writes));
      await this.#model.commit(writes);
      const number = this.#digests.length;
      commits.push(
        storage.commit(writes).then(() => {
          this.#confirmedAt[number] = this.#disk.operations.length;
        }),
      );
      for (const write of writes) if (write.kind === "drop") this.#renew(this.#current.indexOf(write.log));
      this.#digests.push(await digest(this.#model, this.#logs));
    }
    await Promise.all(commits);
  }

  async #checkpoint(storage: EmbeddedStorage): Promise<void> {
    await storage.checkpoint();
    const path = join(this.#directory, `kept-${this.#indexes.length}.mdb`);
    await copyFile(join(this.#directory, "index", "index.mdb"), path);
    this.#indexes.push({ path, operations: this.#disk.operations.length });
  }

  /** A write that holds, unless `before` in the same commit touches the same log or key: then only an append does. */
  async #write(before: readonly Write[]): Promise<Write> {
    const log = this.#random.pick(this.#current)!;
    const tail = this.#model.tail(log);
    const bytes = this.#random.chance(0.05) ? this.#random.integer(0, 89_999) : this.#random.integer(0, 2499);
    const data = Buffer.alloc(bytes, `${log.id}@${tail} `);
    const timeMs = tail * 3;
    const isTouched = before.some((write) => write.kind === "put" || write.log === log);
    const kind = isTouched ? 0 : this.#random.integer(0, 19);
    if (isTouched && before.some((write) => write.kind === "drop" && write.log === log)) {
      return { kind: "trim", log, upTo: 0 };
    }
    if (kind < 9) return { kind: "append", log, data, count: 1 + this.#random.integer(0, 8), timeMs };
    if (kind < 12) return { kind: "appendIf", log, previous: tail, data, timeMs, replace: this.#random.chance(0.4) };
    if (kind < 15) return { kind: "trim", log, upTo: Math.max(0, tail - this.#random.integer(0, 11)) };
    if (kind === 15) return { kind: "drop", log };
    const key = `key/${this.#random.integer(0, KEYS - 1)}`;
    const revision = (await this.#model.get(key))?.revision ?? null;
    return { kind: "put", key, value: this.#random.chance(0.3) ? null : data, revision };
  }

  #renew(index: number): void {
    const log: LogRef = { kind: KINDS[index]!, id: `log-${this.#logs.length}`, part: 0 };
    this.#logs.push(log);
    this.#current[index] = log;
  }
}

/** A state in a line: what can be read of all logs and keys. A dropped log counts as an empty one. */
export async function digest(storage: Storage, logs: readonly LogRef[]): Promise<string> {
  const hash = createHash("sha1");
  for (const log of logs) {
    const tail = storage.tail(log);
    if (tail === 0) continue;
    hash.update(`${log.id} ${storage.head(log)} ${tail}\n`);
    for (const record of await readAll(storage, log)) {
      hash.update(`${record.pos} ${record.count} ${record.timeMs} `);
      hash.update(record.data);
    }
  }
  for await (const [key, entry] of storage.list("")) hash.update(`${key} ${entry.revision} `).update(entry.value);
  return hash.digest("hex");
}

async function readAll(storage: Storage, log: LogRef) {
  try {
    return await storage.read(log, 0, { maxBytes: Number.MAX_SAFE_INTEGER });
  } catch (error) {
    if (error instanceof StorageError && error.code === "Gone") return [];
    throw error;
  }
}
