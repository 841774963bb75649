import { execFile } from "node:child_process";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

async function sizeBelow(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    // What lies in a package's own node_modules is listed by npm on its own.
    if (entry.name === "node_modules") continue;
    if (entry.isDirectory()) bytes += await sizeBelow(path);
    else bytes += (await lstat(path)).size;
  }
  return bytes;
}

/** Bytes of everything that `npm install peal` brings: its packages and their production dependencies. */
export async function installedBytes(root: string): Promise<number> {
  const { stdout } = await run("npm", ["ls", "--all", "--parseable", "--omit=dev", "--workspace", "peal"], {
    cwd: root,
  });
  const folders = new Set(
    stdout.split("\n").filter((line) => line.includes("node_modules") && !line.includes("@types/")),
  );
  let bytes = 0;
  for (const folder of folders) bytes += await sizeBelow(folder);
  for (const name of ["wire", "grpc", "core", "store", "server", "cli"]) {
    bytes += await sizeBelow(join(root, "packages", name, "dist"));
  }
  return bytes;
}
