import assert from "node:assert/strict";
import { test } from "node:test";
import type { Write } from "../storage.js";
import { ALL, append, appendIf, type Fixture, one, put, refused, words } from "./fixture.js";

export function describeAtomicity(fixture: Fixture): void {
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
