import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ManualClock } from "./manual-clock.js";
import { Wake, WakeQueue } from "./wake-queue.js";

const settle = async (): Promise<void> => undefined;

test("wakes come in order of their instants, moved and taken-back ones included", async () => {
  const changes = fc.array(fc.tuple(fc.nat(9), fc.oneof(fc.nat(1_000), fc.constant(Number.POSITIVE_INFINITY))));
  await fc.assert(
    fc.asyncProperty(changes, async (given) => {
      const clock = new ManualClock();
      const queue = new WakeQueue(clock);
      const seen: [number, number][] = [];
      const wakes = Array.from({ length: 10 }, (_, index) => new Wake(() => seen.push([index, clock.monotonicMs()])));
      const expected = new Map<number, number>();
      for (const [index, atMs] of given) {
        queue.set(wakes[index]!, atMs);
        expected.set(index, atMs);
      }
      await clock.advance(2_000, settle);
      const due = [...expected].filter(([, atMs]) => atMs <= 2_000);
      assert.deepEqual(new Map(seen), new Map(due));
      const times = seen.map(([, atMs]) => atMs);
      assert.deepEqual(
        times,
        [...times].sort((left, right) => left - right),
      );
    }),
  );
});

test("a wake set by a wake comes too, even for this instant", async () => {
  const clock = new ManualClock();
  const queue = new WakeQueue(clock);
  let count = 0;
  const wake: Wake = new Wake(() => {
    count += 1;
    if (count < 3) queue.set(wake, clock.monotonicMs());
  });
  queue.set(wake, 5);
  await clock.advance(5, settle);
  assert.equal(count, 3);
});

test("a wake that is days ahead comes when it is due and no timer is longer than an hour", async () => {
  const clock = new ManualClock();
  const queue = new WakeQueue(clock);
  let cameAtMs = 0;
  queue.set(new Wake(() => (cameAtMs = clock.monotonicMs())), 100 * 86_400_000);
  assert.ok(clock.nextTimerAtMs() <= 3_600_000);
  await clock.advance(101 * 86_400_000, settle);
  assert.equal(cameAtMs, 100 * 86_400_000);
});

test("a closed queue calls nobody", async () => {
  const clock = new ManualClock();
  const queue = new WakeQueue(clock);
  let count = 0;
  queue.set(new Wake(() => (count += 1)), 5);
  queue.close();
  queue.set(new Wake(() => (count += 1)), 6);
  await clock.advance(10, settle);
  assert.equal(count, 0);
});
