import assert from "node:assert/strict";
import { cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { LogRef } from "../storage.js";
import { StorageError } from "../storage-error.js";
import { type EmbeddedStorage, openEmbeddedStorage } from "./embedded-storage.js";
import { FRAME_HEADER_BYTES } from "./frame.js";
import { StorageOpenError } from "./storage-open-error.js";

const root = await mkdtemp(join(tmpdir(), "peal-damage-"));
after(() => rm(root, { recursive: true }));

const topic: LogRef = { kind: "topic", id: "t", part: 0 };
const other: LogRef = { kind: "topic", id: "other", part: 0 };
const ALL = { maxBytes: Number.MAX_SAFE_INTEGER };
let copies = 0;

async function open(directory: string, repairs: string[] = [], segmentBytes = 1024 * 1024): Promise<EmbeddedStorage> {
  return await openEmbeddedStorage({
    directory,
    segmentBytes,
    reserveBytes: 0,
    log: (event) => repairs.push(event.message),
    clock: { monotonicMs: () => performance.now(), after: () => () => undefined },
  });
}

/** A copy without its index, as after a kill: the log is all there is. */
async function copyLog(directory: string): Promise<string> {
  copies += 1;
  const copy = join(root, `copy-${copies}`);
  await cp(directory, copy, { recursive: true, filter: (path) => !path.endsWith(".sock") && !path.endsWith("index") });
  return copy;
}

async function segmentFiles(directory: string): Promise<string[]> {
  const names = await readdir(join(directory, "log"));
  return names
    .filter((name) => name.endsWith(".log"))
    .sort()
    .map((name) => join(directory, "log", name));
}

async function commitWords(storage: EmbeddedStorage, words: readonly string[], log = topic): Promise<void> {
  for (const word of words)
    await storage.commit([{ kind: "append", log, data: Buffer.from(word), count: 1, timeMs: 1 }]);
}

async function readWords(storage: EmbeddedStorage, log = topic): Promise<string[]> {
  return (await storage.read(log, 0, ALL)).map((record) => Buffer.from(record.data).toString());
}

test("a log cut at any byte of its last frame opens with all frames before it, and goes on", async () => {
  const directory = join(root, "torn");
  const storage = await open(directory);
  await commitWords(storage, ["one", "two"]);
  const [path] = await segmentFiles(directory);
  const before = (await readFile(path!)).byteLength;
  await commitWords(storage, ["three"]);
  const whole = (await readFile(path!)).byteLength;
  assert.ok(whole > before + FRAME_HEADER_BYTES);
  const copy = await copyLog(directory);
  const [copied] = await segmentFiles(copy);
  const bytes = await readFile(copied!);
  for (let size = before; size < whole; size += 1) {
    await writeFile(copied!, bytes.subarray(0, size));
    await rm(join(copy, "index"), { recursive: true, force: true });
    const repairs: string[] = [];
    const torn = await open(copy, repairs);
    assert.deepEqual(await readWords(torn), ["one", "two"]);
    assert.equal(
      repairs.some((repair) => repair.includes("cut")),
      size >= before + FRAME_HEADER_BYTES,
      `${size}`,
    );
    await commitWords(torn, ["four"]);
    assert.deepEqual(await readWords(torn), ["one", "two", "four"]);
    await torn.close();
  }
  await storage.close();
});

test("a last frame with any byte changed is cut, never taken", async () => {
  const directory = join(root, "flipped");
  const storage = await open(directory);
  await commitWords(storage, ["one"]);
  const [path] = await segmentFiles(directory);
  const before = (await readFile(path!)).byteLength;
  await commitWords(storage, ["two"]);
  const copy = await copyLog(directory);
  const [copied] = await segmentFiles(copy);
  const bytes = await readFile(copied!);
  for (let at = before; at < bytes.byteLength; at += 1) {
    const flipped = Buffer.from(bytes);
    flipped[at]! ^= 0x10;
    await writeFile(copied!, flipped);
    await rm(join(copy, "index"), { recursive: true, force: true });
    const opened = await open(copy);
    assert.deepEqual(await readWords(opened), ["one"], `byte ${at}`);
    await opened.close();
  }
  await storage.close();
});

test("a damaged frame before valid ones is refused with its place, whatever the index says", async () => {
  const directory = join(root, "middle");
  const storage = await open(directory);
  await commitWords(storage, ["one"]);
  const [path] = await segmentFiles(directory);
  const offset = (await readFile(path!)).byteLength;
  await commitWords(storage, ["two", "three"]);
  const copy = await copyLog(directory);
  await storage.close();
  const [copied] = await segmentFiles(copy);
  const bytes = await readFile(copied!);
  bytes[offset + FRAME_HEADER_BYTES + 50]! ^= 1;
  await writeFile(copied!, bytes);
  await assert.rejects(open(copy), (error) => {
    assert.ok(error instanceof StorageOpenError);
    assert.equal(error.code, "Corrupt");
    assert.ok(error.message.includes(copied!) && error.message.includes(`offset ${offset}`), error.message);
    return true;
  });
});

test("a damaged record stops the reading of its log with its place, and other logs go on", async () => {
  const directory = join(root, "record");
  const storage = await open(directory);
  await commitWords(storage, ["one", "two-two-two", "three"]);
  await commitWords(storage, ["elsewhere"], other);
  await storage.close();
  const [path] = await segmentFiles(directory);
  const bytes = await readFile(path!);
  bytes[bytes.indexOf("two-two-two")]! ^= 1;
  await writeFile(path!, bytes);
  const reopened = await open(directory);
  assert.deepEqual(await readWords(reopened, other), ["elsewhere"]);
  await assert.rejects(reopened.read(topic, 0, ALL), (error) => {
    assert.ok(error instanceof StorageError && error.code === "Corrupt");
    assert.ok(error.message.includes(path!), error.message);
    return true;
  });
  const failures: string[] = [];
  await new Promise<void>((resolve) => {
    const onFailure = (error: StorageError) => {
      failures.push(error.code);
      resolve();
    };
    reopened.follow(topic, 1, () => assert.fail("nothing can be read"), onFailure);
  });
  assert.deepEqual(failures, ["Corrupt"]);
  await commitWords(reopened, ["more"], other);
  assert.deepEqual(await readWords(reopened, other), ["elsewhere", "more"]);
  await reopened.close();
});

test("what a file held before it was written over is never taken for new", async () => {
  const directory = join(root, "recycled");
  const storage = await open(directory, [], 64 * 1024);
  const big = "x".repeat(8000);
  for (let round = 0; round < 60; round += 1) {
    await commitWords(storage, [`${round} ${big}`]);
    await storage.commit([{ kind: "trim", log: topic, upTo: storage.tail(topic) - 1 }]);
    await storage.checkpoint();
  }
  const { freedSegments } = await storage.stats();
  assert.ok(freedSegments > 3);
  const copy = await copyLog(directory);
  await storage.close();
  const repairs: string[] = [];
  const reopened = await open(copy, repairs, 64 * 1024);
  assert.deepEqual(
    (await readWords(reopened)).map((word) => word.slice(0, 3)),
    ["59 "],
  );
  assert.equal(reopened.tail(topic), 60);
  assert.deepEqual(repairs, ["the index is rebuilt from the log: it is missing"]);
  await commitWords(reopened, ["on"]);
  assert.equal(reopened.tail(topic), 61);
  await reopened.close();
});

test("a segment file whose header never became whole is removed, and said so", async () => {
  const directory = join(root, "headless");
  const storage = await open(directory);
  await commitWords(storage, ["one"]);
  await storage.close();
  await writeFile(join(directory, "log", "0000000002.log"), Buffer.alloc(5000, 3));
  const repairs: string[] = [];
  const reopened = await open(directory, repairs);
  assert.deepEqual(await readWords(reopened), ["one"]);
  assert.deepEqual(repairs, ["log/0000000002.log holds nothing and is removed"]);
  await reopened.close();
  const [path] = await segmentFiles(directory);
  await truncate(path!, 10);
  await writeFile(join(directory, "log", "0000000003.log"), Buffer.alloc(100));
  await assert.doesNotReject(async () => (await open(directory, repairs)).close());
});
