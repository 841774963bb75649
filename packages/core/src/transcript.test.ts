/**
 * Plays every file of testdata/: events in, effects out. `node dist/transcript.test.js --rewrite` writes what comes out
 * into the files; a human reads the difference.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { Transcript } from "./transcript.test.support.js";

const FOLDER = new URL("../testdata/", import.meta.url);
const isRewriting = process.argv.includes("--rewrite");

for (const name of readdirSync(FOLDER).filter((entry) => entry.endsWith(".txt"))) {
  const file = new URL(name, FOLDER);
  const text = readFileSync(file, "utf8");
  const title = text.split("\n", 1)[0]?.replace(/^# /, "") ?? name;
  test(title, () => {
    const played = Transcript.play(text);
    if (isRewriting) writeFileSync(file, played);
    else assert.equal(played, text);
  });
}
