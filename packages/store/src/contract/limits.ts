import assert from "node:assert/strict";
import { test } from "node:test";
import { type LogRef, STORAGE_LIMITS, type Write } from "../storage.js";
import { ALL, append, appendIf, type Fixture, put, value, words } from "./fixture.js";

export function describeLimits(fixture: Fixture): void {
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
