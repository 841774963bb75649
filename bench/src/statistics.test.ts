import assert from "node:assert/strict";
import { test } from "node:test";
import { median, quantile, spreadPercent } from "./statistics.js";

test("the median of an odd number of values is the middle one, whatever their order", () => {
  assert.equal(median([9, 1, 5]), 5);
});

test("a quantile is one of the values, and the whole is the greatest", () => {
  const values = Array.from({ length: 100 }, (_, index) => index + 1);
  assert.equal(quantile(values, 0.99), 99);
  assert.equal(quantile(values, 1), 100);
});

test("the spread is half the range over the median", () => {
  assert.equal(spreadPercent([90, 100, 110]), 10);
});
