import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { expressions, holdsNaively, keys, mixedDialectText, strictText, values } from "./naive-filter.test.support.js";
import { parseFilter } from "./parse-filter.js";
import { type PlainAttributes, plainAttributes } from "./plain-attributes.test.support.js";

const attributes: fc.Arbitrary<PlainAttributes> = fc.array(fc.tuple(keys, values), { maxLength: 5 });
const messages = fc.array(attributes, { minLength: 1, maxLength: 12 });
const printing = fc.infiniteStream(fc.nat({ max: 999 }));

for (const [dialect, print] of [
  [{ allowsMixing: false }, strictText],
  [{ allowsMixing: true }, mixedDialectText],
] as const) {
  const name = dialect.allowsMixing ? "with AND and OR mixed" : "with parentheses where they are needed";
  test(`however a filter is written ${name}, it matches what its statements say`, () => {
    fc.assert(
      fc.property(expressions, printing, messages, (expression, choices, list) => {
        const text = print(expression, () => choices.next().value ?? 0);
        const filter = parseFilter(text, dialect);
        const index = plainAttributes(list);
        for (const [at, given] of list.entries()) {
          assert.equal(filter.matches(index, at), holdsNaively(expression, given), text);
        }
      }),
      { numRuns: 1_000 },
    );
  });
}

test("the runs of a stretch are the messages that match, together and in order", () => {
  fc.assert(
    fc.property(expressions, messages, fc.nat({ max: 12 }), fc.nat({ max: 12 }), (expression, list, from, length) => {
      const filter = parseFilter(
        strictText(expression, () => 0),
        { allowsMixing: false },
      );
      const index = plainAttributes(list);
      const end = Math.min(list.length, from + length);
      const runs: [number, number][] = [];
      const count = filter.forEachRun(index, from, end, (first, last) => {
        runs.push([first, last]);
      });
      const expected = list.flatMap((given, at) => {
        return at >= from && at < end && holdsNaively(expression, given) ? [at] : [];
      });
      const told = runs.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, at) => first + at));
      assert.deepEqual(told, expected);
      assert.equal(count, expected.length);
      for (const [at, [first]] of runs.entries()) assert.ok(at === 0 || first > runs[at - 1]![1] + 1);
    }),
  );
});

test("of an attribute named twice the last value counts", () => {
  const index = plainAttributes([
    [
      ["k", "first"],
      ["k", "last"],
    ],
  ]);
  const holds = (text: string) => parseFilter(text, { allowsMixing: false }).matches(index, 0);
  assert.equal(holds('attributes.k = "last"'), true);
  assert.equal(holds('attributes.k = "first"'), false);
  assert.equal(holds('attributes.k != "first"'), true);
  assert.equal(holds('hasPrefix(attributes.k, "f")'), false);
});
