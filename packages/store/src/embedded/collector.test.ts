import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import type { LogRef } from "../storage.js";
import { StorageError } from "../storage-error.js";
import { type EmbeddedStorage, openEmbeddedStorage, type StorageEvent } from "./embedded-storage.js";

const busy: LogRef = { kind: "topic", id: "busy", part: 0 };
const slow: LogRef = { kind: "topic", id: "slow", part: 0 };
const ALL = { maxBytes: Number.MAX_SAFE_INTEGER };

let directory: string;
let storage: EmbeddedStorage;
let events: StorageEvent[];
let nowMs: number;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "peal-collector-"));
  events = [];
  nowMs = 0;
});

afterEach(async () => {
  await storage.close();
  await rm(directory, { recursive: true });
});

async function open(collectBytesPerSecond: number): Promise<void> {
  storage = await openEmbeddedStorage({
    directory,
    segmentBytes: 100_000,
    reserveBytes: 0,
    collectBytesPerSecond,
    log: (event) => events.push(event),
    clock: { monotonicMs: () => nowMs, after: () => () => undefined },
  });
}

/** Each segment gets some of the slow log, which stays, and much of the busy one, which goes. */
async function fillSegments(count: number): Promise<void> {
  for (let segment = 0; segment < count; segment += 1) {
    for (let index = 0; index < 9; index += 1) {
      const kept = Buffer.alloc(2000, segment * 9 + index);
      await storage.commit([
        { kind: "append", log: slow, data: kept, count: 1, timeMs: 1 },
        { kind: "append", log: busy, data: Buffer.alloc(8000), count: 1, timeMs: 1 },
      ]);
    }
  }
}

async function slowBytes(): Promise<number[]> {
  return (await storage.read(slow, 0, ALL)).map((record) => record.data[0]!);
}

test("what is copied per second is bounded, and goes on as time passes", async () => {
  await open(1000);
  await fillSegments(6);
  await storage.checkpoint();
  await storage.commit([{ kind: "trim", log: busy, upTo: storage.tail(busy) }]);
  await storage.checkpoint();
  const first = await storage.stats();
  assert.ok(first.movedBytes > 0 && first.movedBytes < 30_000, `${first.movedBytes} moved`);
  await storage.checkpoint();
  assert.equal((await storage.stats()).movedBytes, first.movedBytes);
  for (let round = 0; round < 200; round += 1) {
    nowMs += 1000;
    await storage.checkpoint();
  }
  const last = await storage.stats();
  assert.ok(last.movedBytes > 3 * first.movedBytes);
  assert.ok(last.segments <= 3, `${last.segments} stand`);
  assert.deepEqual(
    await slowBytes(),
    Array.from({ length: 54 }, (_, index) => index),
  );
});

test("a reader sees every record while they are moved", async () => {
  await open(100_000_000);
  await fillSegments(8);
  await storage.commit([{ kind: "trim", log: busy, upTo: storage.tail(busy) }]);
  const expected = Array.from({ length: 72 }, (_, index) => index);
  let isDone = false;
  const reading = (async () => {
    let rounds = 0;
    for (; !isDone; rounds += 1) assert.deepEqual(await slowBytes(), expected);
    return rounds;
  })();
  await storage.checkpoint();
  isDone = true;
  assert.ok((await reading) > 0);
  assert.ok((await storage.stats()).freedSegments >= 5);
  assert.deepEqual(await slowBytes(), expected);
});

test("a segment in which a checksum fails is kept, said so, and what can be read is read", async () => {
  await open(100_000_000);
  await fillSegments(3);
  await storage.checkpoint();
  await storage.close();
  const names = (await readdir(join(directory, "log"))).filter((name) => name.endsWith(".log")).sort();
  const path = join(directory, "log", names[0]!);
  const bytes = await readFile(path);
  bytes[bytes.indexOf(Buffer.alloc(2000, 4))]! ^= 1;
  await writeFile(path, bytes);
  await open(100_000_000);
  await storage.commit([{ kind: "trim", log: busy, upTo: storage.tail(busy) }]);
  await storage.checkpoint();
  assert.equal(events.length, 1);
  assert.ok(events[0]!.level === "error" && events[0]!.message.includes(path));
  assert.ok((await readdir(join(directory, "log"))).includes(names[0]!));
  const isCorrupt = (error: unknown) => error instanceof StorageError && error.code === "Corrupt";
  await assert.rejects(storage.read(slow, 4, { maxBytes: 1 }), isCorrupt);
  assert.equal((await storage.read(slow, 3, { maxBytes: 1 }))[0]!.data[0], 3);
  assert.equal((await storage.read(slow, 20, { maxBytes: 1 }))[0]!.data[0], 20);
});
