// What a Seek may ask for.
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { SeekRequest } from "@peal/wire";
import type { SeekTarget } from "../../engine/settings.js";
import { malformedTimestamp, noSeekTarget } from "../error-catalogue.js";
import type { ProfileRules } from "../profile.js";
import { checkSnapshotName } from "./names.js";

const MS_PER_SECOND = 1_000;
const NANOS_PER_MS = 1_000_000;
const NANOS_PER_SECOND = 1_000_000_000;
/** google.protobuf.Timestamp: the years 1 to 9999. */
const TIMESTAMP_SECONDS = { min: -62_135_596_800n, max: 253_402_300_799n };

/**
 * Returns where a seek leads.
 *
 * @throws PubSubError INVALID_ARGUMENT where it says nothing, or nothing sensible.
 */
export function checkSeekTarget(rules: ProfileRules, { target }: SeekRequest): SeekTarget {
  switch (target.case) {
    case "time":
      return { kind: "time", timeMs: seekTimeMs(target.value) };
    case "snapshot":
      return { kind: "snapshot", name: checkSnapshotName(rules, target.value) };
    case undefined:
      throw noSeekTarget();
  }
}

/**
 * Publish times are whole milliseconds, and those of T and later are replayed (S-12.1): a T within a millisecond leaves that
 * millisecond out, so it is rounded up.
 */
function seekTimeMs({ seconds, nanos }: Timestamp): number {
  const isInRange = seconds >= TIMESTAMP_SECONDS.min && seconds <= TIMESTAMP_SECONDS.max;
  if (!isInRange || nanos < 0 || nanos >= NANOS_PER_SECOND) throw malformedTimestamp("time");
  return Number(seconds) * MS_PER_SECOND + Math.ceil(nanos / NANOS_PER_MS);
}
