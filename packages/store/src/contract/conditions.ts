import assert from "node:assert/strict";
import { test } from "node:test";
import { ALL, appendIf, type Fixture, one, refused, words } from "./fixture.js";

export function describeConditions(fixture: Fixture): void {
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
