import assert from "node:assert/strict";
import test from "node:test";
import { AdvanceError, parseAdvance } from "./test-clock-route.js";

test("a span may have several parts and fractions", () => {
  assert.equal(parseAdvance('{"by": "11m"}'), 660_000);
  assert.equal(parseAdvance('{"by": "1h30m"}'), 5_400_000);
  assert.equal(parseAdvance('{"by": "1.5s"}'), 1_500);
  assert.equal(parseAdvance('{"by": "500ms"}'), 500);
  assert.equal(parseAdvance('{"by": "366d"}'), 366 * 86_400_000);
});

test("a body that is no span is refused with what it is and what to send", () => {
  const refused: readonly (readonly [body: string, text: RegExp])[] = [
    ["", /not JSON; send \{"by": "11m"\}/],
    ["[]", /not an object/],
    ["null", /not an object/],
    ["{}", /has no "by"/],
    ['{"by": 11}', /by is 11; use a span like "11m"/],
    ['{"by": "11"}', /by is "11"/],
    ['{"by": "-11m"}', /by is "-11m"/],
    ['{"by": "0s"}', /by is "0s".*above 0/],
    ['{"by": "367d"}', /by is "367d".*at most "366d"/],
    ['{"by": "999999999999d"}', /at most/],
    ['{"by": "11m", "to": 1}', /the key "to"/],
  ];
  for (const [body, text] of refused) {
    assert.throws(
      () => parseAdvance(body),
      (error) => error instanceof AdvanceError && text.test(error.message),
      body,
    );
  }
});
