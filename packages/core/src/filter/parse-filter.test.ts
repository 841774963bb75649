import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FilterSyntaxError } from "./filter-syntax-error.js";
import { parseFilter } from "./parse-filter.js";
import { plainAttributes } from "./plain-attributes.test.support.js";

const STRICT = { allowsMixing: false };
const MIXING = { allowsMixing: true };
/** The API's limit; the parser has none. */
const FILTER_BYTES_MAX = 256;

function matches(text: string, attributes: Readonly<Record<string, string>>, dialect = STRICT): boolean {
  return parseFilter(text, dialect).matches(plainAttributes([Object.entries(attributes)]), 0);
}

function errorOf(text: string, dialect = STRICT): FilterSyntaxError {
  try {
    parseFilter(text, dialect);
  } catch (error) {
    assert.ok(error instanceof FilterSyntaxError, `${text}: ${error}`);
    return error;
  }
  return assert.fail(`${text} is accepted`);
}

test("a presence holds where the message has the key, also with an empty value", () => {
  assert.equal(matches("attributes:k", { k: "v" }), true);
  assert.equal(matches("attributes:k", { k: "" }), true);
  assert.equal(matches("attributes:k", { kk: "v" }), false);
  assert.equal(matches("attributes:k", {}), false);
});

test("an equality holds for the very value only", () => {
  assert.equal(matches('attributes.k = "v"', { k: "v" }), true);
  assert.equal(matches('attributes.k = "v"', { k: "vv" }), false);
  assert.equal(matches('attributes.k = "v"', { k: "" }), false);
  assert.equal(matches('attributes.k = "v"', {}), false);
  assert.equal(matches('attributes.k = ""', { k: "" }), true);
  assert.equal(matches('attributes.k = ""', {}), false);
});

test("an inequality holds for another value and for no value", () => {
  assert.equal(matches('attributes.k != "v"', { k: "v" }), false);
  assert.equal(matches('attributes.k != "v"', { k: "w" }), true);
  assert.equal(matches('attributes.k != "v"', {}), true);
});

test("a prefix holds for what begins with it, the empty one for any value that is there", () => {
  assert.equal(matches('hasPrefix(attributes.k, "ab")', { k: "abc" }), true);
  assert.equal(matches('hasPrefix(attributes.k, "ab")', { k: "ab" }), true);
  assert.equal(matches('hasPrefix(attributes.k, "ab")', { k: "a" }), false);
  assert.equal(matches('hasPrefix(attributes.k, "ab")', {}), false);
  assert.equal(matches('hasPrefix(attributes.k, "")', { k: "" }), true);
  assert.equal(matches('hasPrefix(attributes.k, "")', {}), false);
  assert.equal(matches('NOT hasPrefix(attributes.k, "ab")', {}), true);
});

test("NOT and the minus negate the term that follows, and each other", () => {
  for (const negation of ["NOT ", "-", "- ", "NOT\n", "NOT NOT NOT ", "-NOT-", "NOT--"]) {
    assert.equal(matches(`${negation}attributes:k`, { k: "v" }), false, negation);
    assert.equal(matches(`${negation}attributes:k`, {}), true, negation);
    assert.equal(matches(`${negation}attributes:k AND attributes:l`, { l: "v" }), true, negation);
    assert.equal(matches(`${negation}(attributes:k OR attributes:l)`, { l: "v" }), false, negation);
  }
  assert.equal(matches("--attributes:k", { k: "v" }), true);
});

test("a chain of AND needs all of its terms, one of OR any of them", () => {
  const terms = ["attributes:a", 'attributes.b = "1"', 'hasPrefix(attributes.c, "x")'];
  const all = { a: "", b: "1", c: "xyz" };
  assert.equal(matches(terms.join(" AND "), all), true);
  assert.equal(matches(terms.join(" OR "), {}), false);
  for (const key of ["a", "b", "c"] as const) {
    const { [key]: one, ...others } = all;
    assert.equal(matches(terms.join(" AND "), others), false, key);
    assert.equal(matches(terms.join(" OR "), { [key]: one }), true, key);
  }
});

test("parentheses say what belongs together", () => {
  assert.equal(matches("attributes:a AND (attributes:b OR attributes:c)", { a: "", c: "" }), true);
  assert.equal(matches("attributes:a AND (attributes:b OR attributes:c)", { b: "", c: "" }), false);
  assert.equal(matches("(attributes:a AND attributes:b) OR attributes:c", { c: "" }), true);
  assert.equal(matches("(attributes:a AND attributes:b) OR attributes:c", { b: "" }), false);
  assert.equal(matches("(((attributes:a)))", { a: "" }), true);
});

