// Which part of the house may import which, and a check of all sources against it.
//
// Besides the arrows: no cycle between files (type-only imports count, for they also say "cannot be read alone"), no
// package that package.json does not list, no barrel but a package's entry, no clock or chance in the core.
import { builtinModules } from "node:module";
import { posix } from "node:path";
import { readExportedNames, readImports, tokenize } from "./imports.mjs";

const EVERYTHING = "*";
const SERVER_PARTS = ["server/api", "server/engine", "server/push", "server"];

/**
 * A part is a package, or a folder of the server with rules of its own; `server` is what lies outside those folders.
 * Tests are held to their package.json only: a test may call on what its subject must not know.
 */
export const PARTS = {
  core: { may: [] },
  wire: { may: [] },
  grpc: { may: [] },
  store: { may: [] },
  "store-nats": { may: ["store"] },
  "server/engine": { may: ["core", "store"] },
  "server/api": { may: ["wire", "grpc", "server/engine", "core"] },
  "server/push": { may: ["wire", "grpc", "server/engine", "core"] },
  server: { may: [...SERVER_PARTS, "wire", "grpc", "core", "store", "store-nats"] },
  client: { may: ["wire", "grpc"] },
  cli: { may: ["client", "server"] },
  testing: { may: ["server"] },
  console: { may: [] },
  conformance: { may: ["wire"] },
  simulation: { may: ["core", "store", ...SERVER_PARTS, "client"] },
  // The harness that kills the real process talks to it as any client does.
  "simulation/crash": { may: ["simulation", "grpc", "wire"] },
  bench: { may: [EVERYTHING] },
  examples: { may: ["client"] },
};

/** Of some parts only what a few files declare may be used: the contract, not a storage engine; errors and what reads a
 * filter, not decisions. */
const ONLY_NAMES_OF = {
  "server/engine store": ["packages/store/src/storage.ts", "packages/store/src/storage-error.ts"],
  "server/api core": [
    "packages/core/src/errors.ts",
    "packages/core/src/filter/parse-filter.ts",
    "packages/core/src/filter/filter-syntax-error.ts",
  ],
  "server/push core": ["packages/core/src/errors.ts"],
};

/** Built-in modules a part must do without. */
const BUILTINS_FORBIDDEN = {
  core: () => true,
  simulation: (name) => ["net", "tls", "http", "https", "http2", "dgram", "dns"].includes(name),
};

/** What would make a decision depend on more than its arguments. */
const CORE_FORBIDDEN_WORDS = new Set(["Date", "async", "await", "performance", "setTimeout", "setInterval", "process"]);

/**
 * Checks a tree.
 *
 * @param {object} tree
 * @param {Map<string, string>} tree.sources - TypeScript sources by path from the root, with `/`.
 * @param {Map<string, object>} tree.packages - Parsed package.json by folder, e.g. `packages/core`.
 * @param {object} tree.rootPackage - The root's package.json: its devDependencies are for tests.
 * @param {Map<string, string[]>} [tree.references] - tsconfig references by package folder, as folders.
 * @returns {string[]} One sentence per violation, sorted; empty when all is well.
 */
export function findViolations(tree) {
  const folders = [...tree.packages.keys()];
  const folderByName = new Map(folders.map((folder) => [tree.packages.get(folder).name, folder]));
  const violations = [];
  const graph = new Map();
  for (const [path, source] of tree.sources) {
    const folder = folders.find((candidate) => path.startsWith(`${candidate}/`));
    if (folder === undefined) continue;
    const file = { path, folder, part: partOf(path), isTest: /\.test(\.support)?\.ts$/.test(path) };
    const edges = [];
    for (const found of readImports(source)) {
      const say = (text) => violations.push(`${path}:${found.line} ${text}`);
      const target = resolve(found.specifier, file, tree, folderByName);
      if (target.path !== undefined) edges.push(target.path);
      checkListed(file, target, tree, say);
      checkArrow(file, found, target, tree, say);
      if (found.isReExport && !isEntry(file, tree)) say("re-exports; only a package's entry does that");
    }
    if (file.part === "core" && !file.isTest) checkPure(source, path, violations);
    if (!file.isTest) graph.set(path, edges);
  }
  for (const cycle of findCycles(graph)) violations.push(`${cycle[0]} is in a cycle: ${cycle.join(" -> ")}`);
  violations.push(...checkReferences(tree, folderByName));
  return violations.sort();
}

/** The part a source belongs to; undefined for a folder that the table does not know. */
export function partOf(path) {
  const [, , server] = /^(packages\/server)\/src\/([^/]+)\//.exec(path) ?? [];
  if (server !== undefined && `server/${server}` in PARTS) return `server/${server}`;
  if (path.startsWith("simulation/src/crash/")) return "simulation/crash";
  const name = path.startsWith("packages/") ? path.split("/")[1] : path.split("/")[0];
  return name in PARTS ? name : undefined;
}

