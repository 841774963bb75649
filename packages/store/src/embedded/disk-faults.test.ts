import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import type { LogRef, Write } from "../storage.js";
import { StorageError } from "../storage-error.js";
import { type EmbeddedStorage, openEmbeddedStorage, type StorageEvent } from "./embedded-storage.js";
import { FaultyDisk } from "./faulty-disk.test.support.js";

const topic: LogRef = { kind: "topic", id: "t", part: 0 };
const acks: LogRef = { kind: "ack", id: "a", part: 0 };
const ALL = { maxBytes: Number.MAX_SAFE_INTEGER };
const MIB = 1024 * 1024;

let directory: string;
let disk: FaultyDisk;
let storage: EmbeddedStorage;
let events: StorageEvent[];
let fatal: Error[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "peal-faults-"));
  disk = new FaultyDisk();
  events = [];
  fatal = [];
});

afterEach(async () => {
  await storage.close();
  await rm(directory, { recursive: true });
});

async function open(segmentBytes = 4 * MIB): Promise<void> {
  storage = await openEmbeddedStorage({
    directory,
    disk,
    segmentBytes,
    reserveBytes: MIB,
    log: (event) => events.push(event),
    onFatal: (error) => fatal.push(error),
    clock: { monotonicMs: () => performance.now(), after: () => () => undefined },
  });
}

function message(bytes: number): Write {
  return { kind: "append", log: topic, data: Buffer.alloc(bytes, "m"), count: 1, timeMs: 1 };
}

function step(previous: number): Write {
  return { kind: "appendIf", log: acks, previous, data: Buffer.from(`step after ${previous}`), timeMs: 1 };
}

async function refused(promise: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(promise, (error) => error instanceof StorageError && error.code === code);
}

async function sizes(): Promise<number[]> {
  return (await storage.read(topic, 0, ALL)).map((record) => record.data.byteLength);
}

test("a full disk refuses messages, lets acks, deletes and trims go on, and recovers when there is space", async () => {
  await open();
  await storage.commit([message(1000), { kind: "put", key: "k", value: Buffer.from("v"), revision: null }]);
  // The reserve's own megabyte is what is left once it is given up.
  disk.roomBytes = 50_000;
  disk.freeBytesLeft = 0;
  const seen: number[] = [];
  storage.follow(topic, 1, (records) => seen.push(records.length));
  await refused(storage.commit([message(60_000)]), "Full");
  disk.roomBytes = MIB;
  await refused(storage.commit([message(10)]), "Full");
  await refused(storage.commit([message(10), step(0)]), "Full");
  assert.equal(storage.tail(acks), 0);
  for (let previous = 0; previous < 20; previous += 1) await storage.commit([step(previous)]);
  await storage.commit([
    { kind: "put", key: "k", value: null, revision: 1 },
    { kind: "trim", log: topic, upTo: 1 },
  ]);
  await storage.checkpoint();
  assert.equal((await storage.stats()).isFull, true);
  assert.deepEqual(seen, []);

  disk.roomBytes = undefined;
  disk.freeBytesLeft = Number.MAX_SAFE_INTEGER;
  await storage.checkpoint();
  assert.equal((await storage.stats()).isFull, false);
  assert.deepEqual(await storage.commit([message(70)]), [2]);
  await storage.close();
  await open();
  assert.deepEqual([await sizes(), storage.tail(acks), await storage.get("k")], [[70], 20, undefined]);
  assert.deepEqual(events, []);
});

test("of a group that meets a full disk the acks are stored and the messages refused, in one attempt of each caller", async () => {
  await open();
  await storage.commit([message(10)]);
  disk.roomBytes = 10_000;
  disk.freeBytesLeft = 0;
  const commits = [storage.commit([message(30_000)]), storage.commit([step(0)]), storage.commit([step(1)])];
  // Giving up the reserve frees its room.
  const unlink = disk.unlink;
  disk.unlink = async (path) => {
    await unlink(path);
    disk.roomBytes = MIB;
  };
  const settled = await Promise.allSettled(commits);
  assert.deepEqual(
    settled.map((result) => result.status),
    ["rejected", "fulfilled", "fulfilled"],
  );
  assert.deepEqual([storage.tail(topic), storage.tail(acks)], [1, 2]);
});

test("with the reserve used up as well everything is refused, and nothing is lost", async () => {
  await open();
  await storage.commit([message(10), step(0)]);
  disk.roomBytes = 0;
  disk.freeBytesLeft = 0;
  await refused(storage.commit([step(1)]), "Full");
  await refused(storage.commit([step(1)]), "Full");
  assert.equal(storage.tail(acks), 1);
  disk.roomBytes = undefined;
  assert.deepEqual(await storage.commit([step(1)]), [2]);
  await storage.close();
  await open();
  assert.deepEqual([await sizes(), storage.tail(acks)], [[10], 2]);
  assert.deepEqual(events, []);
});

