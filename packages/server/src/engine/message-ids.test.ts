import assert from "node:assert/strict";
import { test } from "node:test";
import { openMemoryStorage, StorageError } from "@peal/store";
import { Activity } from "./activity.js";
import { CommitLine } from "./commit-line.js";
import { FaultyStorage } from "./faulty-storage.test.support.js";
import { ManualClock } from "./manual-clock.js";
import { MessageIds } from "./message-ids.js";

async function takeOne(ids: MessageIds): Promise<number> {
  return ids.draw();
}

function world(): { storage: FaultyStorage; clock: ManualClock; open: () => Promise<MessageIds> } {
  const storage = new FaultyStorage(openMemoryStorage());
  const clock = new ManualClock();
  const open = (): Promise<MessageIds> =>
    MessageIds.open(storage, new CommitLine(storage, new Activity(), assert.fail), clock);
  return { storage, clock, open };
}

test("an id is the microseconds of the clock, or one more than the last", async () => {
  const { clock, open } = world();
  const ids = await open();
  assert.equal(await takeOne(ids), clock.wallMs() * 1_000);
  assert.equal(await takeOne(ids), clock.wallMs() * 1_000 + 1);
  assert.equal(ids.reserve(10), undefined);
  assert.equal(ids.take(10), clock.wallMs() * 1_000 + 2);
  assert.equal(await takeOne(ids), clock.wallMs() * 1_000 + 12);
});

test("no id comes twice after a kill with the clock set back, and the loss is at most a minute of ids", async () => {
  const { clock, open } = world();
  const last = await takeOne(await open());
  clock.jumpWall(-86_400_000);
  const next = await takeOne(await open());
  assert.ok(next > last && next <= last + 61_000_000, `${next} after ${last}`);
});

test("after a clean stop the ids go on where they ended", async () => {
  const { clock, open } = world();
  const ids = await open();
  const last = await takeOne(ids);
  await ids.close();
  clock.jumpWall(-86_400_000);
  assert.equal(await takeOne(await open()), last + 1);
});

test("a bound is promised before the last one is reached, so that nobody waits for it", async () => {
  const { clock, open } = world();
  const ids = await open();
  await takeOne(ids);
  for (let second = 0; second < 300; second += 1) {
    await clock.advance(1_000, () => new Promise((resolve) => setImmediate(resolve)));
    assert.equal(ids.reserve(1), undefined);
    ids.take(1);
  }
});

test("without room for the bound an id is refused, and given once there is room", async () => {
  const { storage, open } = world();
  const ids = await open();
  storage.beforeCommit = () => {
    throw new StorageError("Full", "no space");
  };
  await assert.rejects(takeOne(ids), { code: "Full" });
  storage.beforeCommit = () => undefined;
  assert.ok((await takeOne(ids)) > 0);
});
