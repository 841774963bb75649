/**
 * The suite that proves an engine: each guarantee of the contract as tests. Every engine calls `describeStore` with a
 * way to make one. It is an entry of its own (`@peal/store/contract`), so that a running server never loads a test runner.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import type { Entry, LogRecord, LogRef, Storage, Write } from "./storage.js";
import { STORAGE_LIMITS } from "./storage.js";
import { StorageError, type StorageErrorCode } from "./storage-error.js";

/** One engine under test. */
export interface StoreHarness {
  readonly storage: Storage;
  /** Closes the engine and opens the same data again. */
  reopen(): Promise<Storage>;
  /** Moves the engine's clock on. */
  advanceMs(ms: number): void;
  /** Closes what is open and removes the data. */
  destroy(): Promise<void>;
}

/** What an engine declares; each is either tested or tested for its absence. */
export interface StoreCapabilities {
  /** Positions of a log have no gaps. */
  readonly dense: boolean;
  /** Closing and opening again keeps everything. */
  readonly durable: boolean;
}

type MakeHarness = () => Promise<StoreHarness>;

/** Registers the suite for one engine. */
export function describeStore(name: string, makeHarness: MakeHarness, capabilities: StoreCapabilities): void {
  describe(name, () => {
    const fixture = new Fixture(makeHarness);
    before(() => undefined);
    afterEach(() => fixture.reset());
    after(() => fixture.reset());
    describeAppends(fixture, capabilities);
    describeAtomicity(fixture);
    describeConditions(fixture);
    describeMetadata(fixture);
    describeTrimming(fixture);
    describeReading(fixture);
    describeListening(fixture);
    describeLimits(fixture);
    describeReopening(fixture, capabilities);
  });
}

class Fixture {
  readonly #make: MakeHarness;
  #harness: StoreHarness | undefined;
  #nextId = 0;

  constructor(make: MakeHarness) {
    this.#make = make;
  }

  async open(): Promise<Storage> {
    this.#harness = await this.#make();
    return this.#harness.storage;
  }

  async reopen(): Promise<Storage> {
    return await this.#harness!.reopen();
  }

  advanceMs(ms: number): void {
    this.#harness!.advanceMs(ms);
  }

  log(kind: LogRef["kind"] = "topic", part = 0): LogRef {
    this.#nextId += 1;
    return { kind, id: `log-${this.#nextId}`, part };
  }

  async reset(): Promise<void> {
    await this.#harness?.destroy();
    this.#harness = undefined;
  }
}

const text = (value: string): Uint8Array => Buffer.from(value);
const words = (records: readonly LogRecord[]): string[] => records.map((record) => Buffer.from(record.data).toString());
const ALL = { maxBytes: Number.MAX_SAFE_INTEGER };

function append(log: LogRef, value: string, more: { count?: number; timeMs?: number; dedupId?: string } = {}): Write {
  const { count = 1, timeMs = 1, dedupId } = more;
  return { kind: "append", log, data: text(value), count, timeMs, ...(dedupId === undefined ? {} : { dedupId }) };
}

function appendIf(log: LogRef, previous: number, value: string, replace = false): Write {
  return { kind: "appendIf", log, previous, data: text(value), timeMs: 1, replace };
}

function put(key: string, value: string | null, revision: number | null): Write {
  return { kind: "put", key, value: value === null ? null : text(value), revision };
}

async function one(storage: Storage, write: Write): Promise<number> {
  const [result] = await storage.commit([write]);
  return result!;
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

async function value(storage: Storage, key: string): Promise<string | undefined> {
  const entry = await storage.get(key);
  return entry === undefined ? undefined : Buffer.from(entry.value).toString();
}

async function refused(promise: Promise<unknown>, code: StorageErrorCode): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof StorageError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  });
}

