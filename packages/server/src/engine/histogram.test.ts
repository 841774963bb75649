import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { Histogram } from "./histogram.js";

const BOUNDS = [1, 10, 100];

test("a class takes what is above the class before it, its upper end included", () => {
  const histogram = new Histogram(BOUNDS);
  for (const value of [0, 1, 1.5, 10, 11, 100, 101, 5_000]) histogram.add(value);
  histogram.add(7, 3);
  assert.deepEqual(histogram.counts, [2, 5, 2, 2]);
  assert.equal(histogram.sum, 5_224.5 + 21);
});

test("many values at once count like one after another", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(300)), fc.nat(), (values, cut) => {
      const count = values.length === 0 ? 0 : cut % (values.length + 1);
      const together = new Histogram(BOUNDS);
      const apart = new Histogram(BOUNDS);
      together.addEach(values, count);
      for (const value of values.slice(0, count)) apart.add(value);
      assert.deepEqual(together.counts, apart.counts);
      assert.equal(together.sum, apart.sum);
    }),
  );
});
