import assert from "node:assert/strict";
import { test } from "node:test";
import { ALL, append, appendIf, collect, type Fixture, one, refused, words } from "./fixture.js";

export function describeTrims(fixture: Fixture): void {
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
}

export function describeDrops(fixture: Fixture): void {
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
