import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SequenceIndex } from "./sequence-index.js";

test("whatever is added and removed, the index finds what a map finds", () => {
  // A narrow range collides and probes; the wide one has numbers above 2^32.
  const sequences = fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 2 ** 40, max: 2 ** 40 + 200 }));
  fc.assert(
    fc.property(fc.array(sequences, { maxLength: 2_000, size: "max" }), (list) => {
      const index = new SequenceIndex();
      const map = new Map<number, number>();
      for (const [slot, sequence] of list.entries()) {
        if (map.delete(sequence)) index.remove(sequence);
        else {
          map.set(sequence, slot);
          index.add(sequence, slot);
        }
      }
      assert.equal(index.size, map.size);
      for (const sequence of list) assert.equal(index.find(sequence), map.get(sequence) ?? -1);
    }),
    { numRuns: 50 },
  );
});

test("removing what is not there is a mistake that shows", () => {
  const index = new SequenceIndex();
  index.add(1, 0);
  assert.throws(() => index.remove(2), /is in it/);
});

test("an index in use is not released", () => {
  const index = new SequenceIndex();
  index.add(1, 0);
  assert.throws(() => index.release(), /empty/);
  index.remove(1);
  index.release();
  assert.equal(index.find(1), -1);
  index.add(2, 7);
  assert.equal(index.find(2), 7);
});
