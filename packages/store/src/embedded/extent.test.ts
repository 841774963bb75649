import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Extent, findExtent, insertExtent } from "./extent.js";

function extent(first: number, last: number, segment: number): Extent {
  const place = { segment, offset: first * 10, lengthBytes: 100, bytes: 100, firstTimeMs: 0 };
  return { first, last, ...place, isMoved: true, isFrozen: false, inline: undefined };
}

test("of overlapping extents the one added last has its positions, and the others what is left", () => {
  const ranges = fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.nat({ max: 15 })), { maxLength: 25 });
  fc.assert(
    fc.property(ranges, (added) => {
      const extents: Extent[] = [];
      const owner = new Map<number, number>();
      for (const [index, [first, more]] of added.entries()) {
        insertExtent(extents, extent(first, first + more, index));
        for (let pos = first; pos <= first + more; pos += 1) owner.set(pos, index);
      }
      for (let pos = 1; pos <= 80; pos += 1) {
        const found = extents[findExtent(extents, pos)];
        const segment = found !== undefined && found.first <= pos ? found.segment : undefined;
        assert.equal(segment, owner.get(pos), `position ${pos}`);
      }
      for (const [index, { first, last, bytes }] of extents.entries()) {
        assert.ok(first <= last && bytes >= 1);
        assert.ok(index === 0 || extents[index - 1]!.last < first);
      }
    }),
  );
});
