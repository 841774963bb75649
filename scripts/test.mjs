// Runs the built tests: all, or those whose path contains one of the words given.
// Usage: node scripts/test.mjs [word …] [-- options for node --test]
import { spawnSync } from "node:child_process";
import { globFiles } from "./files.mjs";

const separator = process.argv.indexOf("--");
const words = process.argv.slice(2, separator === -1 ? undefined : separator);
const options = separator === -1 ? [] : process.argv.slice(separator + 1);

const files = globFiles(["packages", "conformance", "simulation", "bench"], (path) =>
  /\/dist\/.*\.test\.js$/.test(path),
)
  // A test whose source is gone must not run again from an old build.
  .filter((path) => globFiles.exists(path.replace("/dist/", "/src/").replace(/\.js$/, ".ts")))
  .filter((path) => words.length === 0 || words.some((word) => path.includes(word)));
if (files.length === 0) {
  console.error(`no test matches ${words.join(" ")}`);
  process.exit(1);
}
const result = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...options, ...files], {
  stdio: "inherit",
});
process.exit(result.status ?? 1);
