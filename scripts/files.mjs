// Walks the tree for the scripts beside it.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Lists the files below `roots` that `accept` takes, sorted; dependencies are never entered. */
export function globFiles(roots, accept) {
  const found = [];
  const walk = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.name === "node_modules") continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (accept(path)) found.push(path);
    }
  };
  for (const root of roots) if (existsSync(root)) walk(root);
  return found.sort();
}