function describeAppends(fixture: Fixture, capabilities: StoreCapabilities): void {
  test("positions rise from above 0 and an append takes as many as it counts", async () => {
    const storage = await fixture.open();
    const log = fixture.log();
    assert.equal(storage.tail(log), 0);
    const first = await one(storage, append(log, "a", { count: 3 }));
    const second = await one(storage, append(log, "b"));
    assert.ok(first > 0 && second >= first + 3);
    assert.equal(storage.tail(log), second);
    if (capabilities.dense) assert.deepEqual([first, second], [1, 4]);
  });

  test("a log keeps the order of its commits, however many are under way", async () => {
    const storage = await fixture.open();
    const log = fixture.log();
    const sent = Array.from({ length: 500 }, (_, index) => `m${index}`);
    const positions = await Promise.all(sent.map((word) => one(storage, append(log, word))));
    assert.deepEqual(
      positions,
      [...positions].sort((a, b) => a - b),
    );
    assert.equal(new Set(positions).size, sent.length);
    const records = await storage.read(log, 0, ALL);
    assert.deepEqual(words(records), sent);
    assert.deepEqual(
      records.map((record) => record.pos),
      positions,
    );
    if (capabilities.dense) assert.equal(positions.at(-1), sent.length);
  });

  test("logs with the same id but another kind or part are different logs", async () => {
    const storage = await fixture.open();
    const log = fixture.log();
    const others: LogRef[] = [
      { ...log, part: 1 },
      { ...log, kind: "ack" },
      { ...log, kind: "snapshot" },
    ];
    await storage.commit([append(log, "here")]);
    for (const other of others) assert.equal(storage.tail(other), 0);
    await storage.commit(others.map((other) => append(other, "there")));
    assert.deepEqual(words(await storage.read(log, 0, ALL)), ["here"]);
    for (const other of others) assert.deepEqual(words(await storage.read(other, 0, ALL)), ["there"]);
  });

  test("a record keeps its count, its time and its bytes, empty ones too", async () => {
    const storage = await fixture.open();
    const log = fixture.log();
    await storage.commit([
      append(log, "", { count: 2, timeMs: 17 }),
      append(log, "x\0y", { timeMs: 1_700_000_000_000 }),
    ]);
    const records = await storage.read(log, 0, ALL);
    assert.deepEqual(words(records), ["", "x\0y"]);
    assert.deepEqual(
      records.map(({ count, timeMs }) => [count, timeMs]),
      [
        [2, 17],
        [1, 1_700_000_000_000],
      ],
    );
  });

  test("the time of a log never falls", async () => {
    const storage = await fixture.open();
    const log = fixture.log();
    await storage.commit([append(log, "a", { timeMs: 50 })]);
    await storage.commit([append(log, "b", { timeMs: 40 })]);
    assert.deepEqual(
      (await storage.read(log, 0, ALL)).map((record) => record.timeMs),
      [50, 50],
    );
  });

  test("a record of many megabytes comes back byte for byte", async () => {
    const storage = await fixture.open();
    const log = fixture.log();
    const big = Buffer.alloc(5 * 1024 * 1024 + 13);
    for (let index = 0; index < big.length; index += 1) big[index] = (index * 31 + (index >> 11)) & 0xff;
    await storage.commit([
      append(log, "before"),
      { kind: "append", log, data: big, count: 1, timeMs: 1 },
      append(log, "after"),
    ]);
    const records = await storage.read(log, 0, ALL);
    assert.equal(records.length, 3);
    assert.ok(big.equals(records[1]!.data));
    assert.equal(Buffer.from(records[2]!.data).toString(), "after");
  });

  test("an append with a known dedup id is not stored again within two minutes", async () => {
    const storage = await fixture.open();
    const log = fixture.log();
    const other = fixture.log();
    const first = await one(storage, append(log, "once", { dedupId: "d" }));
    const [again, elsewhere] = await storage.commit([
      append(log, "once", { dedupId: "d" }),
      append(other, "once", { dedupId: "d" }),
    ]);
    assert.equal(again, first);
    assert.ok(elsewhere! > 0);
    fixture.advanceMs(STORAGE_LIMITS.dedupWindowMs - 1);
    assert.equal(await one(storage, append(log, "once", { dedupId: "d" })), first);
    assert.equal((await storage.read(log, 0, ALL)).length, 1);
    fixture.advanceMs(STORAGE_LIMITS.dedupWindowMs * 2);
    assert.notEqual(await one(storage, append(log, "once", { dedupId: "d" })), first);
  });

  test("appends with one dedup id under way at the same time are stored once", async () => {
    const storage = await fixture.open();
    const log = fixture.log();
    const write = append(log, "once", { dedupId: "d" });
    const results = await Promise.all([
      storage.commit([write, write]),
      storage.commit([write]),
      storage.commit([write]),
    ]);
    assert.equal(new Set(results.flat()).size, 1);
    assert.equal((await storage.read(log, 0, ALL)).length, 1);
  });

  test("a commit without writes resolves", async () => {
    const storage = await fixture.open();
    assert.deepEqual(await storage.commit([]), []);
  });
}

