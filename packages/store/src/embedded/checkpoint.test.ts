import assert from "node:assert/strict";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, mock, test } from "node:test";
import type { LogRef } from "../storage.js";
import { type EmbeddedStorage, openEmbeddedStorage, type StorageEvent } from "./embedded-storage.js";
import { chargesOf } from "./index-charges.test.support.js";
import { IndexStore } from "./index-store.js";

const log: LogRef = { kind: "topic", id: "t", part: 0 };
const ALL = { maxBytes: Number.MAX_SAFE_INTEGER };

let root: string;
let events: StorageEvent[];
/** What the engine asked to be called back for. */
let alarms: { delayMs: number; callback: () => void }[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "peal-checkpoint-"));
  events = [];
  alarms = [];
});

afterEach(() => rm(root, { recursive: true }));

function open(name: string): Promise<EmbeddedStorage> {
  return openEmbeddedStorage({
    directory: join(root, name),
    reserveBytes: 0,
    checkpointRows: 2,
    log: (event) => events.push(event),
    clock: {
      monotonicMs: () => 0,
      after: (delayMs, callback) => {
        const alarm = { delayMs, callback };
        alarms.push(alarm);
        return () => {
          alarms = alarms.filter((other) => other !== alarm);
        };
      },
    },
  });
}

async function appendBig(storage: EmbeddedStorage, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    await storage.commit([{ kind: "append", log, data: Buffer.alloc(70_000, index), count: 1, timeMs: 1 }]);
  }
}

test("a log half written to the index when the process dies is counted once", async () => {
  const storage = await open("first");
  await appendBig(storage, 9);
  for (const transactions of [1, 2, 3]) {
    const { apply } = IndexStore.prototype;
    let left = transactions;
    const failing = mock.method(IndexStore.prototype, "apply", async function (this: IndexStore, changes: never) {
      left -= 1;
      if (left < 0) throw new Error("the process dies here");
      await apply.call(this, changes);
    });
    await storage.checkpoint();
    failing.mock.restore();
    const copy = `killed-${transactions}`;
    await cp(join(root, "first"), join(root, copy), { recursive: true, filter: (path) => !path.endsWith(".sock") });
    const killed = await open(copy);
    assert.equal((await killed.read(log, 0, ALL)).length, 9);
    await killed.commit([{ kind: "trim", log, upTo: 3 }]);
    await killed.checkpoint();
    assert.equal((await killed.read(log, 0, ALL)).length, 6);
    await killed.close();
    const { charged, pointedTo } = await chargesOf(join(root, copy, "index", "index.mdb"));
    assert.deepEqual(charged, pointedTo);
  }
  assert.ok(events.length >= 3 && events.every((event) => event.message.includes("tried again")));
  await storage.close();
});

test("an engine without changes has nothing to wake up for", async () => {
  const storage = await open("idle");
  await appendBig(storage, 1);
  assert.deepEqual(
    alarms.map(({ delayMs }) => delayMs),
    [500],
  );
  await storage.checkpoint();
  assert.deepEqual(alarms, []);
  await storage.close();
});

test("a checkpoint is due half a second after the first change", async () => {
  const storage = await open("due");
  await appendBig(storage, 1);
  const [alarm] = alarms;
  const written = mock.method(IndexStore.prototype, "apply");
  alarms = [];
  alarm!.callback();
  await storage.checkpoint();
  assert.ok(written.mock.callCount() > 0);
  written.mock.restore();
  assert.deepEqual(alarms, []);
  await storage.close();
});

test("a clean end leaves nothing to replay and nothing to say", async () => {
  const first = await open("clean");
  await appendBig(first, 3);
  await first.commit([{ kind: "put", key: "k", value: Buffer.from("v"), revision: null }]);
  await first.close();
  const written = mock.method(IndexStore.prototype, "apply");
  const second = await open("clean");
  await second.checkpoint();
  assert.equal(written.mock.callCount(), 0);
  written.mock.restore();
  assert.equal((await second.read(log, 0, ALL)).length, 3);
  await second.close();
  assert.deepEqual(events, []);
});
