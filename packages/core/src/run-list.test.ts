import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RunList } from "./run-list.js";

function runsOf(list: RunList): [number, number][] {
  const runs: [number, number][] = [];
  list.forEach((first, last) => {
    runs.push([first, last]);
  });
  return runs;
}

function runsOfSet(set: ReadonlySet<number>): [number, number][] {
  const runs: [number, number][] = [];
  for (const sequence of [...set].sort((a, b) => a - b)) {
    const run = runs.at(-1);
    if (run !== undefined && run[1] === sequence - 1) run[1] = sequence;
    else runs.push([sequence, sequence]);
  }
  return runs;
}

test("runs that touch or overlap become one", () => {
  const list = new RunList();
  assert.equal(list.add(5, 6), 2);
  assert.equal(list.add(9, 10), 2);
  assert.equal(list.add(6, 8), 2);
  assert.deepEqual(runsOf(list), [[5, 10]]);
  assert.equal(list.runCount, 1);
  assert.equal(list.sequenceCount, 6);
});

test("whatever is added and absorbed, the runs are those of a plain set", () => {
  const adding = fc.record({
    kind: fc.constant("add" as const),
    first: fc.nat({ max: 3_000 }),
    length: fc.nat({ max: 6 }),
  });
  const absorbing = fc.record({ kind: fc.constant("absorb" as const), floor: fc.nat({ max: 400 }) });
  const steps = fc.array(fc.oneof({ weight: 60, arbitrary: adding }, { weight: 1, arbitrary: absorbing }), {
    maxLength: 1_500,
    size: "max",
  });
  fc.assert(
    fc.property(steps, fc.array(fc.nat({ max: 3_100 })), (list, probes) => {
      const runs = new RunList();
      const set = new Set<number>();
      for (const step of list) {
        if (step.kind === "absorb") {
          let floor = step.floor;
          for (const sequence of [...set].sort((a, b) => a - b)) {
            if (sequence > floor + 1) break;
            floor = Math.max(floor, sequence);
            set.delete(sequence);
          }
          assert.equal(runs.absorb(step.floor), floor);
          continue;
        }
        let added = 0;
        for (let sequence = step.first; sequence <= step.first + step.length; sequence += 1) {
          if (!set.has(sequence)) added += 1;
          set.add(sequence);
        }
        assert.equal(runs.add(step.first, step.first + step.length), added);
      }
      const expected = runsOfSet(set);
      assert.deepEqual(runsOf(runs), expected);
      assert.equal(runs.runCount, expected.length);
      assert.equal(runs.sequenceCount, set.size);
      assert.equal(runs.first, expected[0]?.[0] ?? Number.POSITIVE_INFINITY);
      for (const probe of probes) {
        assert.equal(runs.has(probe), set.has(probe));
        let absent = probe;
        while (set.has(absent)) absent += 1;
        assert.equal(runs.nextAbsent(probe), absent);
        const present = expected.find((run) => run[1] >= probe);
        assert.equal(
          runs.nextPresent(probe),
          present === undefined ? Number.POSITIVE_INFINITY : Math.max(present[0], probe),
        );
      }
    }),
    { numRuns: 30 },
  );
});

test("a hundred thousand scattered runs join into one when the gaps are filled", () => {
  const list = new RunList();
  // 7 and 100 000 share no factor: every even place once, far from the one before.
  for (let index = 0; index < 100_000; index += 1)
    list.add(((index * 77_777) % 100_000) * 2 + 2, ((index * 77_777) % 100_000) * 2 + 2);
  assert.equal(list.runCount, 100_000);
  list.add(1, 200_001);
  assert.deepEqual(runsOf(list), [[1, 200_001]]);
});