function describeAtomicity(fixture: Fixture): void {
  test("a refused commit leaves no trace in any of its logs and keys", async () => {
    const storage = await fixture.open();
    assert.ok(storage.atomic, "the suite of engines that are not atomic is not written yet");
    const [log, fenced, dropped, trimmed] = [fixture.log(), fixture.log("ack"), fixture.log(), fixture.log()];
    await storage.commit([append(fenced, "x"), append(trimmed, "y"), { kind: "drop", log: dropped }]);
    const before: Write[] = [
      append(log, "a", { count: 7, dedupId: "d" }),
      put("k", "v", null),
      { kind: "trim", log: trimmed, upTo: 1 },
      { kind: "drop", log: fenced },
    ];
    const seen: string[] = [];
    storage.follow(log, 0, (records) => seen.push(...words(records)));
    storage.watch("k", (key) => seen.push(key));
    await refused(storage.commit([...before.slice(0, 3), appendIf(fenced, 9, "z")]), "Fenced");
    await refused(storage.commit([...before, append(dropped, "z")]), "Gone");
    await refused(storage.commit([...before, put("absent", "z", 4)]), "Fenced");
    assert.deepEqual(seen, []);
    assert.equal(storage.tail(log), 0);
    assert.equal(await storage.get("k"), undefined);
    assert.deepEqual(words(await storage.read(fenced, 0, ALL)), ["x"]);
    assert.deepEqual(words(await storage.read(trimmed, 0, ALL)), ["y"]);
    const first = await one(storage, append(log, "a", { dedupId: "d" }));
    assert.deepEqual(
      (await storage.read(log, 0, ALL)).map((record) => record.pos),
      [first],
    );
  });

  test("a refused commit does not disturb those before and after it", async () => {
    const storage = await fixture.open();
    const log = fixture.log();
    const settled = await Promise.allSettled([
      storage.commit([append(log, "a")]),
      storage.commit([append(log, "lost", { count: 5 }), appendIf(log, 99, "lost")]),
      storage.commit([append(log, "b")]),
    ]);
    assert.deepEqual(
      settled.map((result) => result.status),
      ["fulfilled", "rejected", "fulfilled"],
    );
    assert.deepEqual(words(await storage.read(log, 0, ALL)), ["a", "b"]);
  });

  test("the writes of one commit see those before them", async () => {
    const storage = await fixture.open();
    const log = fixture.log("ack");
    const results = await storage.commit([
      appendIf(log, 0, "a"),
      appendIf(log, 1, "b"),
      { kind: "trim", log, upTo: 1 },
    ]);
    assert.equal(results.length, 3);
    assert.deepEqual(words(await storage.read(log, 0, ALL)), ["b"]);
    await refused(storage.commit([{ kind: "drop", log }, append(log, "c")]), "Gone");
    assert.deepEqual(words(await storage.read(log, 0, ALL)), ["b"]);
    await refused(storage.commit([put("k", "1", null), put("k", "2", null)]), "Fenced");
    assert.equal(await storage.get("k"), undefined);
  });

  test("nothing of a commit is visible before all of it is", async () => {
    const storage = await fixture.open();
    const [log, other] = [fixture.log(), fixture.log()];
    const tails: number[][] = [];
    storage.follow(log, 0, () => tails.push([storage.tail(log), storage.tail(other)]));
    await storage.commit([append(log, "a"), append(other, "b")]);
    assert.deepEqual(
      tails.map((pair) => pair.every((tail) => tail > 0)),
      [true],
    );
  });
}

function describeConditions(fixture: Fixture): void {
  test("appendIf is refused as Fenced unless the log ends where it says", async () => {
    const storage = await fixture.open();
    const log = fixture.log("ack");
    const first = await one(storage, appendIf(log, 0, "a"));
    await refused(storage.commit([appendIf(log, 0, "late")]), "Fenced");
    await refused(storage.commit([appendIf(log, first + 1, "early")]), "Fenced");
    const second = await one(storage, appendIf(log, first, "b"));
    assert.ok(second > first);
    assert.deepEqual(words(await storage.read(log, 0, ALL)), ["a", "b"]);
  });

  test("of two appendIf under way at one position exactly one wins", async () => {
    const storage = await fixture.open();
    const log = fixture.log("ack");
    const settled = await Promise.allSettled(["a", "b"].map((word) => storage.commit([appendIf(log, 0, word)])));
    assert.deepEqual(settled.map((result) => result.status).sort(), ["fulfilled", "rejected"]);
    assert.equal((await storage.read(log, 0, ALL)).length, 1);
  });

  test("appendIf with replace gives up all older records and positions go on rising", async () => {
    const storage = await fixture.open();
    const log = fixture.log("ack");
    let tail = 0;
    for (const word of ["a", "b", "c"]) tail = await one(storage, appendIf(log, tail, word));
    const checkpoint = await one(storage, appendIf(log, tail, "checkpoint", true));
    assert.ok(checkpoint > tail);
    assert.deepEqual([storage.head(log), storage.tail(log)], [checkpoint, checkpoint]);
    await one(storage, appendIf(log, checkpoint, "d"));
    assert.deepEqual(words(await storage.read(log, 0, ALL)), ["checkpoint", "d"]);
    await refused(storage.commit([appendIf(log, tail, "late", true)]), "Fenced");
    assert.deepEqual(words(await storage.read(log, 0, ALL)), ["checkpoint", "d"]);
  });
}

