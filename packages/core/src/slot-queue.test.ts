import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SlotQueue } from "./slot-queue.js";

test("those that wait come in the order in which they began to", () => {
  const queue = new SlotQueue();
  for (const slot of [3, 1, 2]) queue.addWaiting(slot);
  const order: number[] = [];
  for (let slot = queue.firstWaiting; slot !== -1; slot = queue.firstWaiting) {
    order.push(slot);
    queue.remove(slot);
  }
  assert.deepEqual(order, [3, 1, 2]);
});

test("whatever is added and removed, the earliest deadline is that of a plain map", () => {
  const step = fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 40 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 600, size: "max" }), (steps) => {
      const queue = new SlotQueue();
      const deadlines = new Map<number, number>();
      for (const [slot, deadlineAtMs] of steps) {
        if (deadlines.delete(slot)) queue.remove(slot);
        else {
          deadlines.set(slot, deadlineAtMs);
          queue.addDue(slot, deadlineAtMs);
        }
        assert.equal(queue.nextDeadlineAtMs, Math.min(...deadlines.values()));
        const first = queue.firstDue;
        if (deadlines.size === 0) assert.equal(first, -1);
        else assert.equal(deadlines.get(first), queue.nextDeadlineAtMs);
      }
      let previous = Number.NEGATIVE_INFINITY;
      for (let slot = queue.firstDue; slot !== -1; slot = queue.firstDue) {
        assert.ok(queue.deadlineAtMs(slot) >= previous);
        previous = queue.deadlineAtMs(slot);
        queue.remove(slot);
      }
      queue.clear();
      assert.equal(queue.nextDeadlineAtMs, Number.POSITIVE_INFINITY);
    }),
    { numRuns: 60 },
  );
});
