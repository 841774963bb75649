// Installs what is missing, generates the protobuf types and builds. Quick when there is nothing to do.
// Usage: node scripts/setup.mjs [--force]
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
process.chdir(root);
const force = process.argv.includes("--force");

const run = (command, args) =>
  execFileSync(command, args, { stdio: ["ignore", 2, 2], shell: process.platform === "win32" });

/** Runs `action` unless `stampPath` already holds the digest of `inputs`. */
function once(stampPath, inputs, action) {
  const hash = createHash("sha256");
  for (const input of inputs) hash.update(readFileSync(input));
  const digest = hash.digest("hex");
  if (!force && existsSync(stampPath) && readFileSync(stampPath, "utf8") === digest) return;
  action();
  writeFileSync(stampPath, digest);
}

once("node_modules/.setup-stamp", ["package-lock.json"], () => {
  run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
});
once("packages/wire/src/gen/.setup-stamp", ["packages/wire/package.json", "packages/wire/buf.gen.yaml"], () => {
  run("npm", ["run", "--silent", "generate", "--workspace", "@peal/wire"]);
});
run(process.execPath, ["node_modules/typescript/bin/tsc", "-b", ...(force ? ["--force"] : [])]);
