import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "./manual-clock.js";
import { TestClock } from "./test-clock.js";

const settle = async (): Promise<void> => undefined;

test("a move fires the timers on its way in order, each at its instant, new ones included", async () => {
  const clock = new TestClock(new ManualClock());
  const seen: string[] = [];
  const note = (name: string): void => {
    seen.push(`${name}@${clock.monotonicMs()}`);
  };
  clock.setTimer(300, () => note("c"));
  clock.setTimer(100, () => {
    note("a");
    clock.setTimer(200, () => note("b"));
  });
  clock.setTimer(301, () => note("late"));
  const cancelled = clock.setTimer(150, () => note("cancelled"));
  cancelled.cancel();
  const wallBeforeMs = clock.wallMs();
  await clock.advance(300, settle);
  assert.deepEqual(seen, ["a@100", "b@200", "c@300"]);
  assert.equal(clock.wallMs() - wallBeforeMs, 300);
});

test("what a timer began ends before time goes on", async () => {
  const clock = new TestClock(new ManualClock());
  let busy = false;
  clock.setTimer(10, () => {
    busy = true;
  });
  clock.setTimer(20, () => assert.equal(busy, false));
  await clock.advance(30, async () => {
    await new Promise(setImmediate);
    busy = false;
  });
});

test("time also passes by itself", async () => {
  const base = new ManualClock();
  const clock = new TestClock(base);
  let count = 0;
  await clock.advance(1_000, settle);
  clock.setTimer(1_500, () => (count += 1));
  await base.advance(499, settle);
  assert.equal(count, 0);
  await base.advance(1, settle);
  assert.equal(count, 1);
});

test("moves that come together take turns", async () => {
  const clock = new TestClock(new ManualClock());
  await Promise.all([clock.advance(100, settle), clock.advance(50, settle)]);
  assert.equal(clock.monotonicMs(), 150);
});
