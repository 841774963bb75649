import assert from "node:assert/strict";
import { test } from "node:test";
import { append, appendIf, type Fixture, one, put, words } from "./fixture.js";

export function describeFollowing(fixture: Fixture): void {
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
}

export function describeWatching(fixture: Fixture): void {
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