/** What a specifier points to: a path and part of ours, a package, a built-in module, or nothing that exists. */
function resolve(specifier, file, tree, folderByName) {
  if (specifier.startsWith(".")) {
    const path = posix.join(posix.dirname(file.path), specifier).replace(/\.js$/, ".ts");
    return tree.sources.has(path) ? { path, part: partOf(path) } : { missing: specifier };
  }
  if (specifier.startsWith("node:")) return { builtin: specifier.slice("node:".length) };
  const [, name, subpath] = /^((?:@[^/]+\/)?[^/]+)(?:\/(.+))?$/.exec(specifier) ?? [];
  const folder = folderByName.get(name);
  if (folder === undefined) return { package: name };
  const path = entryOf(tree.packages.get(folder), folder, subpath);
  if (path === undefined || !tree.sources.has(path)) return { package: name, missing: specifier };
  return { package: name, path, part: partOf(path) };
}

/** The source behind `exports` of a package, or undefined. */
function entryOf(packageJson, folder, subpath) {
  const entry = packageJson.exports?.[subpath === undefined ? "." : `./${subpath}`];
  const built = typeof entry === "string" ? entry : entry?.default;
  return built?.replace(/^\.\/dist\//, `${folder}/src/`).replace(/\.js$/, ".ts");
}

function isEntry(file, tree) {
  const packageJson = tree.packages.get(file.folder);
  const subpaths = Object.keys(packageJson.exports ?? {}).map((key) => (key === "." ? undefined : key.slice(2)));
  return subpaths.some((subpath) => entryOf(packageJson, file.folder, subpath) === file.path);
}

function checkListed(file, target, tree, say) {
  if (target.missing !== undefined) say(`imports ${target.missing}, which does not exist`);
  if (target.package === undefined) return;
  if (builtinModules.includes(target.package)) return say(`imports ${target.package}; write node:${target.package}`);
  const own = tree.packages.get(file.folder);
  const listed = { ...own.dependencies, ...own.peerDependencies };
  if (file.isTest) Object.assign(listed, own.devDependencies, tree.rootPackage.devDependencies);
  if (target.package in listed || target.package === own.name) return;
  const list = file.isTest ? "dependencies or devDependencies" : "dependencies";
  say(`imports ${target.package}, which is not in the ${list} of ${file.folder}/package.json`);
}

function checkArrow(file, found, target, tree, say) {
  if (file.isTest) return;
  if (file.part === undefined) return say(`lies in no part that scripts/arrows.mjs knows; add a row to PARTS`);
  if (target.builtin !== undefined && BUILTINS_FORBIDDEN[file.part]?.(target.builtin)) {
    say(`imports node:${target.builtin}; ${file.part} must not`);
  }
  if (target.part === undefined || target.part === file.part) return;
  const { may } = PARTS[file.part];
  if (!may.includes(target.part) && !may.includes(EVERYTHING)) {
    return say(`imports ${target.part}; ${file.part} may import ${may.join(", ") || "nothing of ours"}`);
  }
  const declaring = ONLY_NAMES_OF[`${file.part} ${target.part}`];
  if (declaring === undefined) return;
  const allowed = new Set(declaring.flatMap((path) => readExportedNames(tree.sources.get(path) ?? "")));
  const strange = (found.names ?? ["*"]).filter((name) => !allowed.has(name));
  if (strange.length > 0) {
    say(`imports ${strange.join(", ")} of ${target.part}; ${file.part} may use what ${declaring.join(", ")} declares`);
  }
}

function checkPure(source, path, violations) {
  const tokens = tokenize(source);
  for (const [at, token] of tokens.entries()) {
    if (token.kind !== "word" || tokens[at - 1]?.text === ".") continue;
    const isRandom = token.text === "Math" && tokens[at + 2]?.text === "random";
    if (isRandom || CORE_FORBIDDEN_WORDS.has(token.text)) {
      violations.push(
        `${path}:${token.line} uses ${isRandom ? "Math.random" : token.text}; time and chance come in as arguments`,
      );
    }
  }
}

/** One cycle per knot of files, each as a path that ends where it began. */
function findCycles(graph) {
  const cycles = [];
  const state = new Map();
  const stack = [];
  const visit = (path) => {
    state.set(path, "open");
    stack.push(path);
    for (const next of graph.get(path) ?? []) {
      if (state.get(next) === "open") cycles.push([...stack.slice(stack.indexOf(next)), next]);
      else if (state.get(next) === undefined && graph.has(next)) visit(next);
    }
    stack.pop();
    state.set(path, "done");
  };
  for (const path of graph.keys()) if (state.get(path) === undefined) visit(path);
  return cycles;
}

/** `tsc -b` builds in the order of the references: each workspace dependency needs one. */
function checkReferences(tree, folderByName) {
  const violations = [];
  for (const [folder, references] of tree.references ?? []) {
    for (const name of Object.keys(tree.packages.get(folder)?.dependencies ?? {})) {
      const target = folderByName.get(name);
      if (target !== undefined && !references.includes(target)) {
        violations.push(`${folder}/tsconfig.json has no reference to ${target}, which package.json depends on`);
      }
    }
  }
  return violations;
}
