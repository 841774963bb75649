// What a Snapshot may say.
import { SnapshotSchema } from "@peal/wire";
import type { MaskedResource } from "./update-mask.js";

/** Snapshots as UpdateSnapshot sees them: `expire_time` may be named, since samples of clients do, but never moves. */
export const MASKED_SNAPSHOT: MaskedResource = {
  request: "UpdateSnapshotRequest",
  desc: SnapshotSchema,
  immutableFields: new Set(["name", "topic"]),
};
