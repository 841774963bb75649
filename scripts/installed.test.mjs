import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { isInstalled } from "./installed.mjs";

function check(wanted, present) {
  const folder = mkdtempSync(join(tmpdir(), "peal-installed-"));
  try {
    writeFileSync(join(folder, "lock.json"), JSON.stringify({ packages: wanted }));
    if (present) writeFileSync(join(folder, "record.json"), JSON.stringify({ packages: present }));
    return isInstalled(join(folder, "lock.json"), join(folder, "record.json"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
const one = { version: "1.0.0", integrity: "sha512-a", resolved: "https://registry/one" };

test("a tree without npm's record is not installed", () => {
  assert.equal(check({ "": {}, "node_modules/one": one }, undefined), false);
});

test("a package that is missing or of another version is noticed", () => {
  assert.equal(check({ "node_modules/one": one }, {}), false);
  assert.equal(check({ "node_modules/one": one }, { "node_modules/one": { ...one, version: "2.0.0" } }), false);
  assert.equal(check({ "node_modules/one": one }, { "node_modules/one": { ...one, integrity: "sha512-b" } }), false);
});

test("an optional package for another platform may be absent", () => {
  assert.equal(check({ "node_modules/mac": { ...one, optional: true } }, {}), true);
});

test("workspaces and packages beyond the lock file do not matter", () => {
  assert.equal(
    check({ "": {}, "packages/core": {}, "node_modules/one": one }, { "node_modules/one": one, "node_modules/x": one }),
    true,
  );
});
