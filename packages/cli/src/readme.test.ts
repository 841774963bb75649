import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { EXIT_CODES } from "./exit-code.js";
import { environmentName, SETTING_ROWS } from "./settings.js";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

test("the README names every setting in its three forms", () => {
  for (const { key } of SETTING_ROWS) {
    for (const form of [`\`--${key}\``, `\`${environmentName(key)}\``, `\`${key}\``]) {
      assert.ok(readme.includes(form), `${form} is missing`);
    }
  }
});

test("the README lists every exit code with its meaning", () => {
  for (const { code, meaning } of Object.values(EXIT_CODES)) {
    assert.ok(readme.includes(`| ${code} | ${meaning} |`), `${code} ${meaning} is missing`);
  }
});
