import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  decodeEntry,
  decodeFrameHeader,
  decodeSegmentHeader,
  type Entry,
  EntryKind,
  encodeSegmentHeader,
  entrySizeAt,
  FRAME_HEADER_BYTES,
  isFrameValid,
} from "./frame.js";
import { Group } from "./group.js";

interface Sketch {
  readonly name: string;
  readonly data: Uint8Array;
  readonly pos: number;
  readonly count: number;
}

const sketches: fc.Arbitrary<Sketch[]> = fc.array(
  fc.record({
    name: fc.string({ minLength: 1, maxLength: 64, unit: fc.constantFrom("a", "Z", "9", "-", "_") }),
    data: fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ minLength: 4000, maxLength: 9000, size: "max" })),
    pos: fc.maxSafeNat(),
    count: fc.integer({ min: 1, max: 2 ** 20 }),
  }),
  { minLength: 1, maxLength: 20 },
);

const HEADER = { segment: 7, salt: 0xdeadbeef, lsn: 42, lastRevision: 2 ** 40 };

function fill(group: Group, sketch: Sketch): void {
  const entry = group.next();
  Object.assign(
    entry,
    { kind: EntryKind.append, flags: 0, logKind: "ack", part: 0xffff_ffff, timeMs: 5, extra: 0 },
    sketch,
  );
  group.add(entry, sketch.data);
}

function entriesOf(frame: Buffer): Entry[] {
  const header = decodeFrameHeader(frame, 0)!;
  const found: Entry[] = [];
  for (let at = FRAME_HEADER_BYTES; found.length < header.entryCount; ) {
    const sizeBytes = entrySizeAt(frame, at, frame.byteLength)!;
    found.push(decodeEntry(frame, at, sizeBytes));
    at += sizeBytes;
  }
  return found;
}

test("a frame gives back the entries it was made of", () => {
  const group = new Group();
  fc.assert(
    fc.property(sketches, sketches, (kept, takenBack) => {
      group.reset();
      const half = Math.floor(kept.length / 2);
      for (const sketch of kept.slice(0, half)) fill(group, sketch);
      const mark = group.mark();
      for (const sketch of takenBack) fill(group, sketch);
      group.rollback(mark);
      for (const sketch of kept.slice(half)) fill(group, sketch);
      const sizeBytes = group.sizeBytes;
      const frame = Buffer.concat(group.finish(HEADER));
      assert.equal(frame.byteLength, sizeBytes);
      const header = decodeFrameHeader(frame, 0)!;
      assert.deepEqual(header, {
        ...HEADER,
        entryCount: kept.length,
        bodyBytes: frame.byteLength - FRAME_HEADER_BYTES,
      });
      assert.ok(isFrameValid(frame, 0, header));
      const found = entriesOf(frame).map(({ name, data, pos, count }) => ({
        name,
        data: new Uint8Array(data),
        pos,
        count,
      }));
      assert.deepEqual(
        found,
        kept.map(({ name, data, pos, count }) => ({ name, data: new Uint8Array(data), pos, count })),
      );
    }),
    { numRuns: 50 },
  );
});

test("a frame with one bit changed is not valid", () => {
  const group = new Group();
  group.reset();
  for (const name of ["one", "two"]) fill(group, { name, data: Buffer.from(name), pos: 1, count: 1 });
  const frame = Buffer.concat(group.finish(HEADER));
  for (let bit = 0; bit < frame.byteLength * 8; bit += 1) {
    const changed = Buffer.from(frame);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    const header = decodeFrameHeader(changed, 0);
    assert.ok(header === undefined || !isFrameValid(changed, 0, header), `bit ${bit}`);
  }
});

test("a segment header with one bit changed is none", () => {
  const header = { segment: 3, salt: 9, identity: Buffer.alloc(16, 7), firstLsn: 11, lastRevision: 12 };
  const bytes = encodeSegmentHeader(header);
  assert.deepEqual(decodeSegmentHeader(bytes), header);
  for (let bit = 0; bit < 60 * 8; bit += 1) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(decodeSegmentHeader(changed), undefined, `bit ${bit}`);
  }
});
