import assert from "node:assert/strict";
import { test } from "node:test";
import { InflateGate } from "./inflate-gate.js";

test("no more run than allowed, the others in the order they came, and those that gave up never", () => {
  const gate = new InflateGate(2);
  const started: string[] = [];
  const starts = ["a", "b", "c", "d", "e"].map((name) => (): void => void started.push(name));
  for (const start of starts) gate.enter(start);
  assert.deepEqual([started, gate.running, gate.waitingCount], [["a", "b"], 2, 3]);
  gate.abandon(starts[2]!);
  gate.leave();
  assert.deepEqual(started, ["a", "b", "d"]);
  gate.leave();
  gate.leave();
  assert.deepEqual([started, gate.running, gate.waitingCount], [["a", "b", "d", "e"], 1, 0]);
  gate.leave();
  assert.equal(gate.running, 0);
});
