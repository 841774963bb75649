import assert from "node:assert/strict";
import { test } from "node:test";
import { WrongAnswer } from "./answer.js";
import { allIds } from "./groups.js";
import { joinResults, type Outcome, type Result, resultOfFailure } from "./result.js";
import { Skipped } from "./skipped.js";
import { renderTable, resultsById, summaryOf } from "./table.js";

function result(id: string, outcome: Outcome, reason?: string): Result {
  return { id, title: "a title", outcome, tookMs: 1, ...(reason === undefined ? {} : { reason }) };
}

const subject = { id: "ACK-001", title: "a title", run: async () => undefined };

test("an id passes only when all of its cases pass", () => {
  assert.equal(joinResults([result("A-1", "passed"), result("A-1", "passed")]).outcome, "passed");
  assert.equal(joinResults([result("A-1", "passed"), result("A-1", "not yet", "x")]).outcome, "in part");
  assert.equal(joinResults([result("A-1", "skipped", "x"), result("A-1", "not yet", "y")]).outcome, "not yet");
  assert.equal(joinResults([result("A-1", "passed"), result("A-1", "failed", "z")]).outcome, "failed");
});

test("UNIMPLEMENTED is not yet where the case needs a feature, and a failure elsewhere", () => {
  const unimplemented = new WrongAnswer("came UNIMPLEMENTED", { code: 12, text: "filter" });
  assert.equal(resultOfFailure({ ...subject, needs: ["filter"] }, unimplemented, 1).outcome, "not yet");
  assert.equal(resultOfFailure(subject, unimplemented, 1).outcome, "failed");
  const notFound = new WrongAnswer("came NOT_FOUND", { code: 5, text: "no" });
  assert.equal(resultOfFailure({ ...subject, needs: ["filter"] }, notFound, 1).outcome, "failed");
  assert.equal(resultOfFailure(subject, new Skipped("no clock"), 1).outcome, "skipped");
});

test("the table has every id of the reference, and ids without a case are not yet where their group has none", () => {
  const byId = resultsById([result("ACK-001", "passed")]);
  assert.deepEqual(
    byId.map(({ id }) => id),
    allIds(),
  );
  assert.equal(byId.find(({ id }) => id === "SCH-001")?.outcome, "not yet");
  assert.equal(byId.find(({ id }) => id === "FLT-009")?.outcome, "skipped", "its case is of the other profile");
});

test("the summary stands alone on the last line and counts ids", () => {
  const byId = [result("ACK-001", "passed"), result("ACK-002", "failed", "x"), result("ACK-003", "in part", "y")];
  assert.equal(summaryOf(byId), "1 passed, 1 failed, 1 skipped");
  assert.equal(renderTable(byId).split("\n").at(-1), "1 passed, 1 failed, 1 skipped");
});
