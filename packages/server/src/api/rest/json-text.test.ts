import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseJsonText } from "./json-text.js";

test("any JSON text is parsed as JSON.parse does it", async () => {
  await fc.assert(
    fc.asyncProperty(fc.json({ maxDepth: 6 }), fc.boolean(), async (text, isIndented) => {
      const value: unknown = JSON.parse(text);
      const given = isIndented ? JSON.stringify(value, undefined, "\t ") : text;
      assert.deepEqual(await parseJsonText(Buffer.from(given)), value);
    }),
  );
});

test("strings with quotes and backslashes of any number end where they end", async () => {
  for (let count = 0; count < 200; count += 7) {
    const value = { [`${"\\".repeat(count)}"`]: ["\\".repeat(count), `${"x".repeat(count)}"`, "[{:,"] };
    assert.deepEqual(await parseJsonText(Buffer.from(JSON.stringify(value))), value);
  }
});

test("an empty text is an empty object", async () => {
  assert.deepEqual(await parseJsonText(Buffer.alloc(0)), {});
});

const REFUSED: readonly (readonly [what: string, text: string | Buffer, message: RegExp])[] = [
  [
    "a name that an object has twice",
    '{"a":{"b":{"a":1,"b":[]},"c":"{","\\u0062":2}}',
    /An object has the name "b" twice\.$/,
  ],
  ["what is no JSON", "{'a':1}", /The text is not JSON/],
  ["what is no UTF-8", Buffer.from([0x22, 0xff, 0x22]), /not valid UTF-8/],
  ["a text cut short", '{"a":[', /The text is not JSON: it ends in the middle\.$/],
  ["an unfinished string", '{"a":"b', /not JSON/],
  ["lists without end", "[".repeat(1_000), /nests deeper than 64 levels/],
  ["brackets that close more than they open", "]".repeat(1_000), /not JSON/],
  ["too many values", `[${"1,".repeat(400_001)}1]`, /more than 400000 values/],
  [
    "an object of too many names",
    `{${Array.from({ length: 1_001 }, (_, index) => `"${index}":1`).join()}}`,
    /more than 1000 names/,
  ],
  ["a number without end", `[${"1".repeat(2_000)}]`, /a number without end/],
];

for (const [what, text, message] of REFUSED) {
  test(`${what} is refused`, async () => {
    await assert.rejects(parseJsonText(Buffer.from(text)), { code: "INVALID_ARGUMENT", message });
  });
}

test("message data does not show in the error about a text that is no JSON", async () => {
  await assert.rejects(parseJsonText(Buffer.from('{"data":"secret", oops}')), (error: Error) => {
    assert.ok(!error.message.includes("secret"));
    return true;
  });
});

test("a thousand messages of a hundred attributes are not too much", async () => {
  const attributes = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`k${index}`, "v"]));
  const text = JSON.stringify({ messages: Array.from({ length: 1_000 }, () => ({ attributes, data: "aGk=" })) });
  assert.ok(await parseJsonText(Buffer.from(text)));
});
