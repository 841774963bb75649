import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatTimeout, parseTimeout } from "./timeout.js";

test("every unit of the protocol is read as milliseconds", () => {
  const spans = [
    ["2H", 7_200_000],
    ["3M", 180_000],
    ["4S", 4_000],
    ["5m", 5],
    ["6000u", 6],
    ["7000000n", 7],
    ["0m", 0],
  ] as const;
  for (const [header, spanMs] of spans) assert.ok(Math.abs(parseTimeout(header)! - spanMs) < 1e-9, header);
});

test("what is not digits and a unit is malformed", () => {
  for (const header of ["", "5", "m", "123456789m", "1.5S", "-1S", "+1S", "5s", "5 m", "5m ", "0x5m", "5mm", "٣S"]) {
    assert.equal(parseTimeout(header), undefined, JSON.stringify(header));
  }
});

test("a span that is gone is 0, and one without an end has no header", () => {
  assert.equal(formatTimeout(-5), "0m");
  assert.equal(formatTimeout(0), "0m");
  assert.equal(formatTimeout(Number.POSITIVE_INFINITY), undefined);
});

test("a span becomes the finest unit that holds it in eight digits", () => {
  assert.equal(formatTimeout(0.2), "1m");
  assert.equal(formatTimeout(99_999_999), "99999999m");
  assert.equal(formatTimeout(100_000_000), "100000S");
  assert.equal(formatTimeout(Number.MAX_SAFE_INTEGER), "99999999H");
});

test("a span is never shortened on its way, and lengthened by less than a thousandth or a millisecond", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 3e14, noNaN: true }), (spanMs) => {
      const back = parseTimeout(formatTimeout(spanMs)!)!;
      assert.ok(back >= spanMs && back <= spanMs * 1.001 + 1, `${spanMs} came back as ${back}`);
    }),
  );
});