function describeMetadata(fixture: Fixture): void {
  test("put compares the revision and answers the new one", async () => {
    const storage = await fixture.open();
    const first = await one(storage, put("k", "1", null));
    await refused(storage.commit([put("k", "x", null)]), "Fenced");
    await refused(storage.commit([put("k", "x", first + 1)]), "Fenced");
    await refused(storage.commit([put("other", "x", first)]), "Fenced");
    const second = await one(storage, put("k", "2", first));
    assert.notEqual(second, first);
    await refused(storage.commit([put("k", "x", first)]), "Fenced");
    assert.deepEqual(await storage.get("k"), { value: (await storage.get("k"))!.value, revision: second });
    assert.equal(await value(storage, "k"), "2");
  });

  test("a key made again after its deletion has a revision it never had", async () => {
    const storage = await fixture.open();
    const seen = new Set<number>();
    let revision: number | null = null;
    for (let round = 0; round < 5; round += 1) {
      revision = await one(storage, put("k", `${round}`, revision));
      assert.ok(!seen.has(revision));
      seen.add(revision);
      const deletion = await one(storage, put("k", null, revision));
      assert.ok(!seen.has(deletion));
      seen.add(deletion);
      assert.equal(await storage.get("k"), undefined);
      await refused(storage.commit([put("k", "x", deletion)]), "Fenced");
      revision = null;
    }
  });

  test("of many puts under way on one revision exactly one wins", async () => {
    const storage = await fixture.open();
    const puts = Array.from({ length: 20 }, (_, index) => storage.commit([put("k", `${index}`, null)]));
    const settled = await Promise.allSettled(puts);
    assert.equal(settled.filter((result) => result.status === "fulfilled").length, 1);
  });

  test("list gives the entries below a prefix in key order", async () => {
    const storage = await fixture.open();
    const keys = ["b/2", "a", "b/10", "b", "c", "b/1", "b0"];
    await storage.commit(keys.map((key) => put(key, key, null)));
    const listed = await collect(storage.list("b/"));
    assert.deepEqual(
      listed.map(([key, entry]) => [key, Buffer.from(entry.value).toString()]),
      [
        ["b/1", "b/1"],
        ["b/10", "b/10"],
        ["b/2", "b/2"],
      ],
    );
    assert.deepEqual(
      (await collect(storage.list(""))).map(([key]) => key),
      [...keys].sort(),
    );
    assert.deepEqual(await collect(storage.list("zz")), []);
  });

  test("list shows one instant, whatever is written while it is read", async () => {
    const storage = await fixture.open();
    const revisions = await storage.commit(Array.from({ length: 700 }, (_, index) => put(key(index), "old", null)));
    const listed: (readonly [string, Entry])[] = [];
    for await (const item of storage.list("k/")) {
      listed.push(item);
      if (listed.length % 100 !== 1) continue;
      const index = 699 - (listed.length - 1) / 100;
      await storage.commit([
        put(key(index), null, revisions[index]!),
        put(`k/${index}x`, "new", null),
        put(key(index - 50), "new", revisions[index - 50]!),
      ]);
    }
    assert.deepEqual(
      listed.map(([name]) => name),
      Array.from({ length: 700 }, (_, index) => key(index)),
    );
    assert.ok(listed.every(([, entry]) => Buffer.from(entry.value).toString() === "old"));
  });

  function key(index: number): string {
    return `k/${String(index).padStart(4, "0")}`;
  }
}

