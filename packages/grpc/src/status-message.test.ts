import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeStatusMessage, encodeStatusMessage } from "./status-message.js";

/** Any text that UTF-8 can carry. */
const text = fc.string({ unit: "binary", maxLength: 200 });

test("printable ASCII goes as it is, but for the percent sign", () => {
  assert.equal(encodeStatusMessage("Resource not found (resource=t)."), "Resource not found (resource=t).");
  assert.equal(encodeStatusMessage("100% é\n"), "100%25 %C3%A9%0A");
});

test("whatever the text, only printable ASCII goes out, and the text comes back", () => {
  fc.assert(
    fc.property(text, (message) => {
      const encoded = encodeStatusMessage(message);
      assert.match(encoded, /^[\x20-\x7e]*$/);
      assert.equal(decodeStatusMessage(encoded), message);
    }),
  );
});

test("half a surrogate pair becomes the replacement character", () => {
  assert.equal(decodeStatusMessage(encodeStatusMessage("a\ud800b")), "a\ufffdb");
});

test("a long text is cut at a character, within 8 KiB", () => {
  for (const character of ["a", "%", "é", "漢", "😀"]) {
    const encoded = encodeStatusMessage(character.repeat(10_000));
    assert.ok(encoded.length <= 8_192 && encoded.length > 8_192 - 12, `${character}: ${encoded.length}`);
    const decoded = decodeStatusMessage(encoded);
    assert.equal(decoded, character.repeat([...decoded].length));
  }
});

test("an escape that is none stays as it came", () => {
  for (const encoded of ["100%", "%", "%4", "%zz", "a%%b", "%g1x"]) assert.equal(decodeStatusMessage(encoded), encoded);
  assert.equal(decodeStatusMessage("%e6%bc%A2%"), "漢%");
});

test("bytes that are no UTF-8 become replacement characters, not an error", () => {
  assert.equal(decodeStatusMessage("x%FFy"), "x\ufffdy");
});

test("text beside an escape that is not ASCII survives", () => {
  assert.equal(decodeStatusMessage("%41é😀"), "Aé😀");
});
