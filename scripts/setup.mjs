// Installs what is missing, generates the protobuf types and builds. Quick when there is nothing to do.
// Several at once wait for each other. Usage: node scripts/setup.mjs [--force]
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isInstalled } from "./installed.mjs";
import { lockTree } from "./tree-lock.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
process.chdir(root);
const force = process.argv.includes("--force");

const unlock = await lockTree(root);
try {
  if (!isInstalled("package-lock.json", "node_modules/.package-lock.json")) {
    console.error("Installing dependencies (npm ci) …");
    run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
  }
  once("packages/wire/src/gen/.setup-stamp", ["packages/wire/package.json", "packages/wire/buf.gen.yaml"], () => {
    console.error("Generating protobuf types (buf generate) …");
    run("npm", ["run", "--silent", "generate", "--workspace", "@peal/wire"]);
  });
  run(process.execPath, ["node_modules/typescript/bin/tsc", "-b", ...(force ? ["--force"] : [])]);
} catch (error) {
  console.error(`Setup failed: ${error.message}`);
  process.exitCode = 1;
} finally {
  unlock();
}

/** Runs a command with its output on stderr: stdout belongs to the command that setup prepares. */
function run(command, args) {
  execFileSync(command, args, { stdio: ["ignore", 2, 2], shell: process.platform === "win32" });
}

/** Runs `action` unless `stampPath` already holds the digest of `inputs`. */
function once(stampPath, inputs, action) {
  const hash = createHash("sha256");
  for (const input of inputs) hash.update(readFileSync(input));
  const digest = hash.digest("hex");
  if (!force && existsSync(stampPath) && readFileSync(stampPath, "utf8") === digest) return;
  action();
  writeFileSync(stampPath, digest);
}
