import type { TopicMetrics } from "../engine/engine-metrics.js";
import type { Row } from "./resource-family.js";

const PREFIX = "pubsub_googleapis_com_topic_";

/** What is shown of each topic. */
export const TOPIC_ROWS: readonly Row<TopicMetrics>[] = [
  {
    name: `${PREFIX}send_request_count`,
    type: "counter",
    help: "Publish requests, by outcome.",
    value: ({ usage }) => usage?.sends,
  },
  {
    name: `${PREFIX}send_request_latencies`,
    type: "histogram",
    help: "Time from a publish request to its answer, in microseconds, of those that were stored.",
    value: ({ usage }) => usage?.sendLatencies,
  },
  {
    name: `${PREFIX}message_sizes`,
    type: "histogram",
    help: "Sizes of the messages that were stored, in bytes.",
    value: ({ usage }) => usage?.messageSizes,
  },
  {
    name: `${PREFIX}config_updates_count`,
    type: "counter",
    help: "Updates that took effect.",
    value: ({ usage }) => usage?.configUpdates,
  },
  {
    name: "peal_topic_published_messages",
    type: "counter",
    help: "Messages that were stored.",
    value: (item) => item.messageCount,
  },
];
