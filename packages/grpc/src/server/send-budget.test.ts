import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualTime } from "../manual-time.test.support.js";
import { SendBudget, type Sender } from "./send-budget.js";

/** A call that tells what happens to it. */
function sender(name: string, log: string[], isOpen = false): Sender {
  return {
    unsentBytes: 0,
    progressAtMs: 0,
    isReset: false,
    isOpen,
    reset: () => void log.push(`reset ${name}`),
    cutOff: () => void log.push(`cut off ${name}`),
  };
}

test("the call without progress for longest is reset first, and the last one never", () => {
  const log: string[] = [];
  const budget = new SendBudget(100, 60_000, new ManualTime());
  const [a, b, c] = [sender("a", log), sender("b", log), sender("c", log)];
  budget.set(a, 50);
  budget.set(b, 40);
  budget.set(a, 30);
  budget.set(c, 20);
  assert.deepEqual(log, []);
  budget.set(c, 60);
  assert.deepEqual(log, ["reset b"], "a has made progress since");
  budget.set(c, 500);
  assert.deepEqual(log, ["reset b", "reset a"]);
  assert.equal(budget.usedBytes, 570, "until it has left, what was reset counts");
  budget.set(a, 0);
  budget.set(b, 0);
  budget.set(c, 0);
  assert.equal(budget.usedBytes, 0);
});

test("connections are ended when more than a budget was reset and is still there", () => {
  const log: string[] = [];
  const time = new ManualTime();
  const budget = new SendBudget(100, 60_000, time);
  for (const name of ["a", "b", "c", "d"]) budget.set(sender(name, log), 60);
  assert.deepEqual(log, ["reset a", "reset b", "reset c"]);
  time.advance(19);
  assert.equal(log.length, 3, "it has a moment to leave");
  time.advance(1);
  assert.deepEqual(log.slice(3), ["cut off a", "cut off b"]);
  assert.equal(budget.usedBytes, 120);
  budget.close();
  assert.equal(time.pending, 0);
});

test("a call that has ended has its time from its last progress on; an open one has all the time", () => {
  const log: string[] = [];
  const time = new ManualTime();
  const budget = new SendBudget(100, 60_000, time);
  const [ended, open] = [sender("ended", log), sender("open", log, true)];
  budget.set(open, 10);
  budget.set(ended, 10);
  time.advance(30_000);
  budget.set(ended, 5);
  time.advance(59_000);
  assert.deepEqual(log, []);
  time.advance(1_000);
  assert.deepEqual(log, ["reset ended"]);
  time.advance(15_000);
  assert.deepEqual(log, ["reset ended", "cut off ended"]);
  time.advance(600_000);
  assert.deepEqual([log.length, budget.usedBytes], [2, 10]);
  budget.set(open, 0);
  time.advance(15_000);
  assert.equal(time.pending, 0, "where nothing is unsent, nothing is timed");
});
