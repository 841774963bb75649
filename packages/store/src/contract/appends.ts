import assert from "node:assert/strict";
import { test } from "node:test";
import { type LogRef, STORAGE_LIMITS } from "../storage.js";
import { ALL, append, type Fixture, one, type StoreCapabilities, words } from "./fixture.js";

export function describeAppends(fixture: Fixture, capabilities: StoreCapabilities): void {
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
}

export function describeRecords(fixture: Fixture): void {
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
}

export function describeDedup(fixture: Fixture): void {
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
