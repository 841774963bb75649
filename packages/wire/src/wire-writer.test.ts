import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { WireReader } from "./wire-reader.js";
import { varintSize, writeVarint } from "./wire-writer.js";

test("a written varint has the size told and reads back as the same number", () => {
  const powers = fc
    .tuple(fc.nat(52), fc.integer({ min: -1, max: 1 }))
    .map(([bits, near]) => Math.max(0, 2 ** bits + near));
  fc.assert(
    fc.property(fc.oneof(fc.maxSafeNat(), powers), (value) => {
      const target = new Uint8Array(12);
      const end = writeVarint(target, 1, value);
      assert.equal(end - 1, varintSize(value));
      const reader = new WireReader(target, 1);
      assert.equal(reader.int64(end), value);
      assert.equal(reader.position, end);
    }),
  );
});
