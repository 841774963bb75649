// Tells whether node_modules holds what the lock file asks for, so that `npm ci` runs only when it must.
import { existsSync, readFileSync } from "node:fs";

/**
 * Compares npm's record of what it installed with the lock file.
 *
 * Optional packages may be absent: they are for other platforms. What is installed beyond the lock file does no harm.
 *
 * @param {string} lockPath - package-lock.json
 * @param {string} recordPath - node_modules/.package-lock.json, which npm writes last, so an interrupted install has none.
 */
export function isInstalled(lockPath, recordPath) {
  if (!existsSync(recordPath)) return false;
  const wanted = JSON.parse(readFileSync(lockPath, "utf8")).packages;
  const present = JSON.parse(readFileSync(recordPath, "utf8")).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith("node_modules/") && !path.includes("/node_modules/")) return true;
    const found = present[path];
    if (found === undefined) return entry.optional === true || entry.peer === true || entry.devOptional === true;
    return found.version === entry.version && found.integrity === entry.integrity && found.resolved === entry.resolved;
  });
}
