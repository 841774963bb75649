import assert from "node:assert/strict";
import { test } from "node:test";
import { simulate } from "./simulate.js";

test("a seed does the same twice", async () => {
  const first = await simulate(7, 500);
  const second = await simulate(7, 500);
  assert.deepEqual(first, second);
  assert.notEqual((await simulate(8, 500)).traceHash, first.traceHash);
});

test("the server keeps its promises through fresh seeds, faults, crashes and clock jumps", async () => {
  // Told in the failure's text, so that it can be replayed.
  const firstSeed = Math.floor(Math.random() * 2 ** 31);
  let delivered = 0;
  let kills = 0;
  for (let seed = firstSeed; seed < firstSeed + 40; seed += 1) {
    const result = await simulate(seed, 500);
    delivered += result.delivered;
    kills += result.kills;
  }
  assert.ok(delivered > 1_000 && kills > 10, `${delivered} deliveries, ${kills} kills`);
});