function describeTrimming(fixture: Fixture): void {
  test("trim gives up the records that end at or before its position", async () => {
    const storage = await fixture.open();
    const log = fixture.log();
    const positions = await storage.commit(["a", "b", "c"].map((word) => append(log, word, { count: 10 })));
    await storage.commit([{ kind: "trim", log, upTo: positions[1]! + 8 }]);
    assert.deepEqual(words(await storage.read(log, 0, ALL)), ["b", "c"]);
    assert.equal(storage.head(log), positions[1]! + 9);
    await storage.commit([{ kind: "trim", log, upTo: positions[1]! + 9 }]);
    assert.deepEqual(words(await storage.read(log, 0, ALL)), ["c"]);
    assert.equal(storage.head(log), positions[2]);
  });

  test("a trim never brings back what an earlier one gave up", async () => {
    const storage = await fixture.open();
    const log = fixture.log();
    const positions = await storage.commit(["a", "b", "c"].map((word) => append(log, word)));
    await storage.commit([{ kind: "trim", log, upTo: positions[1]! }]);
    await storage.commit([{ kind: "trim", log, upTo: positions[0]! }]);
    assert.deepEqual(words(await storage.read(log, 0, ALL)), ["c"]);
  });

  test("a log that is trimmed empty keeps its tail", async () => {
    const storage = await fixture.open();
    const log = fixture.log();
    const last = (await storage.commit([append(log, "a"), append(log, "b", { count: 4 })]))[1]! + 3;
    await storage.commit([{ kind: "trim", log, upTo: Number.MAX_SAFE_INTEGER }]);
    assert.deepEqual([storage.tail(log), storage.head(log)], [last, last + 1]);
    assert.deepEqual(await storage.read(log, 0, ALL), []);
    assert.ok((await one(storage, append(log, "c"))) > last);
    assert.deepEqual(words(await storage.read(log, 0, ALL)), ["c"]);
  });

  test("trimming a log that has nothing does nothing", async () => {
    const storage = await fixture.open();
    const log = fixture.log();
    assert.deepEqual(await storage.commit([{ kind: "trim", log, upTo: 5 }]), [0]);
    assert.deepEqual([storage.tail(log), storage.head(log)], [0, 1]);
    assert.ok((await one(storage, append(log, "a"))) > 0);
    assert.deepEqual(words(await storage.read(log, 0, ALL)), ["a"]);
  });

  test("a dropped log is gone for appends and reads, and may be dropped again", async () => {
    const storage = await fixture.open();
    const log = fixture.log();
    await storage.commit([append(log, "a")]);
    await storage.commit([{ kind: "drop", log }]);
    await refused(storage.commit([append(log, "b")]), "Gone");
    await refused(storage.commit([appendIf(log, 1, "b")]), "Gone");
    await refused(storage.read(log, 0, ALL), "Gone");
    await refused(storage.seekTime(log, 5), "Gone");
    assert.equal(storage.tail(log), 0);
    assert.deepEqual(
      await storage.commit([
        { kind: "drop", log },
        { kind: "trim", log, upTo: 3 },
      ]),
      [0, 0],
    );
  });

  test("dropping a log that never was ends it all the same", async () => {
    const storage = await fixture.open();
    const log = fixture.log();
    await storage.commit([{ kind: "drop", log }]);
    await refused(storage.commit([append(log, "a")]), "Gone");
  });

  test("of appends and a drop under way each append is stored before it or refused as Gone", async () => {
    const storage = await fixture.open();
    const log = fixture.log();
    const told: string[] = [];
    storage.follow(log, 0, (records) => told.push(...words(records)));
    const settled = await Promise.allSettled([
      storage.commit([append(log, "a")]),
      storage.commit([{ kind: "drop", log }]),
      storage.commit([append(log, "b")]),
    ]);
    assert.deepEqual(
      settled.map((result) => result.status),
      ["fulfilled", "fulfilled", "rejected"],
    );
    await refused(storage.read(log, 0, ALL), "Gone");
    assert.deepEqual(told, ["a"]);
  });

  test("logs names every log of a kind that has begun and is not dropped", async () => {
    const storage = await fixture.open();
    const [kept, dropped, ack] = [fixture.log(), fixture.log(), fixture.log("ack", 3)];
    await storage.commit([append(kept, "a"), append(dropped, "b"), append(ack, "c")]);
    await storage.commit([
      { kind: "drop", log: dropped },
      { kind: "trim", log: kept, upTo: 99 },
    ]);
    assert.deepEqual(await collect(storage.logs("topic")), [kept]);
    assert.deepEqual(await collect(storage.logs("ack")), [ack]);
    assert.deepEqual(await collect(storage.logs("snapshot")), []);
  });
}