test("AND and OR side by side are refused, at the operator that is one too many", () => {
  const error = errorOf("attributes:a AND attributes:b OR attributes:c");
  assert.equal(error.position, 31);
  assert.match(error.message, /^expected AND or the end of the filter at position 31, found "OR"; AND and OR mix only/);
  assert.equal(errorOf("attributes:a OR attributes:b AND attributes:c").position, 30);
  assert.equal(errorOf("attributes:x AND (attributes:a OR attributes:b AND attributes:c)").found, '"AND"');
});

test("where AND and OR may stand side by side, AND binds tighter", () => {
  for (const given of [{}, { a: "" }, { b: "" }, { c: "" }, { a: "", b: "" }, { b: "", c: "" }, { a: "", c: "" }]) {
    for (const [bare, bracketed] of [
      ["attributes:a OR attributes:b AND attributes:c", "attributes:a OR (attributes:b AND attributes:c)"],
      ["attributes:a AND attributes:b OR attributes:c", "(attributes:a AND attributes:b) OR attributes:c"],
      [
        "attributes:a AND attributes:b OR NOT attributes:c AND attributes:a",
        "(attributes:a AND attributes:b) OR (NOT attributes:c AND attributes:a)",
      ],
    ] as const) {
      assert.equal(matches(bare, given, MIXING), matches(bracketed, given), `${bare} on ${Object.keys(given)}`);
    }
  }
});

test("keys and values keep their case", () => {
  assert.equal(matches("attributes:Key", { key: "" }), false);
  assert.equal(matches('attributes.k = "Value"', { k: "value" }), false);
  assert.equal(matches('hasPrefix(attributes.k, "V")', { k: "value" }), false);
});

test("a key with other characters stands in quotes, and a bare key may look like a word or begin with a minus", () => {
  assert.equal(matches('attributes."iana.org/language_tag" = "en"', { "iana.org/language_tag": "en" }), true);
  assert.equal(matches('attributes:"clé ✓ 🗝"', { "clé ✓ 🗝": "" }), true);
  assert.equal(matches('attributes:"k"', { k: "" }), true);
  for (const key of ["AND", "NOT", "hasPrefix", "attributes", "-k", "-", "0", "a-b_c", "_"]) {
    assert.equal(matches(`attributes:${key}`, { [key]: "" }), true, key);
    assert.equal(matches(`attributes.${key}="v"`, { [key]: "v" }), true, key);
  }
});

test("escapes stand for characters, in values and in keys", () => {
  for (const [escaped, text] of [
    ["\\u307F", "み"],
    ["\\u307f", "み"],
    ["\\x41", "A"],
    ["\\101", "A"],
    ["\\000", "\0"],
    ["\\U0001F5DD", "🗝"],
    ["\\U0010ffff", "\u{10FFFF}"],
    ['\\"', '"'],
    ["\\'\\?\\\\", "'?\\"],
    ["\\a\\b\\f\\n\\r\\t\\v", "\x07\b\f\n\r\t\v"],
    ["\\1012", "A2"],
    ["\\x412", "A2"],
    // A number is that of a character, not of a byte.
    ["\\xe9", "é"],
    ["\\351", "é"],
    ["\\377", "ÿ"],
  ] as const) {
    assert.equal(matches(`attributes.k = "<${escaped}>"`, { k: `<${text}>` }), true, escaped);
    assert.equal(matches(`hasPrefix(attributes.k, "${escaped}")`, { k: `${text}>` }), true, escaped);
    assert.equal(matches(`attributes:"${escaped}"`, { [text]: "" }), true, escaped);
  }
});

test("white space is free between the parts, and parts need none where they can be told apart", () => {
  const spaced = '\t( attributes \n : a\r\n AND NOT hasPrefix\v( attributes . b\f, "x" ) ) ';
  const dense = '(attributes:a AND-hasPrefix(attributes.b,"x"))';
  for (const given of [{}, { a: "" }, { a: "", b: "x" }, { a: "", b: "y" }]) {
    assert.equal(matches(spaced, given), matches(dense, given));
    assert.equal(matches(dense, given), "a" in given && given.b !== "x");
  }
  assert.equal(matches('attributes.a="x"AND(attributes:b)', { a: "x", b: "" }), true);
  assert.equal(matches('NOT(attributes.a!="x")', { a: "x" }), true);
});

