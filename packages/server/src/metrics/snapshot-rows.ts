import type { SnapshotMetrics } from "../engine/engine-metrics.js";
import type { Row } from "./resource-family.js";

const PREFIX = "pubsub_googleapis_com_snapshot_";

/** What is shown of each snapshot. */
export const SNAPSHOT_ROWS: readonly Row<SnapshotMetrics>[] = [
  {
    name: `${PREFIX}num_messages`,
    type: "gauge",
    help: "Messages that a seek to it would leave unacknowledged: those it held when it was made, and all since.",
    value: (item) => item.messageCount,
  },
  {
    name: `${PREFIX}oldest_message_age`,
    type: "gauge",
    help: "Age of the oldest message it held when it was made, in seconds.",
    value: ({ oldestAtMs }, nowMs) => (oldestAtMs === undefined ? undefined : Math.max(nowMs - oldestAtMs, 0) / 1_000),
  },
  {
    name: `${PREFIX}config_updates_count`,
    type: "counter",
    help: "Updates that took effect.",
    value: (item) => item.configUpdates,
  },
  {
    name: "peal_snapshot_seconds_left",
    type: "gauge",
    help: "Seconds until it expires.",
    value: ({ expireAtMs }, nowMs) => Math.max(expireAtMs - nowMs, 0) / 1_000,
  },
];
