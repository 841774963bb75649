import assert from "node:assert/strict";
import { test } from "node:test";
import { goDuration, goSeconds } from "./go-duration.js";

test("a span is printed in hours, minutes and seconds without the units that are zero", () => {
  assert.equal(goSeconds(599), "9m59s");
  assert.equal(goSeconds(600), "10m");
  assert.equal(goSeconds(3600), "1h");
  assert.equal(goSeconds(3605), "1h5s");
  assert.equal(goSeconds(2_678_400), "744h");
  assert.equal(goSeconds(2_678_401), "744h1s");
  assert.equal(goSeconds(0), "0");
});

test("fractions of a second are kept without trailing zeros", () => {
  assert.equal(goDuration({ seconds: 599, nanos: 500_000_000 }), "9m59.5s");
  assert.equal(goDuration({ seconds: 3600, nanos: 1 }), "1h0.000000001s");
  assert.equal(goDuration({ seconds: 0, nanos: 500_000_000 }), "500ms");
  assert.equal(goDuration({ seconds: 0, nanos: 10_500 }), "10.5us");
  assert.equal(goDuration({ seconds: 0, nanos: 7 }), "7ns");
});

test("a negative span has a leading minus", () => {
  assert.equal(goSeconds(-90), "-1m30s");
  assert.equal(goDuration({ seconds: 0, nanos: -500_000_000 }), "-500ms");
});
