import assert from "node:assert/strict";
import { test } from "node:test";
import { openMemoryStorage } from "@peal/store";
import fc from "fast-check";
import { Activity } from "./activity.js";
import { Block } from "./block.js";
import { packBlock } from "./block-writer.js";
import type { BlockRun } from "./delivered-runs.js";
import { batchOf } from "./engine.test.support.js";
import { FaultyStorage } from "./faulty-storage.test.support.js";
import { gatherRuns } from "./gather-runs.js";
import { ReadGate } from "./read-gate.js";
import { TailCache } from "./tail-cache.js";
import { TopicLog } from "./topic-log.js";

const PADDING = "#".repeat(2_000);

/** A log of blocks of the given sizes; the first `cachedFrom` of them are in the store alone. */
async function logOf(sizes: readonly number[], cacheBytes: number): Promise<{ log: TopicLog; storage: FaultyStorage }> {
  const storage = new FaultyStorage(openMemoryStorage());
  const parts = { storage, cache: new TailCache(cacheBytes), reads: new ReadGate(2), activity: new Activity() };
  const log = new TopicLog("log", parts);
  let next = 1;
  for (const count of sizes) {
    const texts = Array.from({ length: count }, (_, index) => `${next + index}${PADDING}`);
    const data = packBlock([batchOf(texts)], 1_000 + next, 5);
    await storage.commit([{ kind: "append", log: log.ref, data, count, timeMs: 5 }]);
    log.appended(new Block(next, data));
    next += count;
  }
  return { log, storage };
}

function sequencesOf(runs: readonly BlockRun[]): number[] {
  return runs.flatMap((run) =>
    Array.from({ length: run.count }, (_, index) => {
      const sequence = run.firstSequence + index;
      const at = run.offset(index);
      const text = Buffer.from(run.bytes.subarray(at, at + run.length(index))).toString();
      assert.equal(text, `${sequence}${PADDING}`);
      assert.equal(run.firstMessageId + index, 1_000 + sequence);
      assert.equal(run.publishTimeMs, 5);
      return sequence;
    }),
  );
}

test("any messages are found, whole, whether their blocks are in memory or not", async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 });
  const wanted = fc.array(fc.tuple(fc.integer({ min: 1, max: 150 }), fc.integer({ min: 1, max: 60 })), {
    maxLength: 6,
  });
  await fc.assert(
    fc.asyncProperty(sizes, wanted, fc.integer({ min: 0, max: 100_000 }), async (given, runs, cacheBytes) => {
      const { log } = await logOf(given, cacheBytes);
      const head = given.reduce((sum, count) => sum + count, 0);
      const asked = runs.filter(([first]) => first <= head);
      const found = await gatherRuns(
        asked.map(([first, count]) => ({ first, count, block: undefined, failures: first % 3 })),
        log,
        true,
      );
      const expected = asked.flatMap(([first, count]) =>
        Array.from({ length: Math.min(count, head - first + 1) }, (_, index) => first + index),
      );
      assert.deepEqual(sequencesOf(found), expected);
      const attempts = found.flatMap((run) => Array.from({ length: run.count }, () => run.deliveryAttempt));
      const counted = asked.flatMap(([first, count]) =>
        Array.from({ length: Math.min(count, head - first + 1) }, () => (first % 3) + 1),
      );
      assert.deepEqual(attempts, counted);
    }),
    { numRuns: 60 },
  );
});

test("a block read for a few of its messages is read once and not kept whole", async () => {
  const { log, storage } = await logOf([100, 100], 0);
  const runs = [3, 50, 90, 150].map((first) => ({ first, count: 1, block: undefined, failures: 0 }));
  const found = await gatherRuns(runs, log, false);
  assert.deepEqual(sequencesOf(found), [3, 50, 90, 150]);
  assert.equal(storage.reads, 2);
  assert.ok(found.every((run) => run.bytes.byteLength < 3_000));
});

test("a block of which much is delivered is kept as it is", async () => {
  const { log } = await logOf([100], 0);
  const found = await gatherRuns([{ first: 1, count: 60, block: undefined, failures: 0 }], log, false);
  assert.equal(found.length, 1);
  assert.ok(found[0]!.bytes.byteLength > 200_000);
});
