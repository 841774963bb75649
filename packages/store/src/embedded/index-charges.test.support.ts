/** For tests: what an index file charges its segments, and what its rows say they should be charged. */
import { open } from "lmdb";
import { decodeDropped, decodeExtent, decodeLog, decodeMetadata, decodeSegment } from "./index-rows.js";

export interface Charges {
  /** By segment, without those at 0. */
  readonly charged: ReadonlyMap<number, number>;
  readonly pointedTo: ReadonlyMap<number, number>;
}

export async function chargesOf(path: string): Promise<Charges> {
  const database = open<Buffer, Buffer>({ path, noSubdir: true, encoding: "binary", keyEncoding: "binary" });
  const charged = new Map<number, number>();
  const pointedTo = new Map<number, number>();
  const point = (segment: number, bytes: number) => {
    if (segment > 0) pointedTo.set(segment, (pointedTo.get(segment) ?? 0) + bytes);
  };
  for (const { key, value } of database.getRange({})) {
    if (key[0] === 1) {
      const { trim } = decodeLog(key, value);
      if (trim !== undefined) point(trim.segment, trim.bytes);
    } else if (key[0] === 2) {
      const extent = decodeExtent(key, value);
      point(extent.segment, extent.bytes);
    } else if (key[0] === 3) {
      const row = decodeMetadata(value);
      point(row.segment, row.bytes);
    } else if (key[0] === 5) {
      const row = decodeSegment(key, value);
      if (row.liveBytes > 0) charged.set(row.id, row.liveBytes);
    } else if (key[0] === 6) {
      const drop = decodeDropped(value);
      point(drop.segment, drop.bytes);
    }
  }
  await database.close();
  const sorted = (map: Map<number, number>) => new Map([...map].sort(([a], [b]) => a - b));
  return { charged: sorted(charged), pointedTo: sorted(pointedTo) };
}