function describeReading(fixture: Fixture): void {
  test("a read begins with the record that holds the first position asked for, whole", async () => {
    const storage = await fixture.open();
    const log = fixture.log();
    const [a, b, c] = await storage.commit(["a", "b", "c"].map((word) => append(log, word, { count: 5 })));
    assert.deepEqual(words(await storage.read(log, a! - 1, ALL)), ["a", "b", "c"]);
    assert.deepEqual(words(await storage.read(log, a! + 3, ALL)), ["a", "b", "c"]);
    assert.deepEqual(words(await storage.read(log, a! + 4, ALL)), ["b", "c"]);
    assert.deepEqual(words(await storage.read(log, b! + 2, ALL)), ["b", "c"]);
    assert.deepEqual(words(await storage.read(log, c! + 4, ALL)), []);
    assert.deepEqual(words(await storage.read(log, c! + 400, ALL)), []);
  });

  test("a read stops before the record that would exceed its limit, but gives at least one", async () => {
    const storage = await fixture.open();
    const log = fixture.log();
    await storage.commit(["aaaa", "bbbb", "cccc"].map((word) => append(log, word)));
    assert.deepEqual(words(await storage.read(log, 0, { maxBytes: 0 })), ["aaaa"]);
    assert.deepEqual(words(await storage.read(log, 0, { maxBytes: 7 })), ["aaaa"]);
    assert.deepEqual(words(await storage.read(log, 0, { maxBytes: 8 })), ["aaaa", "bbbb"]);
    assert.deepEqual(words(await storage.read(log, 1, { maxBytes: 11 })), ["bbbb", "cccc"]);
  });

  test("reading in pieces gives every record once", async () => {
    const storage = await fixture.open();
    const [log, noise] = [fixture.log(), fixture.log()];
    const sent: string[] = [];
    for (let round = 0; round < 40; round += 1) {
      const batch = Array.from({ length: 5 }, (_, index) => `${round}-${index}-${"x".repeat((round * 997) % 3000)}`);
      sent.push(...batch);
      await storage.commit(batch.flatMap((word) => [append(log, word), append(noise, word.repeat(3))]));
    }
    const got: string[] = [];
    for (let after = 0; ; ) {
      const records = await storage.read(log, after, { maxBytes: 10_000 });
      if (records.length === 0) break;
      got.push(...words(records));
      after = records.at(-1)!.pos + records.at(-1)!.count - 1;
    }
    assert.deepEqual(got, sent);
  });

  test("seekTime finds the last position before an instant", async () => {
    const storage = await fixture.open();
    const log = fixture.log();
    const times = [10, 20, 20, 30];
    const starts = await storage.commit(times.map((timeMs) => append(log, `${timeMs}`, { count: 3, timeMs })));
    assert.equal(await storage.seekTime(log, 10), starts[0]! - 1);
    assert.equal(await storage.seekTime(log, 11), starts[0]! + 2);
    assert.equal(await storage.seekTime(log, 20), starts[0]! + 2);
    assert.equal(await storage.seekTime(log, 21), starts[2]! + 2);
    assert.equal(await storage.seekTime(log, 31), storage.tail(log));
    await storage.commit([{ kind: "trim", log, upTo: starts[1]! + 2 }]);
    assert.equal(await storage.seekTime(log, 5), storage.head(log) - 1);
    await storage.commit([{ kind: "trim", log, upTo: storage.tail(log) }]);
    assert.equal(await storage.seekTime(log, 5), storage.tail(log));
    assert.equal(await storage.seekTime(fixture.log(), 5), 0);
  });

  test("seekTime finds an instant among thousands of records", async () => {
    const storage = await fixture.open();
    const log = fixture.log();
    for (let round = 0; round < 20; round += 1) {
      const batch = Array.from({ length: 100 }, (_, index) => round * 100 + index);
      await storage.commit(batch.map((number) => append(log, "x".repeat(1500), { timeMs: number * 10 })));
    }
    for (const number of [0, 1, 57, 100, 999, 1000, 1999]) {
      assert.equal(await storage.seekTime(log, number * 10 + 5), number + 1);
    }
  });
}

