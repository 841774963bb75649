import assert from "node:assert/strict";
import { test } from "node:test";
import type { Entry } from "../storage.js";
import { collect, type Fixture, one, put, refused, value } from "./fixture.js";

export function describePuts(fixture: Fixture): void {
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
}

export function describeLists(fixture: Fixture): void {
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
