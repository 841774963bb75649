import assert from "node:assert/strict";
import test from "node:test";
import { PUSH_LIMITS } from "./push-limits.js";
import { PushLog } from "./push-log.js";

test("statuses and errors are counted apart, and however many an endpoint invents, the log stays small", () => {
  const log = new PushLog();
  for (let status = 100; status < 1_000; status += 1) {
    log.add({ outcome: { kind: "answered", status }, atMs: status, latencyMs: 1 }, false);
  }
  assert.equal(log.outcomes.size, PUSH_LIMITS.countedOutcomes + 1);
  assert.equal(log.outcomes.get("100"), 1);
  assert.equal(log.outcomes.get("other"), 900 - PUSH_LIMITS.countedOutcomes);
  assert.equal(log.nacked, 900);
});

test("the last push and the last failure are kept", () => {
  const log = new PushLog();
  const failed = { outcome: { kind: "failed", error: "ECONNREFUSED" }, atMs: 1, latencyMs: 2 } as const;
  const answered = { outcome: { kind: "answered", status: 200 }, atMs: 3, latencyMs: 4 } as const;
  log.add(failed, false);
  log.add(answered, true);
  assert.deepEqual([log.last, log.lastFailure, log.acked, log.nacked], [answered, failed, 1, 1]);
  assert.deepEqual(
    [...log.outcomes],
    [
      ["ECONNREFUSED", 1],
      ["200", 1],
    ],
  );
});
