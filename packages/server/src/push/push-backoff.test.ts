import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { PushBackoff } from "./push-backoff.js";
import { paceOf } from "./push-pace.js";

const PACE = paceOf("service").backoff;

test("one failure of five is a pause of about half a second, nothing but failures one of a minute (S-14.10)", () => {
  const mixed = new PushBackoff(PACE);
  let pauseMs = 0;
  for (let round = 0; round < 50; round += 1) {
    for (let index = 0; index < 4; index += 1) mixed.succeeded(1);
    pauseMs = mixed.failed(1);
  }
  assert.ok(pauseMs >= 300 && pauseMs <= 800, String(pauseMs));
  const failing = new PushBackoff(PACE);
  for (let index = 0; index < 100; index += 1) pauseMs = failing.failed(1);
  assert.ok(pauseMs >= 55_000 && pauseMs <= 60_000, String(pauseMs));
});

test("a rare failure is a short pause, and successes bring the pause down again", () => {
  const backoff = new PushBackoff(PACE);
  for (let index = 0; index < 100; index += 1) backoff.succeeded(1);
  assert.ok(backoff.failed(1) < 250);
  for (let index = 0; index < 100; index += 1) backoff.failed(1);
  for (let index = 0; index < 100; index += 1) backoff.succeeded(1);
  assert.ok(backoff.failed(1) < 250);
});

test("a burst that fails together weighs no more than it would one after another", () => {
  const burst = new PushBackoff(PACE);
  let pauseMs = 0;
  for (let index = 0; index < 100; index += 1) pauseMs = burst.failed(100);
  assert.ok(pauseMs < 10_000, String(pauseMs));
});

test("a pause stays within its bounds and never gets shorter by a failure", () => {
  const outcomes = fc.array(fc.record({ isOk: fc.boolean(), outstanding: fc.integer({ min: 1, max: 3_000 }) }));
  fc.assert(
    fc.property(outcomes, (given) => {
      const backoff = new PushBackoff(PACE);
      for (const { isOk, outstanding } of given) {
        if (isOk) {
          backoff.succeeded(outstanding);
          continue;
        }
        const firstMs = backoff.failed(outstanding);
        const secondMs = backoff.failed(outstanding);
        assert.ok(firstMs >= PACE.minMs && secondMs >= firstMs && secondMs <= PACE.maxMs);
      }
    }),
  );
});
