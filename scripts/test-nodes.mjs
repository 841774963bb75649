// Runs the built unit tests on Node 22 and 24 from npm (Linux x64). Usage: node scripts/test-nodes.mjs [word …]
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { otherNodes } from "./other-nodes.mjs";

const words = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "peal-nodes-"));
let failed = false;
try {
  for (const node of otherNodes(folder)) {
    console.log(`=== ${node}`);
    const args = [fileURLToPath(new URL("test.mjs", import.meta.url)), ...(words.length > 0 ? words : ["packages/"])];
    failed = spawnSync(node, args, { stdio: "inherit" }).status !== 0 || failed;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
