import assert from "node:assert/strict";
import { test } from "node:test";
import { rulesOf } from "../profile.js";
import { checkLabels } from "./labels.js";

const service = rulesOf("service");

function labels(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, ""]));
}

function refusal(text: string) {
  return {
    code: "INVALID_ARGUMENT",
    message: `You have passed an invalid argument to the service (argument=Invalid labels: ${text}).`,
  };
}

test("a resource has at most 64 labels", () => {
  checkLabels(service, labels(64));
  assert.throws(() => checkLabels(service, labels(65)), /number of labels 65 exceeds/);
});

test("keys have 1 to 63 characters and values at most 63", () => {
  checkLabels(service, { ["k".repeat(63)]: "v".repeat(63), empty: "" });
  assert.throws(
    () => checkLabels(service, { ["k".repeat(64)]: "" }),
    /exceeds maximum key length 63 with a length of 64/,
  );
  assert.throws(
    () => checkLabels(service, { k: "v".repeat(64) }),
    refusal(`Invalid field "labels.k"; value "${"v".repeat(64)}" exceeds maximum value length 63 with a length of 64`),
  );
  assert.throws(() => checkLabels(service, { "": "v" }), { code: "INVALID_ARGUMENT" });
});

test("lengths count characters, not UTF-16 units", () => {
  checkLabels(service, { ["𐐨".repeat(63)]: "𐐨".repeat(63) });
  assert.throws(() => checkLabels(service, { ["𐐨".repeat(64)]: "" }), /with a length of 64/);
});

test("letters of any script without upper case are taken, and upper case refused with the measured text", () => {
  checkLabels(service, { ключ: "значение", 鍵: "1_-" });
  assert.throws(
    () => checkLabels(service, { Key: "v" }),
    refusal(
      'Invalid field "labels"; key "Key" does not conform to regular expression "[\\p{Ll}\\p{Lo}][\\p{Ll}\\p{Lo}\\p{N}_-]{0,62}"; first character "K" is not a non-uppercased letter (Unicode character class Ll or Lo)',
    ),
  );
  for (const bad of [{ "1a": "" }, { _a: "" }, { aB: "" }, { "a b": "" }, { a: "B" }, { a: "b!" }]) {
    assert.throws(() => checkLabels(service, bad), { code: "INVALID_ARGUMENT" });
  }
  checkLabels(rulesOf("emulator"), { Key: "Value" });
});
