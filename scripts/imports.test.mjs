import assert from "node:assert/strict";
import test from "node:test";
import { readExportedNames, readImports, tokenize } from "./imports.mjs";

const specifiers = (source) => readImports(source).map((found) => found.specifier);

test("every form of import is found", () => {
  const source = `
    import "./effects.js";
    import whole from "./whole.js";
    import * as space from "./space.js";
    import { a, type B, c as d } from "./names.js";
    import type { T } from "./types.js";
    import {
      many,
    } from './lines.js';
    const later = await import("./later.js");
    type X = import("./inline.js").X;
    export { a } from "./again.js";
    export type { T2 } from "./again-type.js";
    export * from "./all.js";
    export * as named from "./all-named.js";
  `;
  assert.deepEqual(specifiers(source), [
    "./effects.js",
    "./whole.js",
    "./space.js",
    "./names.js",
    "./types.js",
    "./lines.js",
    "./later.js",
    "./inline.js",
    "./again.js",
    "./again-type.js",
    "./all.js",
    "./all-named.js",
  ]);
});

test("comments, strings, templates and regular expressions hold no imports", () => {
  const source = `
    // import "./comment.js";
    /* import "./block.js"; */
    const text = 'import "./string.js"';
    const template = \`import "./template.js" \${inner({ a: \`import "./deep.js"\` })} import "./rest.js"\`;
    const pattern = /import "[/]regex.js"/;
    const ratio = a / b; import("./real.js"); const other = c / d;
    const meta = import.meta.url;
    const member = { import: 1, from: "./member.js" };
  `;
  assert.deepEqual(specifiers(source), ["./real.js"]);
});

test("an expression inside a template is read", () => {
  assert.deepEqual(specifiers("const t = `a $" + "{await import('./inside.js')} b $" + "{{ x: { y: 1 } }} c`;"), [
    "./inside.js",
  ]);
});

test("imported names are those of the other file", () => {
  assert.deepEqual(
    readImports('import { a, type B, c as d } from "x"; import e from "y"; import * as f from "z";').map(
      (i) => i.names,
    ),
    [["a", "B", "c"], ["default"], undefined],
  );
});

test("an export of own names is not a re-export", () => {
  assert.deepEqual(readImports('const from = 1; export { from }; import { x } from "./x.js";'), [
    { specifier: "./x.js", line: 1, isReExport: false, names: ["x"] },
  ]);
  assert.equal(readImports('export { x } from "./x.js";')[0].isReExport, true);
});

test("lines are counted through comments and templates", () => {
  assert.equal(readImports('/* 1\n2\n3 */ const t = `4\n`;\nimport "./x.js";')[0].line, 5);
});

test("exported declarations are listed by name", () => {
  const source = `
    export const a = 1;
    export function b() {}
    export async function* c() {}
    export abstract class D {}
    export interface E {}
    export type F = 1;
    const hidden = 2;
  `;
  assert.deepEqual(readExportedNames(source), ["a", "b", "c", "D", "E", "F"]);
});

test("an unfinished string, comment, template or pattern ends with the source", () => {
  for (const source of ['"open', "/* open", "`open $" + "{", "/open[", "'a\\"])
    assert.ok(Array.isArray(tokenize(source)), source);
});
