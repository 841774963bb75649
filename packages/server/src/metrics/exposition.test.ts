import assert from "node:assert/strict";
import test from "node:test";
import { readExposition } from "./exposition.test.support.js";

const HEAD = "# HELP a h\n# TYPE a counter\n";

test("a text that keeps the rules is read", () => {
  const text = `${HEAD}a{x="\\"\\\\\\n"} 1\na 2.5e-7\n# HELP b h\n# TYPE b gauge\n# HELP c h\n# TYPE c gauge\nc 1\n`;
  assert.deepEqual(
    [...readExposition(text)],
    [
      ['a{x="\\"\\\\\\n"}', 1],
      ["a", 2.5e-7],
      ["c", 1],
    ],
  );
});

for (const [what, text] of [
  ["no line feed at the end", `${HEAD}a 1`],
  ["a series of another family", `${HEAD}b 1\n`],
  ["a series before its family", `a 1\n${HEAD}`],
  ["a family in two places", `${HEAD}a 1\n# HELP b h\n# TYPE b gauge\nb 1\n${HEAD}a{x="1"} 1\n`],
  ["a family without help", "# TYPE a counter\na 1\n"],
  ["a series twice", `${HEAD}a 1\na 2\n`],
  ["a quote that is not escaped", `${HEAD}a{x="""} 1\n`],
  ["a backslash that escapes nothing", `${HEAD}a{x="\\t"} 1\n`],
  ["a value that is no number", `${HEAD}a undefined\n`],
  ["an empty line", `${HEAD}\na 1\n`],
  ["classes that fall", '# HELP h h\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_count 1\n'],
] as const) {
  test(`a text with ${what} is refused`, () => {
    assert.throws(() => readExposition(text), { code: "ERR_ASSERTION" });
  });
}
