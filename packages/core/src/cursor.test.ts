import assert from "node:assert/strict";
import { test } from "node:test";
import { Cursor } from "./cursor.js";

test("what is settled in order only moves the floor", () => {
  const cursor = new Cursor(10);
  assert.equal(cursor.settle(11, 20), 10);
  assert.equal(cursor.floor, 20);
  assert.equal(cursor.runCount, 0);
});

test("the floor stays below a hole and passes it when it is filled", () => {
  const cursor = new Cursor(0);
  cursor.settle(1, 3);
  cursor.settle(5, 9);
  assert.equal(cursor.floor, 3);
  assert.equal(cursor.countAbove, 5);
  assert.equal(cursor.settle(4, 4), 1);
  assert.equal(cursor.floor, 9);
  assert.equal(cursor.countAbove, 0);
});

test("what is settled twice is counted once", () => {
  const cursor = new Cursor(0);
  cursor.settle(2, 4);
  assert.equal(cursor.settle(1, 5), 2);
  assert.equal(cursor.settle(1, 5), 0);
  assert.equal(cursor.floor, 5);
});

test("a floor that jumps over runs swallows them", () => {
  const cursor = new Cursor(0);
  cursor.settle(3, 4);
  cursor.settle(8, 9);
  cursor.settle(0, 7);
  assert.equal(cursor.floor, 9);
  assert.equal(cursor.runCount, 0);
});

test("the unsettled stretch around a run is found from both sides", () => {
  const cursor = new Cursor(2);
  cursor.settle(5, 6);
  assert.equal(cursor.nextUnsettled(1), 3);
  assert.equal(cursor.nextSettled(3), 5);
  assert.equal(cursor.nextUnsettled(5), 7);
  assert.equal(cursor.nextSettled(7), Number.POSITIVE_INFINITY);
  assert.ok(cursor.has(2) && !cursor.has(3) && cursor.has(5) && !cursor.has(7));
});
