import assert from "node:assert/strict";
import { test } from "node:test";
import { losePower, PowerLossFailure } from "./power-loss.js";

test("nothing confirmed is lost with the power, whatever is left of the index", { timeout: 120_000 }, async () => {
  const indexes = new Set<string>();
  await losePower({ seed: 1, cuts: 20, bug: "none", onCut: ({ index }) => indexes.add(index) });
  assert.equal(indexes.size, 5);
});

for (const bug of ["skipSyncs", "skipDirectorySyncs"] as const) {
  test(`an engine that would ${bug === "skipSyncs" ? "skip syncs of files" : "skip syncs of directories"} is found out`, {
    timeout: 120_000,
  }, async () => {
    await assert.rejects(losePower({ seed: 1, cuts: 100, bug }), PowerLossFailure);
  });
}
