import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ALL,
  append,
  appendIf,
  collect,
  type Fixture,
  one,
  put,
  refused,
  type StoreCapabilities,
  words,
} from "./fixture.js";

export function describeReopening(fixture: Fixture, capabilities: StoreCapabilities): void {
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
