import assert from "node:assert/strict";
import { cp, mkdtemp, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { openMemoryStorage } from "../memory-storage.js";
import type { LogRef, Storage, Write } from "../storage.js";
import { StorageError } from "../storage-error.js";
import { type EmbeddedStorage, openEmbeddedStorage, type StorageEvent } from "./embedded-storage.js";
import { chargesOf } from "./index-charges.test.support.js";
import { IndexStore } from "./index-store.js";

/** How often each property runs; more in a nightly run. */
const RUNS = Number(process.env["PEAL_PROPERTY_RUNS"] ?? 10);

type Index = "intact" | "older" | "deleted" | "garbage" | "cut";
type Step =
  | { readonly kind: "commit"; readonly writes: readonly WriteSketch[] }
  | { readonly kind: "checkpoint" }
  | { readonly kind: "failingCheckpoint"; readonly transactions: number }
  | { readonly kind: "keepIndex" }
  | { readonly kind: "reopen"; readonly index: Index; readonly isKilled: boolean };

/** A write whose conditions are filled in when it is made, so that most of them hold. */
interface WriteSketch {
  readonly what: "append" | "step" | "replace" | "put" | "delete" | "trim" | "drop" | "stale";
  readonly which: number;
  readonly bytes: number;
  readonly count: number;
}

const sketches: fc.Arbitrary<WriteSketch> = fc.record({
  what: fc.oneof(
    { weight: 8, arbitrary: fc.constant("append" as const) },
    { weight: 5, arbitrary: fc.constantFrom("step" as const, "put" as const) },
    { weight: 3, arbitrary: fc.constantFrom("trim" as const, "replace" as const) },
    { weight: 1, arbitrary: fc.constantFrom("drop" as const, "delete" as const, "stale" as const) },
  ),
  which: fc.nat({ max: 4 }),
  bytes: fc.oneof({ weight: 9, arbitrary: fc.nat({ max: 3000 }) }, { weight: 1, arbitrary: fc.nat({ max: 90_000 }) }),
  count: fc.integer({ min: 1, max: 20 }),
});

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      kind: fc.constant("commit" as const),
      writes: fc.array(sketches, { minLength: 1, maxLength: 5 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("checkpoint" as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("failingCheckpoint" as const), transactions: fc.nat({ max: 12 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("keepIndex" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("reopen" as const),
      index: fc.constantFrom<Index>("intact", "intact", "older", "deleted", "garbage", "cut"),
      isKilled: fc.boolean(),
    }),
  },
);

const root = await mkdtemp(join(tmpdir(), "peal-history-"));
after(() => rm(root, { recursive: true }));
let directories = 0;

/** An engine with tiny segments and a model beside it, which must agree. */
class World {
  readonly #model: Storage = openMemoryStorage();
  #engine: EmbeddedStorage;
  #directory: string;
  readonly #logs: LogRef[] = [];
  #nextId = 0;
  readonly #events: StorageEvent[] = [];

  private constructor(engine: EmbeddedStorage, directory: string, events: StorageEvent[]) {
    this.#engine = engine;
    this.#directory = directory;
    this.#events = events;
    for (let index = 0; index < 5; index += 1) this.#logs.push(this.#newLog(index));
  }

  static async open(): Promise<World> {
    directories += 1;
    const directory = join(root, `d${directories}`);
    const events: StorageEvent[] = [];
    return new World(await openTiny(directory, events), directory, events);
  }

  async take(step: Step): Promise<void> {
    if (step.kind === "commit") await this.#commit(step.writes);
    else if (step.kind === "checkpoint") await this.#engine.checkpoint();
    else if (step.kind === "failingCheckpoint") await this.#failCheckpoint(step.transactions);
    else if (step.kind === "keepIndex") await this.#keepIndex();
    else await this.#reopen(step.index, step.isKilled);
  }

  async end(): Promise<void> {
    await this.#compare();
    await this.#engine.close();
    await assertCharges(this.#directory);
    await rm(this.#directory, { recursive: true });
    const isUnexpected = ({ level, cause }: StorageEvent) =>
      level === "error" && !String(cause).includes("transaction fails");
    assert.deepEqual(this.#events.filter(isUnexpected), []);
  }

  async #commit(writes: readonly WriteSketch[]): Promise<void> {
    const made: Write[] = [];
    for (const sketch of writes) made.push(await this.#make(sketch));
    const results = await Promise.all([this.#model, this.#engine].map((store) => outcome(store.commit(made))));
    assert.deepEqual(results[1], results[0]);
    for (const write of made) {
      if (write.kind === "drop" && Array.isArray(results[0])) this.#renew(write.log);
    }
  }

  async #make({ what, which, bytes, count }: WriteSketch): Promise<Write> {
    const log = this.#logs[which]!;
    const data = Buffer.alloc(bytes, `${what}${which}${bytes} `);
    const timeMs = this.#model.tail(log) * 10 + (bytes % 7);
    const key = `key/${which}`;
    const revision = (await this.#model.get(key))?.revision ?? null;
    const previous = this.#model.tail(log);
    switch (what) {
      case "append":
        return { kind: "append", log, data, count, timeMs };
      case "step":
        return { kind: "appendIf", log, previous, data, timeMs };
      case "replace":
        return { kind: "appendIf", log, previous, data, timeMs, replace: true };
      case "stale":
        return { kind: "appendIf", log, previous: previous + 1, data, timeMs };
      case "put":
        return { kind: "put", key, value: data, revision };
      case "delete":
        return { kind: "put", key, value: null, revision };
      case "trim":
        return { kind: "trim", log, upTo: Math.max(0, previous - (count - 1) * 3) };
      case "drop":
        return { kind: "drop", log };
    }
  }

  #newLog(index: number): LogRef {
    this.#nextId += 1;
    return {
      kind: (["topic", "ack", "snapshot", "topic", "ack"] as const)[index]!,
      id: `log-${this.#nextId}`,
      part: index,
    };
  }

  #renew(log: LogRef): void {
    const index = this.#logs.indexOf(log);
    if (index !== -1) this.#logs[index] = this.#newLog(index);
  }

  /** A checkpoint whose transactions fail after some. What it leaves in the index is what a kill at that moment leaves. */
  async #failCheckpoint(transactions: number): Promise<void> {
    const { apply } = IndexStore.prototype;
    let left = transactions;
    IndexStore.prototype.apply = async function (changes) {
      left -= 1;
      if (left < 0) throw new Error("the transaction fails");
      await apply.call(this, changes);
    };
    try {
      await this.#engine.checkpoint();
    } finally {
      IndexStore.prototype.apply = apply;
    }
  }

  async #keepIndex(): Promise<void> {
    await this.#engine.checkpoint();
    await cp(join(this.#directory, "index", "index.mdb"), join(this.#directory, "older.mdb"));
  }

  async #reopen(index: Index, isKilled: boolean): Promise<void> {
    let directory = this.#directory;
    if (isKilled) {
      directories += 1;
      directory = join(root, `d${directories}`);
      await cp(this.#directory, directory, { recursive: true, filter: (path) => !path.endsWith(".sock") });
    }
    await this.#engine.close();
    if (isKilled) await rm(this.#directory, { recursive: true });
    this.#directory = directory;
    await damage(directory, index);
    this.#engine = await openTiny(directory, this.#events);
    await this.#compare();
  }

  async #compare(): Promise<void> {
    for (let id = 1; id <= this.#nextId; id += 1) {
      for (const index of [0, 1, 2, 3, 4]) {
        const kind = (["topic", "ack", "snapshot", "topic", "ack"] as const)[index]!;
        const log: LogRef = { kind, id: `log-${id}`, part: index };
        const [expected, actual] = await Promise.all([describeLog(this.#model, log), describeLog(this.#engine, log)]);
        // A drop is remembered while an older segment stands, and for ever by an index that is not lost.
        if (expected.records === "Gone" && actual.records !== "Gone")
          assert.deepEqual([actual.tail, actual.records], [0, []]);
        else assert.deepEqual(actual, expected, `log-${id}`);
      }
    }
    assert.deepEqual(await listAll(this.#engine), await listAll(this.#model));
  }
}

function openTiny(directory: string, events: StorageEvent[]): Promise<EmbeddedStorage> {
  return openEmbeddedStorage({
    directory,
    segmentBytes: 24 * 1024,
    checkpointRows: 4,
    reserveBytes: 0,
    log: (event) => events.push(event),
    clock: { monotonicMs: () => performance.now(), after: () => () => undefined },
  });
}

async function damage(directory: string, index: Index): Promise<void> {
  const path = join(directory, "index", "index.mdb");
  const older = join(directory, "older.mdb");
  if (index === "deleted") await rm(path);
  if (index === "garbage") await writeFile(path, Buffer.alloc(40_000, "garbage "));
  if (index === "cut") await truncate(path, Math.floor((await stat(path)).size / 2));
  if (index === "older" && (await exists(older))) await cp(older, path);
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

async function outcome(commit: Promise<number[]>): Promise<number[] | string> {
  try {
    return await commit;
  } catch (error) {
    if (error instanceof StorageError) return error.code;
    throw error;
  }
}

async function describeLog(store: Storage, log: LogRef) {
  const maxBytes = 20_000;
  const records: (readonly [number, number, number, string])[] = [];
  try {
    for (let after = 0; ; ) {
      const part = await store.read(log, after, { maxBytes });
      for (const { pos, count, timeMs, data } of part) records.push([pos, count, timeMs, Buffer.from(data).toString()]);
      const last = part.at(-1);
      if (last === undefined) break;
      after = last.pos + last.count - 1;
    }
  } catch (error) {
    if (error instanceof StorageError && error.code === "Gone") return { head: 1, tail: 0, seek: 0, records: "Gone" };
    throw error;
  }
  const middle = records[Math.floor(records.length / 2)];
  const seek = await store.seekTime(log, middle?.[2] ?? 5);
  return { head: store.head(log), tail: store.tail(log), seek, records };
}

async function listAll(store: Storage): Promise<(readonly [string, number, string])[]> {
  const found: (readonly [string, number, string])[] = [];
  for await (const [key, entry] of store.list(""))
    found.push([key, entry.revision, Buffer.from(entry.value).toString()]);
  return found;
}

async function assertCharges(directory: string): Promise<void> {
  const { charged, pointedTo } = await chargesOf(join(directory, "index", "index.mdb"));
  assert.deepEqual(charged, pointedTo);
}

test("whatever was committed is there after any end, with whatever is left of the index", {
  timeout: 300_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 10, maxLength: 120, size: "max" }), async (history) => {
      const world = await World.open();
      for (const step of history) await world.take(step);
      await world.end();
    }),
    { numRuns: RUNS, ...(process.env["PEAL_SEED"] === undefined ? {} : { seed: Number(process.env["PEAL_SEED"]) }) },
  );
});