function describeListening(fixture: Fixture): void {
  test("follow reports what exists, then what comes, each once and in order", async () => {
    const storage = await fixture.open();
    const log = fixture.log();
    await storage.commit(["a", "b"].map((word) => append(log, word)));
    const seen: string[] = [];
    const done = new Promise<void>((resolve) => {
      storage.follow(log, 1, (records) => {
        seen.push(...words(records));
        if (seen.at(-1) === "e") resolve();
      });
    });
    await Promise.all(["c", "d", "e"].map((word) => storage.commit([append(log, word)])));
    await done;
    assert.deepEqual(seen, ["b", "c", "d", "e"]);
  });

  test("follow from the tail reports a record before its commit resolves", async () => {
    const storage = await fixture.open();
    const log = fixture.log();
    await storage.commit([append(log, "old")]);
    const events: string[] = [];
    const follower = storage.follow(log, storage.tail(log), (records) => events.push(...words(records)));
    await Promise.all(
      ["a", "b", "c"].map(async (word) => {
        await storage.commit([append(log, word, { count: 2 })]);
        assert.ok(events.includes(word));
        events.push(`${word} resolved`);
      }),
    );
    assert.deepEqual(
      events.filter((event) => !event.endsWith("resolved")),
      ["a", "b", "c"],
    );
    follower.close();
    await storage.commit([append(log, "unheard")]);
    assert.ok(!events.includes("unheard"));
  });

  test("a follower hears of a replacing record too", async () => {
    const storage = await fixture.open();
    const log = fixture.log("ack");
    const seen: number[] = [];
    storage.follow(log, 0, (records) => seen.push(...records.map((record) => record.pos)));
    const first = await one(storage, appendIf(log, 0, "a"));
    const second = await one(storage, appendIf(log, first, "b", true));
    assert.deepEqual(seen, [first, second]);
  });

  test("watch reports the present entries, then each change before its commit resolves", async () => {
    const storage = await fixture.open();
    const first = await one(storage, put("a/1", "one", null));
    await storage.commit([put("b/1", "other", null)]);
    const seen: string[] = [];
    const present = new Promise<void>((resolve) => {
      storage.watch("a/", (key, entry) => {
        seen.push(`${key}=${entry === undefined ? "" : Buffer.from(entry.value)}`);
        resolve();
      });
    });
    await present;
    const second = await one(storage, put("a/1", "uno", first));
    assert.deepEqual(seen, ["a/1=one", "a/1=uno"]);
    await storage.commit([put("a/2", "two", null), put("b/2", "other", null), put("a/1", null, second)]);
    assert.deepEqual(seen, ["a/1=one", "a/1=uno", "a/2=two", "a/1="]);
  });

  test("a closed watcher hears nothing more", async () => {
    const storage = await fixture.open();
    const seen: string[] = [];
    storage.watch("", (key) => seen.push(key)).close();
    await storage.commit([put("k", "v", null)]);
    assert.deepEqual(seen, []);
  });

  test("a listener may commit, and everybody hears in commit order", async () => {
    const storage = await fixture.open();
    const log = fixture.log();
    const heard: string[][] = [[], []];
    let nested: Promise<unknown> | undefined;
    storage.follow(log, 0, (records) => {
      heard[0]!.push(...words(records));
      nested ??= storage.commit([append(log, "nested")]);
    });
    storage.follow(log, 0, (records) => heard[1]!.push(...words(records)));
    await storage.commit([append(log, "a"), append(log, "b")]);
    await nested;
    assert.deepEqual(heard, [
      ["a", "b", "nested"],
      ["a", "b", "nested"],
    ]);
  });
}

