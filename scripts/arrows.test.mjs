import assert from "node:assert/strict";
import test from "node:test";
import { findViolations, partOf } from "./arrows.mjs";

const entry = { ".": { types: "./dist/index.d.ts", default: "./dist/index.js" } };
const packages = {
  "packages/core": { name: "@peal/core", exports: entry },
  "packages/wire": { name: "@peal/wire", exports: { ...entry, "./hot": { default: "./dist/hot.js" } } },
  "packages/grpc": { name: "@peal/grpc", exports: entry, dependencies: { "@bufbuild/protobuf": "2" } },
  "packages/store": { name: "@peal/store", exports: entry },
  "packages/server": {
    name: "@peal/server",
    exports: entry,
    dependencies: { "@peal/core": "1", "@peal/wire": "1", "@peal/grpc": "1", "@peal/store": "1" },
    devDependencies: { "@grpc/grpc-js": "1" },
  },
  simulation: { name: "@peal/simulation", dependencies: {} },
};
const house = {
  "packages/core/src/index.ts": 'export * from "./errors.js"; export * from "./decide.js";',
  "packages/core/src/errors.ts": "export class PubSubError {}",
  "packages/core/src/decide.ts": "export function decide() {}",
  "packages/wire/src/index.ts": 'export * from "./hot.js";',
  "packages/wire/src/hot.ts": "export const LIMITS = {};",
  "packages/grpc/src/index.ts": "export {};",
  "packages/store/src/index.ts": 'export * from "./storage.js"; export * from "./embedded.js";',
  "packages/store/src/storage.ts": "export interface Storage {}",
  "packages/store/src/storage-error.ts": "export class StorageError {}",
  "packages/store/src/embedded.ts": "export function openEmbedded() {}",
  "packages/server/src/engine/engine.ts":
    'import { decide } from "@peal/core"; import type { Storage } from "@peal/store"; export class Engine {}',
  "packages/server/src/api/publish.ts":
    'import { PubSubError } from "@peal/core"; import { LIMITS } from "@peal/wire/hot"; import { Engine } from "../engine/engine.js";',
  "packages/server/src/main.ts": 'import { openEmbedded } from "@peal/store"; import "./api/publish.js";',
  "packages/server/src/index.ts": 'export { x } from "./main.js";',
};

function check(changes = {}, references = undefined) {
  return findViolations({
    sources: new Map(Object.entries({ ...house, ...changes })),
    packages: new Map(Object.entries(packages)),
    rootPackage: { devDependencies: { "fast-check": "1" } },
    references,
  });
}

function assertFound(changes, pattern) {
  const violations = check(changes);
  assert.equal(violations.length, 1, violations.join("\n"));
  assert.match(violations[0], pattern);
}

test("a house in order has no violations", () => {
  assert.deepEqual(check(), []);
});

test("a file belongs to its package, and in the server to its folder", () => {
  assert.equal(partOf("packages/core/src/deep/lease.ts"), "core");
  assert.equal(partOf("packages/server/src/api/grpc/publisher.ts"), "server/api");
  assert.equal(partOf("packages/server/src/main.ts"), "server");
  assert.equal(partOf("packages/server/src/metrics/page.ts"), "server");
  assert.equal(partOf("simulation/src/crash/main.ts"), "simulation/crash");
  assert.equal(partOf("packages/surprise/src/index.ts"), undefined);
});

test("an arrow that points outward is found, type-only too", () => {
  assertFound(
    { "packages/server/src/engine/x.ts": 'import type { P } from "../api/publish.js";' },
    /x\.ts:1 imports server\/api; server\/engine may/,
  );
  assertFound(
    { "packages/server/src/api/y.ts": 'import type { Storage } from "@peal/store";' },
    /imports store; server\/api may/,
  );
});

test("the engine may use the store's contract and no storage engine", () => {
  assertFound(
    { "packages/server/src/engine/x.ts": 'import { openEmbedded } from "@peal/store";' },
    /openEmbedded of store/,
  );
  assertFound({ "packages/server/src/engine/x.ts": 'import * as s from "@peal/store";' }, /\* of store/);
});

