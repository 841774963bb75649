import assert from "node:assert/strict";
import test from "node:test";
import { SettingsError } from "./settings-error.js";
import { readStoreTuning } from "./store-tuning.js";

test("without the variable, or with an empty one, nothing is tuned", () => {
  assert.equal(readStoreTuning(undefined), undefined);
  assert.equal(readStoreTuning(""), undefined);
});

test("the two keys are taken, each alone too", () => {
  assert.deepEqual(readStoreTuning('{"segmentBytes": 65536, "delayDivisor": 20}'), {
    segmentBytes: 65536,
    delayDivisor: 20,
  });
  assert.deepEqual(readStoreTuning('{"delayDivisor": 2}'), { delayDivisor: 2 });
});

test("anything else is refused with what is expected", () => {
  for (const text of [
    "x",
    "1",
    "null",
    '{"other": 1}',
    '{"segmentBytes": "1"}',
    '{"segmentBytes": 1}',
    '{"delayDivisor": 0.5}',
  ]) {
    assert.throws(
      () => readStoreTuning(text),
      (error) => error instanceof SettingsError && /it is for tests$/.test(error.message),
      text,
    );
  }
});
