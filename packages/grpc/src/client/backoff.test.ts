import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Backoff } from "./backoff.js";

test("each failure waits 1.6 times as long as the one before, up to the maximum", () => {
  const backoff = new Backoff(1000, 4000, () => 0.5);
  assert.deepEqual([backoff.nextMs(), backoff.nextMs(), backoff.nextMs(), backoff.nextMs()], [1000, 1600, 2560, 4000]);
  backoff.reset();
  assert.equal(backoff.nextMs(), 1000);
});

test("the spread is a fifth, however many failures there were", () => {
  const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(unit, fc.integer({ min: 1, max: 2000 }), (roll, failures) => {
      const backoff = new Backoff(100, 30_000, () => roll);
      let delayMs = 0;
      for (let n = 0; n < failures; n += 1) delayMs = backoff.nextMs();
      assert.ok(delayMs >= 80 && delayMs <= 36_000, `${delayMs} ms`);
    }),
  );
});
