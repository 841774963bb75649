import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import type { Disk } from "./disk.js";
import { encodeSegmentHeader, IDENTITY_BYTES } from "./frame.js";
import { nodeDisk } from "./node-disk.js";
import type { Segment } from "./segment.js";
import { SegmentSet } from "./segment-set.js";

const POSITION = { firstLsn: 1, lastRevision: 0, atLeastId: 1 };

test("a segment that is freed while another one is recycled is a spare of its own", async () => {
  const directory = mkdtempSync(join(tmpdir(), "peal-segments-"));
  try {
    let beforeRename: (from: string) => Promise<void> = async () => undefined;
    const disk: Disk = {
      ...nodeDisk,
      rename: async (from, to) => {
        await beforeRename(from);
        await nodeDisk.rename(from, to);
      },
    };
    const segments = new SegmentSet(disk, directory, Buffer.alloc(IDENTITY_BYTES, 1));
    const roll = async (): Promise<Segment> => {
      const segment = await segments.roll(POSITION);
      await segment.use((file) => file.write([encodeSegmentHeader(segment.header)], 0));
      return segment;
    };
    const [first, second] = [await roll(), await roll()];
    await roll();
    await segments.free(first);

    beforeRename = async (from) => {
      // Only the recycling waits; the freeing that goes on meanwhile renames at once.
      if (!from.endsWith(".free")) return;
      beforeRename = async () => undefined;
      await segments.free(second);
    };
    await roll();
    assert.equal(segments.spareCount, 1);
    await roll();
    assert.equal(segments.spareCount, 0);
    await roll();
    assert.deepEqual(
      readdirSync(directory).filter((name) => name.endsWith(".free")),
      [],
    );
    await segments.close();
  } finally {
    rmSync(directory, { recursive: true });
  }
});
