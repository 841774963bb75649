import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ByteReader } from "./byte-reader.js";
import { ByteWriter } from "./byte-writer.js";

test("every safe integer reads back as it was written", () => {
  fc.assert(
    fc.property(fc.array(fc.maxSafeNat()), (values) => {
      const writer = new ByteWriter();
      for (const value of values) writer.varint(value);
      const reader = new ByteReader(writer.copy());
      for (const value of values) assert.equal(reader.varint(), value);
      assert.ok(reader.isAtEnd);
    }),
  );
});

test("a number beyond the safe integers is refused", () => {
  assert.throws(() => new ByteReader(new Uint8Array(9).fill(0xff)).varint(), /too big/);
});

test("a section does not read into what follows it", () => {
  const reader = new ByteReader(Uint8Array.of(1, 2, 3));
  const section = reader.section(2);
  assert.equal(section.byte(), 1);
  assert.equal(section.byte(), 2);
  assert.throws(() => section.byte(), /ends at byte 2/);
  assert.equal(reader.byte(), 3);
});
