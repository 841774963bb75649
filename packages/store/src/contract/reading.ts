import assert from "node:assert/strict";
import { test } from "node:test";
import { ALL, append, type Fixture, words } from "./fixture.js";

export function describeReads(fixture: Fixture): void {
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
}

export function describeTimes(fixture: Fixture): void {
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