test("a filter of nothing but white space matches everything", () => {
  for (const text of ["", " ", "\t\r\n \v\f"]) {
    const filter = parseFilter(text, STRICT);
    assert.equal(filter.matchesAll, true);
    assert.equal(filter.matches(plainAttributes([[]]), 0), true);
  }
  assert.equal(parseFilter("attributes:a", STRICT).matchesAll, false);
});

const TERM = 'attributes, hasPrefix, NOT, "-" or "("';
const KEY = 'a key, bare (letters, digits, "_", "-") or in double quotes';
const AFTER_TERM = "AND, OR or the end of the filter";
const VALUE = "a value in double quotes";

/** What is wrong, where, what was expected, what was found. */
const MALFORMED: readonly (readonly [what: string, text: string, position: number, expected: string, found: string])[] =
  [
    ["a value on the left", '"v" = attributes.k', 1, TERM, 'the string "v"'],
    ["two keys compared", "attributes.a = attributes.b", 16, VALUE, '"attributes"'],
    ["a bare value", "attributes.k = v", 16, VALUE, '"v"'],
    ["a number as value", "attributes.k = 7", 16, VALUE, '"7"'],
    ["no value", "attributes.k =", 15, VALUE, "the end of the filter"],
    ["an escape outside a string", "attributes.k = \\u307F", 16, VALUE, '"\\"'],
    ["an escape in a bare key", 'attributes.\\x41 = "v"', 12, KEY, '"\\"'],
    ["two equals signs", 'attributes.k == "v"', 14, '"=" or "!="', '"=="'],
    ["another comparison", 'attributes.k >= "v"', 14, '"=" or "!="', '">="'],
    ["no comparison", "attributes.k", 13, '"=" or "!="', "the end of the filter"],
    ["another function", 'hasSuffix(attributes.k, "v")', 1, TERM, '"hasSuffix"'],
    ["a function in small letters", 'hasprefix(attributes.k, "v")', 1, TERM, '"hasprefix"'],
    ["a presence in a function", 'hasPrefix(attributes:k, "v")', 21, '"." after attributes', '":"'],
    ["a function without prefix", "hasPrefix(attributes.k)", 23, '"," and the prefix', '")"'],
    ["a function of three", 'hasPrefix(attributes.k, "v", "w")', 28, '")" after the prefix', '","'],
    ["a function that is compared", 'hasPrefix(attributes.k, "v") = "w"', 30, AFTER_TERM, '"="'],
    ["trailing parts", 'attributes.k = "v" attributes:l', 20, AFTER_TERM, '"attributes"'],
    ["a trailing operator", "attributes:k AND", 17, TERM, "the end of the filter"],
    ["a leading operator", "AND attributes:k", 1, TERM, '"AND"'],
    ["a value in single quotes", "attributes.k = 'v'", 16, VALUE, '"\'"'],
    ["a value without end", 'attributes.k = "v', 18, "the closing quote of the string", "the end of the filter"],
    ["small operators", "attributes:a and attributes:b", 14, AFTER_TERM, '"and"'],
    ["a small OR", "attributes:a or attributes:b", 14, AFTER_TERM, '"or"'],
    ["a small NOT", "not attributes:a", 1, TERM, '"not"'],
    ["symbols as operators", "attributes:a && attributes:b", 14, AFTER_TERM, '"&&"'],
    ["words in capitals", "ATTRIBUTES:a", 1, TERM, '"ATTRIBUTES"'],
    ["a word that goes on", "NOTattributes:a", 1, TERM, '"NOTattributes"'],
    ["a word alone", "attributes", 11, '":" or "." after attributes', "the end of the filter"],
    ["no key", "attributes:", 12, KEY, "the end of the filter"],
    ["a bare key of other letters", "attributes:é", 12, KEY, '"é"'],
    ["a bare key with a dot", "attributes:a.b", 13, AFTER_TERM, '"."'],
    ["white space that is none", "attributes:\u00a0a", 12, KEY, '"<U+00A0>"'],
    ["a parenthesis that stays open", "(attributes:a", 14, 'AND, OR or ")"', "the end of the filter"],
    ["a parenthesis too many", "attributes:a)", 13, AFTER_TERM, '")"'],
    ["nothing in parentheses", "()", 2, TERM, '")"'],
    ["a negation of nothing", "NOT", 4, TERM, "the end of the filter"],
    ["the data", 'data = "v"', 1, TERM, '"data"'],
    ["a position after many bytes", 'attributes."🗝é" ~ "v"', 17, '"=" or "!="', '"~"'],
  ];

