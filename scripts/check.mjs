// What every commit passes: types (built by setup.mjs before), lint and format, import arrows, and words that must not be tracked.
// Sizes of files and functions are warnings of the linter; files over 300 lines are listed. Usage: node scripts/check.mjs
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import { findViolations } from "./arrows.mjs";
import { globFiles } from "./files.mjs";
import { readJsonWithComments } from "./json.mjs";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

const GENERATED = /\/(dist|gen)\//;
const LONG_FILE_LINES = 300;
/** Absolute paths of somebody's machine: of no use to a reader, and they tell what is nobody's business. */
const MACHINE_PATH = "(^|[^[:alnum:]_./~-])/(work|root|home|Users)/[[:alnum:]_.]";

let failures = 0;
function step(title, problems) {
  console.log(`${problems.length === 0 ? "ok    " : "FAILED"} ${title}`);
  for (const problem of problems) console.log(`         ${problem}`);
  if (problems.length > 0) failures += 1;
}

const folders = workspaceFolders();
const sources = new Map(
  globFiles(
    folders.map((folder) => `${folder}/src`),
    (path) => path.endsWith(".ts") && !GENERATED.test(path),
  ).map((path) => [path, readFileSync(path, "utf8")]),
);

step("types (tsc -b)", run(process.execPath, ["node_modules/typescript/bin/tsc", "-b"]));
step("lint and format (biome ci)", run("node_modules/.bin/biome", ["ci", "--colors=off"]));
step("imports: arrows, cycles, listed packages, barrels", findViolations(readTree()));
step("no path of a machine in a tracked file", trackedMachinePaths());

const long = [...sources].filter(([, source]) => source.split("\n").length - 1 > LONG_FILE_LINES).map(([path]) => path);
if (long.length > 0) console.log(`note   ${long.length} files over ${LONG_FILE_LINES} lines: ${long.join(", ")}`);
console.log(failures === 0 ? "check: all passed" : `check: ${failures} failed`);
process.exitCode = failures === 0 ? 0 : 1;

/** Runs a checker; what it prints goes through, and its failure is the problem. */
function run(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: ["ignore", "inherit", "inherit"] });
  return status === 0 ? [] : [error?.message ?? "see above"];
}

function workspaceFolders() {
  const { workspaces } = readJsonWithComments("package.json");
  const stars = workspaces.flatMap((pattern) => {
    if (!pattern.endsWith("/*")) return [pattern];
    const parent = pattern.slice(0, -2);
    return readdirSync(parent).map((name) => posix.join(parent, name));
  });
  return stars.filter((folder) => existsSync(`${folder}/package.json`));
}

function readTree() {
  // The generated sources are part of the tree for those who import them; they import only each other and the runtime.
  const generated = globFiles(
    folders.map((folder) => `${folder}/src`),
    (path) => path.endsWith(".ts") && /\/gen\//.test(path),
  );
  return {
    sources: new Map([...sources, ...generated.map((path) => [path, ""])]),
    packages: new Map(folders.map((folder) => [folder, readJsonWithComments(`${folder}/package.json`)])),
    rootPackage: readJsonWithComments("package.json"),
    references: new Map(folders.map((folder) => [folder, readReferences(folder)])),
  };
}

function readReferences(folder) {
  const { references = [] } = readJsonWithComments(`${folder}/tsconfig.json`);
  return references.map(({ path }) => posix.join(folder, path).replace(/\/tsconfig[^/]*\.json$/, ""));
}

function trackedMachinePaths() {
  try {
    return execFileSync("git", ["grep", "-nIE", MACHINE_PATH, "--", ":!package-lock.json"], { encoding: "utf8" })
      .trim()
      .split("\n");
  } catch (error) {
    // git grep ends with 1 when it finds nothing; a tree without git (a tarball of the sources) has nothing tracked.
    if (error.status === 1 || error.status === 128 || error.code === "ENOENT") return [];
    throw error;
  }
}