function describeLimits(fixture: Fixture): void {
  test("a commit beyond a limit is refused with a RangeError and stores nothing", async () => {
    const storage = await fixture.open();
    const log = fixture.log();
    const bad: Write[] = [
      append({ ...log, id: "" }, "x"),
      append({ ...log, id: "x".repeat(65) }, "x"),
      append({ ...log, id: "a/b" }, "x"),
      append({ ...log, part: -1 }, "x"),
      append(log, "x", { count: 0 }),
      append(log, "x", { count: 1.5 }),
      append(log, "x", { timeMs: -1 }),
      append(log, "x", { timeMs: Number.NaN }),
      appendIf(log, -1, "x"),
      put("", "x", null),
      put("k".repeat(STORAGE_LIMITS.keyLength + 1), "x", null),
      put("k\u00e9", "x", null),
      { kind: "put", key: "k", value: Buffer.alloc(STORAGE_LIMITS.valueBytes + 1), revision: null },
      { kind: "trim", log, upTo: -1 },
    ];
    for (const write of bad) {
      await assert.rejects(
        storage.commit([append(log, "first"), write]),
        RangeError,
        JSON.stringify(write).slice(0, 90),
      );
    }
    assert.equal(storage.tail(log), 0);
  });

  test("the longest names and an empty value are kept", async () => {
    const storage = await fixture.open();
    const log: LogRef = { kind: "snapshot", id: "x".repeat(STORAGE_LIMITS.logIdLength), part: 0xffff_ffff };
    const key = "k".repeat(STORAGE_LIMITS.keyLength);
    await storage.commit([append(log, "a"), put(key, "", null)]);
    assert.deepEqual(words(await storage.read(log, 0, ALL)), ["a"]);
    assert.equal(await value(storage, key), "");
  });

  test("a closed engine refuses every call", async () => {
    const storage = await fixture.open();
    const log = fixture.log();
    const last = storage.commit([append(log, "a")]);
    await storage.close();
    await last;
    await assert.rejects(storage.commit([append(log, "b")]));
    await assert.rejects(storage.read(log, 0, ALL));
    await assert.rejects(storage.get("k"));
    assert.throws(() => storage.tail(log));
    assert.throws(() => storage.follow(log, 0, () => undefined));
    await storage.close();
  });
}

function describeReopening(fixture: Fixture, capabilities: StoreCapabilities): void {
  if (!capabilities.durable) {
    test("a reopened engine that declares it keeps nothing is empty", async () => {
      const storage = await fixture.open();
      const log = fixture.log();
      await storage.commit([append(log, "a"), put("k", "v", null)]);
      const reopened = await fixture.reopen();
      assert.equal(reopened.tail(log), 0);
      assert.equal(await reopened.get("k"), undefined);
    });
    return;
  }

  test("everything is there after reopening", async () => {
    const storage = await fixture.open();
    const [log, ack, empty, dropped] = [fixture.log(), fixture.log("ack"), fixture.log(), fixture.log()];
    await storage.commit(["a", "b", "c"].map((word, index) => append(log, word, { count: 2, timeMs: 10 * index })));
    await storage.commit([append(empty, "x", { count: 9, timeMs: 77 }), append(dropped, "y")]);
    await storage.commit([
      { kind: "trim", log, upTo: 2 },
      { kind: "trim", log: empty, upTo: 9 },
      { kind: "drop", log: dropped },
    ]);
    const step = await one(storage, appendIf(ack, 0, "step"));
    const checkpoint = await one(storage, appendIf(ack, step, "checkpoint", true));
    await storage.commit([appendIf(ack, checkpoint, "step 2")]);
    const [kept, deleted] = await storage.commit([put("kept", "v", null), put("deleted", "w", null)]);
    await storage.commit([put("deleted", null, deleted!)]);
    const tails = [log, ack, empty].map((ref) => [storage.head(ref), storage.tail(ref)]);

    for (let round = 0; round < 3; round += 1) {
      const reopened = await fixture.reopen();
      assert.deepEqual(
        [log, ack, empty].map((ref) => [reopened.head(ref), reopened.tail(ref)]),
        tails,
      );
      assert.deepEqual(words(await reopened.read(log, 0, ALL)), ["b", "c"]);
      assert.deepEqual(words(await reopened.read(ack, 0, ALL)), ["checkpoint", "step 2"]);
      assert.deepEqual(await reopened.read(empty, 0, ALL), []);
      await refused(reopened.commit([append(dropped, "z")]), "Gone");
      assert.equal((await reopened.get("kept"))?.revision, kept);
      assert.equal(await reopened.get("deleted"), undefined);
      assert.deepEqual(
        new Set((await collect(reopened.logs("topic"))).map(({ id }) => id)),
        new Set([log.id, empty.id]),
      );
      await refused(reopened.commit([appendIf(ack, checkpoint, "late")]), "Fenced");
    }
  });

  test("after reopening positions, revisions and times go on from where they were", async () => {
    let storage = await fixture.open();
    const log = fixture.log();
    await storage.commit([append(log, "a", { count: 3, timeMs: 500 })]);
    const first = await one(storage, put("k", "1", null));
    const deletion = await one(storage, put("k", null, first));
    await storage.commit([{ kind: "trim", log, upTo: 3 }]);
    storage = await fixture.reopen();
    assert.equal(await one(storage, append(log, "b", { timeMs: 100 })), 4);
    assert.equal((await storage.read(log, 0, ALL))[0]!.timeMs, 500);
    assert.ok(![first, deletion].includes(await one(storage, put("k", "2", null))));
  });
}
