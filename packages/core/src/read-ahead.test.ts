import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_LIMITS } from "./limits.js";
import { plainBlock } from "./plain-block.test.support.js";
import { ReadAhead } from "./read-ahead.js";

const LIMITS = { ...DEFAULT_LIMITS, readAheadBytesMax: 100, readAheadMessagesMax: 10 };

test("a block is held until its last message is passed", () => {
  const readAhead = new ReadAhead(0, LIMITS);
  const block = plainBlock(1, [10, 20, 30]);
  readAhead.push(block);
  readAhead.passTo(2);
  assert.equal(readAhead.current, block);
  assert.equal(readAhead.aheadCount, 1);
  assert.equal(readAhead.bytes, 60);
  readAhead.passTo(3);
  assert.equal(readAhead.current, undefined);
  assert.equal(readAhead.bytes, 0);
});

test("a block that begins before the position counts from there", () => {
  const readAhead = new ReadAhead(2, LIMITS);
  readAhead.push(plainBlock(1, [1, 1, 1, 1]));
  assert.equal(readAhead.aheadCount, 2);
  assert.equal(readAhead.end, 4);
});

test("bytes and messages each say when there is no room, and when more is wanted", () => {
  const readAhead = new ReadAhead(0, LIMITS);
  assert.ok(readAhead.isLow && readAhead.hasRoom);
  readAhead.push(plainBlock(1, [60]));
  assert.ok(!readAhead.isLow && readAhead.hasRoom);
  readAhead.push(plainBlock(2, [60]));
  assert.ok(!readAhead.hasRoom);
  const many = new ReadAhead(0, LIMITS);
  many.push(plainBlock(1, [1, 1, 1, 1, 1, 1]));
  assert.ok(!many.isLow && many.hasRoom);
  many.push(plainBlock(7, [1, 1, 1, 1]));
  assert.ok(!many.hasRoom);
});

test("a block known already is not held twice, one that overlaps what is known is a mistake", () => {
  const readAhead = new ReadAhead(0, LIMITS);
  readAhead.push(plainBlock(1, [1, 1]));
  readAhead.push(plainBlock(1, [1, 1]));
  assert.equal(readAhead.bytes, 2);
  readAhead.push(plainBlock(3, [1]));
  assert.throws(() => readAhead.push(plainBlock(3, [1, 1])), /do not overlap/);
});

test("what is let go is not known any more", () => {
  const readAhead = new ReadAhead(0, LIMITS);
  readAhead.push(plainBlock(1, [1, 1]));
  readAhead.passTo(1);
  readAhead.clear();
  assert.deepEqual([readAhead.position, readAhead.end, readAhead.aheadCount], [1, 1, 0]);
});
