import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SortedByName } from "./sorted-by-name.js";

const names = fc.string({ minLength: 1, maxLength: 3, unit: fc.constantFrom("a", "b", "/") });

test("pages of any size put together are the list of those with the prefix, in order", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(names),
      fc.uniqueArray(names),
      names,
      fc.integer({ min: 1, max: 4 }),
      (all, gone, prefix, limit) => {
        const list = new SortedByName<{ name: string }>();
        for (const name of all) list.add({ name });
        for (const name of gone) list.remove(name);
        const expected = all.filter((name) => !gone.includes(name) && name.startsWith(prefix)).sort();
        const found: string[] = [];
        let after: string | undefined;
        for (;;) {
          const page = list.slice(prefix, after, limit);
          if (page.length === 0) break;
          assert.ok(page.length <= limit);
          found.push(...page.map((item) => item.name));
          after = found[found.length - 1];
        }
        assert.deepEqual(found, expected);
      },
    ),
  );
});

test("a page goes on behind a name that is gone", () => {
  const list = new SortedByName<{ name: string }>();
  for (const name of ["a", "c", "d"]) list.add({ name });
  assert.deepEqual(list.slice("", "b", 1), [{ name: "c" }]);
});

test("a name may be there once", () => {
  const list = new SortedByName<{ name: string }>();
  list.add({ name: "a" });
  assert.throws(() => list.add({ name: "a" }), /there already/);
});