test("the api may use the core's errors and none of its decisions", () => {
  assertFound({ "packages/server/src/api/x.ts": 'import { decide } from "@peal/core";' }, /decide of core/);
});

test("a cycle is found and its way is told, type-only imports included", () => {
  assertFound(
    {
      "packages/store/src/a.ts": 'import type { B } from "./b.js";',
      "packages/store/src/b.ts": 'import { c } from "./c.js";',
      "packages/store/src/c.ts": 'const a = await import("./a.js");',
    },
    /cycle: packages\/store\/src\/a\.ts -> packages\/store\/src\/b\.ts -> packages\/store\/src\/c\.ts -> packages\/store\/src\/a\.ts/,
  );
});

test("a package that is not listed is found, and devDependencies serve tests only", () => {
  assertFound(
    { "packages/store/src/a.ts": 'import x from "left-pad";' },
    /left-pad, which is not in the dependencies of packages\/store/,
  );
  assertFound({ "packages/server/src/a.ts": 'import x from "@grpc/grpc-js";' }, /@grpc\/grpc-js/);
  assert.deepEqual(
    check({ "packages/server/src/a.test.ts": 'import x from "@grpc/grpc-js"; import fc from "fast-check";' }),
    [],
  );
  assert.deepEqual(check({ "packages/grpc/src/a.ts": 'import x from "@bufbuild/protobuf/wkt";' }), []);
});

test("a test may import what its subject must not", () => {
  assert.deepEqual(
    check({ "packages/server/src/engine/x.test.ts": 'import { openEmbedded } from "@peal/store";' }),
    [],
  );
});

test("a file or an entry that does not exist is found", () => {
  assertFound({ "packages/store/src/a.ts": 'import { x } from "./gone.js";' }, /\.\/gone\.js, which does not exist/);
  assertFound(
    { "packages/server/src/a.ts": 'import { x } from "@peal/wire/src/hot.js";' },
    /@peal\/wire\/src\/hot\.js, which does not exist/,
  );
});

test("built-in modules carry node:, and the core uses none", () => {
  assertFound({ "packages/store/src/a.ts": 'import fs from "fs";' }, /write node:fs/);
  assertFound({ "packages/core/src/a.ts": 'import fs from "node:fs";' }, /core must not/);
  assertFound({ "simulation/src/a.ts": 'import net from "node:net";' }, /simulation must not/);
});

test("the core uses no clock and no chance", () => {
  assertFound({ "packages/core/src/a.ts": "const now = Date.now();" }, /uses Date/);
  assertFound({ "packages/core/src/a.ts": "const roll = Math.random();" }, /uses Math\.random/);
  assert.deepEqual(check({ "packages/core/src/a.ts": "// Date\nconst x = env.random(); Math.floor(x.Date);" }), []);
});

test("a barrel below the entry is found", () => {
  assertFound({ "packages/store/src/deep/all.ts": 'export * from "../storage.js";' }, /re-exports/);
});

test("a package that the table does not know is found", () => {
  const violations = findViolations({
    sources: new Map([["packages/surprise/src/index.ts", 'import { x } from "@peal/wire";']]),
    packages: new Map([["packages/surprise", { name: "@peal/surprise", dependencies: { "@peal/wire": "1" } }]]),
    rootPackage: {},
  });
  assert.match(violations.join(), /no part that scripts\/arrows\.mjs knows/);
});

test("a dependency without a tsconfig reference is found", () => {
  assert.match(
    check({}, new Map([["packages/server", ["packages/core", "packages/wire", "packages/grpc"]]]))[0],
    /no reference to packages\/store/,
  );
});

test("what only tests use is held to the rules of tests", () => {
  assert.deepEqual(check({ "packages/store/src/oracle.test.support.ts": 'import fc from "fast-check";' }), []);
});
