import assert from "node:assert/strict";
import { test } from "node:test";
import { ALL_CASES } from "./cases/all-cases.js";
import { allIds, groupOf, NOT_WRITTEN } from "./groups.js";
import { COLUMNS, readReadme, readResults, replaceTable } from "./readme.js";

test("the README's table is that of the kept results", () => {
  assert.equal(readReadme(), replaceTable(readReadme(), COLUMNS.map(readResults)));
});

test("every case has an id of the reference, and every id of the groups in force has a case", () => {
  const known = new Set(allIds());
  for (const { id } of ALL_CASES) assert.ok(known.has(id), id);
  const covered = new Set(ALL_CASES.map(({ id }) => id));
  const missing = allIds().filter((id) => NOT_WRITTEN[groupOf(id)] === undefined && !covered.has(id));
  assert.deepEqual(missing, []);
});

test("a case says one thing: no two share id, title and profile", () => {
  const keys = ALL_CASES.map(({ id, title, profile }) => `${id} ${title} ${profile ?? ""}`);
  assert.equal(new Set(keys).size, keys.length);
});
