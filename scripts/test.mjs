// Runs the built tests: all, or those whose path contains one of the words given.
// Usage: node scripts/test.mjs [word …] [-- options for node --test]
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { globFiles } from "./files.mjs";

const separator = process.argv.indexOf("--");
const words = process.argv.slice(2, separator === -1 ? undefined : separator);
const options = separator === -1 ? [] : process.argv.slice(separator + 1);

const built = globFiles(["packages", "conformance", "simulation", "bench", "examples"], (path) =>
  /\/dist\/.*\.test\.js$/.test(path),
).filter((path) => existsSync(path.replace("/dist/", "/src/").replace(/\.js$/, ".ts"))); // not from an old build
const files = [...built, ...globFiles(["scripts"], (path) => path.endsWith(".test.mjs"))].filter(
  (path) => words.length === 0 || words.some((word) => path.includes(word)),
);
if (files.length === 0) {
  console.error(`no test matches ${words.join(" ")}`);
  process.exit(1);
}
const reporter = options.some((option) => option.startsWith("--test-reporter")) ? [] : ["--test-reporter=spec"];
const args = ["--enable-source-maps", "--test", ...reporter, ...options, ...files];
const result = spawnSync(process.execPath, args, { stdio: "inherit" });
process.exit(result.status ?? 1);