test("a group that fails for lack of space leaves no trace behind it in the log", async () => {
  await open();
  await storage.commit([step(0)]);
  disk.freeBytesLeft = 0;
  for (let room = 0; room < 200; room += 7) {
    disk.roomBytes = room;
    const outcome = await storage.commit([step(storage.tail(acks))]).catch((error: StorageError) => error.code);
    if (typeof outcome === "string") assert.equal(outcome, "Full");
  }
  disk.roomBytes = undefined;
  const tail = storage.tail(acks);
  await storage.close();
  await open();
  assert.equal(storage.tail(acks), tail);
  assert.equal((await storage.read(acks, 0, ALL)).length, tail);
  assert.deepEqual(events, []);
});

test("a failed sync answers Unknown, is never tried again and stops the engine", async () => {
  await open();
  await storage.commit([message(10)]);
  const before = disk.syncs;
  disk.syncsLeft = 0;
  const tail = storage.tail(topic);
  await refused(storage.commit([message(20)]), "Unknown");
  disk.syncsLeft = undefined;
  assert.equal(disk.syncs, before + 1);
  assert.equal(fatal.length, 1);
  assert.equal(storage.tail(topic), tail);
  await refused(storage.commit([message(30)]), "Unknown");
  await storage.checkpoint();
  assert.equal(disk.syncs, before + 1);
  await storage.close();
  await open();
  const found = await sizes();
  assert.deepEqual(found.slice(0, 1), [10]);
  assert.ok(!found.includes(30));
});

test("segments are given back and written over, and a slow log does not pin them", async () => {
  await open(64 * 1024);
  const slow: LogRef = { kind: "topic", id: "slow", part: 0 };
  const idle: LogRef = { kind: "ack", id: "idle", part: 0 };
  await storage.commit([{ kind: "append", log: slow, data: Buffer.from("kept"), count: 3, timeMs: 7 }]);
  await storage.commit([{ kind: "appendIf", log: idle, previous: 0, data: Buffer.from("cursor"), timeMs: 7 }]);
  for (let round = 0; round < 120; round += 1) {
    const [pos] = await storage.commit([message(9000)]);
    await storage.commit([{ kind: "trim", log: topic, upTo: pos! }]);
    if (round % 10 === 9) await storage.checkpoint();
  }
  await storage.checkpoint();
  const stats = await storage.stats();
  assert.ok(stats.freedSegments > 10, `${stats.freedSegments} freed`);
  assert.ok(stats.segments <= 4, `${stats.segments} stand`);
  assert.ok(stats.movedBytes > 0);
  for (const index of ["kept", "rebuilt"]) {
    await storage.close();
    if (index === "rebuilt") await rm(join(directory, "index", "index.mdb"));
    await open(64 * 1024);
    assert.equal(Buffer.from((await storage.read(slow, 0, ALL))[0]!.data).toString(), "kept");
    assert.equal(Buffer.from((await storage.read(idle, 0, ALL))[0]!.data).toString(), "cursor");
    assert.deepEqual([storage.tail(topic), storage.tail(slow), storage.tail(idle)], [120, 3, 1]);
    assert.deepEqual(await sizes(), []);
  }
});

test("a reader that is slow keeps its segment from being written over", async () => {
  await open(64 * 1024);
  const written = Array.from({ length: 12 }, (_, index) => Buffer.alloc(20_000, index));
  for (const data of written) await storage.commit([{ kind: "append", log: topic, data, count: 1, timeMs: 1 }]);
  await storage.checkpoint();
  const reads = Array.from({ length: 12 }, (_, after) => storage.read(topic, after, { maxBytes: 1 }));
  await storage.commit([{ kind: "trim", log: topic, upTo: 12 }]);
  const churn = (async () => {
    for (let round = 0; round < 20; round += 1) {
      await storage.commit([message(20_000), { kind: "trim", log: topic, upTo: Number.MAX_SAFE_INTEGER }]);
      await storage.checkpoint();
    }
  })();
  const records = (await Promise.all(reads)).flat();
  await churn;
  for (const record of records) assert.ok(record.pos > 12 || written[record.pos - 1]!.equals(record.data));
});

test("a directory on a full disk opens with the reserve's room, and refuses messages until there is space", async () => {
  await open();
  await storage.commit([message(10), step(0)]);
  await storage.close();
  disk.roomBytes = 20;
  disk.freeBytesLeft = 0;
  const unlink = disk.unlink;
  disk.unlink = async (path) => {
    await unlink(path);
    if (path.endsWith("reserve")) disk.roomBytes = 50_000;
  };
  await open();
  assert.deepEqual(
    events.splice(0).map(({ message: text }) => text),
    ["there is no room for the reserve: messages are refused"],
  );
  await refused(storage.commit([message(10)]), "Full");
  disk.roomBytes = 50_000;
  assert.deepEqual(await storage.commit([step(1)]), [2]);
  disk.roomBytes = undefined;
  disk.freeBytesLeft = Number.MAX_SAFE_INTEGER;
  await storage.checkpoint();
  assert.deepEqual(await storage.commit([message(10)]), [2]);
});
