import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path) => readFileSync(`${root}/${path}`, "utf8");

test("every path that ARCHITECTURE.md names exists", () => {
  const paths = [
    ...read("ARCHITECTURE.md").matchAll(/`((?:packages|simulation|scripts|conformance|bench)\/[^`\s]*)`/g),
  ];
  assert.ok(paths.length > 20);
  for (const [, path] of paths) assert.ok(existsSync(`${root}/${path}`), path);
});

test("every link of the documents leads to a file", () => {
  for (const document of ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"]) {
    for (const [, target] of read(document).matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g)) {
      assert.ok(existsSync(`${root}/${target}`), `${document}: ${target}`);
    }
  }
});

test("every command that the documents name is there", () => {
  const { scripts } = JSON.parse(read("package.json"));
  for (const document of ["README.md", "CONTRIBUTING.md"]) {
    for (const [, name] of read(document).matchAll(/npm run ([a-z]+)/g))
      assert.ok(name in scripts, `${document}: ${name}`);
  }
});