for (const [what, text, position, expected, found] of MALFORMED) {
  test(`${what} is refused with its place: ${text}`, () => {
    const error = errorOf(text);
    assert.deepEqual([error.position, error.expected, error.found], [position, expected, found]);
    assert.ok(error.message.startsWith(`expected ${expected} at position ${position}, found ${found}`), error.message);
  });
}

test("a string with an escape that means no character is refused at the backslash", () => {
  for (const escaped of [
    ...["\\q", "\\ ", "\\N", "\\X41", "\\8", "\\0", "\\12", "\\128", "\\400", "\\777"],
    ...["\\x4", "\\xg0", "\\u12", "\\u12g4", "\\U0001F5D", "\\U"],
    ...["\\uD83D\\uDDDD", "\\uDFFF", "\\U0000D800", "\\U00110000", "\\UFFFFFFFF", "\ud800"],
  ]) {
    assert.equal(errorOf(`attributes.k = "é${escaped}"`).position, 18, escaped);
    assert.equal(errorOf(`attributes:"${escaped}"`).position, 13, escaped);
  }
  assert.equal(errorOf('attributes.k = "\\').position, 17);
});

test("an error says what the writer may have meant", () => {
  assert.match(errorOf("attributes:a and attributes:b").message, /; operators are in capitals$/);
  assert.match(errorOf("attributes.k = 'v'").message, /; strings are in double quotes$/);
  assert.doesNotMatch(errorOf("attributes.k = v").message, /;/);
});

test("whatever the text, it is a filter or an error within it", () => {
  const parts = fc.constantFrom(
    ...["attributes", "hasPrefix", "NOT", "AND", "OR", "and", "k", "-", "(", ")", ":", ".", ",", "=", "!=", "==", " "],
    ...['"v"', '"', "\\", "\\x4", "\\u30", "\\7", "🗝", "é", "\ud800", "\udc00", "\n", "\0", "'"],
    ...["attributes:k", 'attributes.k="v"', 'hasPrefix(attributes.k,"v")', " AND ", " OR "],
  );
  const texts = fc.array(parts, { maxLength: 30 }).map((list) => list.join(""));
  fc.assert(
    fc.property(fc.oneof(texts, fc.string({ unit: "binary" })), fc.boolean(), (text, allowsMixing) => {
      try {
        parseFilter(text, { allowsMixing }).matches(plainAttributes([[["k", "v"]]]), 0);
      } catch (error) {
        assert.ok(error instanceof FilterSyntaxError, `${error}`);
        assert.ok(error.position >= 1 && error.position <= [...text].length + 1, error.message);
        assert.match(error.message, /^[ \p{L}\p{M}\p{N}\p{P}\p{S}]+$/u);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("an error shows little of what it found", () => {
  assert.ok(errorOf(`attributes.k = ${"v".repeat(10_000)}`).message.length < 150);
  assert.ok(errorOf(`"${"v".repeat(10_000)}" = attributes.k`).message.length < 150);
});

test("the deepest filters of 256 bytes, and far deeper ones, are read and matched without a deep stack", () => {
  const wraps = [
    (depth: number) => `${"(".repeat(depth)}attributes:a${")".repeat(depth)}`,
    (depth: number) => `${"-(".repeat(depth)}attributes:a${")".repeat(depth)}`,
    (depth: number) => `${"attributes:a AND(attributes:b OR(".repeat(depth)}attributes:a${"))".repeat(depth)}`,
    (depth: number) => `${"-".repeat(depth)}attributes:a`,
  ];
  for (const wrap of wraps) {
    const text = (depth: number) => wrap(depth * 2);
    let depth = 1;
    while (text(depth + 1).length <= FILTER_BYTES_MAX) depth += 1;
    for (const levels of [depth, 50_000]) {
      assert.equal(matches(text(levels), { a: "" }), true);
      assert.equal(matches(text(levels), { b: "" }), false);
    }
  }
  assert.equal(errorOf("(".repeat(100_000)).position, 100_001);
  assert.equal(errorOf(`${"(".repeat(100_000)}attributes:a`).found, "the end of the filter");
});
