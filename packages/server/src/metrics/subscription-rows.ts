import type { SubscriptionMetrics } from "../engine/engine-metrics.js";
import type { SubscriptionUsage } from "../engine/subscription-usage.js";
import type { Row, RowValue } from "./resource-family.js";

const PREFIX = "pubsub_googleapis_com_subscription_";

/** How far each subscription is. */
const STATE_ROWS: readonly Row<SubscriptionMetrics>[] = [
  {
    name: `${PREFIX}num_undelivered_messages`,
    type: "gauge",
    help: "Messages that are not acknowledged, outstanding ones included.",
    value: (item) => item.backlog,
  },
  {
    name: `${PREFIX}oldest_unacked_message_age`,
    type: "gauge",
    help: "Age of the oldest message that is not acknowledged, in seconds; 0 without a backlog.",
    value: (item, nowMs) => {
      if (item.oldestUnackedAtMs !== undefined) return Math.max(nowMs - item.oldestUnackedAtMs, 0) / 1_000;
      return item.backlog === 0 ? 0 : undefined;
    },
  },
  {
    name: `${PREFIX}num_outstanding_messages`,
    type: "gauge",
    help: "Messages out under a lease.",
    value: (item) => item.outstanding,
  },
  {
    name: `${PREFIX}num_retained_acked_messages`,
    type: "gauge",
    help: "Acknowledged messages that are kept, without those behind one that is not acknowledged.",
    value: (item) => item.retainedAcked,
  },
  {
    name: `${PREFIX}sent_message_count`,
    type: "counter",
    help: "Messages sent, redeliveries included.",
    value: (item) => item.delivered,
  },
  {
    name: `${PREFIX}ack_message_count`,
    type: "counter",
    help: "Messages acknowledged.",
    value: (item) => item.acked,
  },
  {
    name: `${PREFIX}mod_ack_deadline_message_count`,
    type: "counter",
    help: "Leases that were given a new length, nacks included.",
    value: (item) => item.extended + item.nacked,
  },
  {
    name: `${PREFIX}expired_ack_deadlines_count`,
    type: "counter",
    help: "Leases that ended by their deadline.",
    value: (item) => item.expired,
  },
  {
    name: `${PREFIX}dead_letter_message_count`,
    type: "counter",
    help: "Messages that went to the dead-letter topic.",
    value: (item) => item.deadLettered,
  },
  {
    name: "peal_subscription_waiting_messages",
    type: "gauge",
    help: "Messages that were nacked or expired, or wait behind another of their ordering key, and are not out again.",
    value: (item) => item.waiting,
  },
  {
    name: "peal_subscription_delayed_messages",
    type: "gauge",
    help: "Messages that wait for the end of a retry policy's delay.",
    value: (item) => item.delayed,
  },
  {
    name: "peal_subscription_nacked_messages",
    type: "counter",
    help: "Messages given back by a nack.",
    value: (item) => item.nacked,
  },
  {
    name: "peal_subscription_open_pullers",
    type: "gauge",
    help: "Pulls and streaming pulls that are open now.",
    value: (item) => item.pullers,
  },
  {
    name: "peal_subscription_at_limit",
    type: "gauge",
    help: "1 while so many messages are outstanding or acknowledged out of order that nothing new is delivered.",
    value: (item) => (item.isAtLimit ? 1 : 0),
  },
];

/** What is asked of each; nothing where nothing was asked since the server's start. */
const USAGE_ROWS: readonly Row<SubscriptionMetrics>[] = [
  usageRow("histogram", "ack_latencies", "Time from a delivery to its ack, in ms.", (usage) => usage.ackLatencies),
  usageRow("counter", "pull_request_count", "Pull requests, by outcome.", (usage) => usage.pulls),
  usageRow(
    "counter",
    "pull_message_operation_count",
    "Messages that answered Pull requests.",
    (usage) => usage.pulledMessages,
  ),
  usageRow("counter", "pull_ack_request_count", "Acknowledge requests, by outcome.", (usage) => usage.ackRequests),
  usageRow(
    "counter",
    "pull_ack_message_operation_count",
    "Ack ids in Acknowledge requests, stale ones included.",
    (usage) => usage.ackIds,
  ),
  usageRow(
    "counter",
    "mod_ack_deadline_request_count",
    "ModifyAckDeadline requests, by outcome.",
    (usage) => usage.modifyRequests,
  ),
  usageRow("gauge", "open_streaming_pulls", "Streaming pulls that are open now.", (usage) => usage.openStreams),
  usageRow(
    "counter",
    "streaming_pull_response_count",
    "Responses on streaming pulls, and streaming pulls that failed, by outcome.",
    (usage) => usage.streamResponses,
  ),
  usageRow(
    "counter",
    "streaming_pull_message_operation_count",
    "Messages sent on streaming pulls.",
    (usage) => usage.streamedMessages,
  ),
  usageRow(
    "counter",
    "streaming_pull_ack_request_count",
    "Requests on streaming pulls that have ack ids.",
    (usage) => usage.streamAckRequests,
  ),
  usageRow(
    "counter",
    "streaming_pull_ack_message_operation_count",
    "Ack ids on streaming pulls, stale ones included.",
    (usage) => usage.streamAckIds,
  ),
  usageRow(
    "counter",
    "streaming_pull_mod_ack_deadline_request_count",
    "Requests on streaming pulls that change deadlines.",
    (usage) => usage.streamModifyRequests,
  ),
  usageRow(
    "counter",
    "streaming_pull_mod_ack_deadline_message_operation_count",
    "Deadline changes on streaming pulls, nacks and stale ones included.",
    (usage) => usage.streamModifyIds,
  ),
  usageRow(
    "counter",
    "exactly_once_warning_count",
    "Ack ids that failed under exactly-once, in acks and in deadline changes.",
    (usage) => usage.exactlyOnceWarnings,
  ),
  usageRow(
    "counter",
    "config_updates_count",
    "Updates and detachments that took effect.",
    (usage) => usage.configUpdates,
  ),
];

/** What is shown of each subscription. */
export const SUBSCRIPTION_ROWS: readonly Row<SubscriptionMetrics>[] = [...STATE_ROWS, ...USAGE_ROWS];

function usageRow(
  type: Row<SubscriptionMetrics>["type"],
  name: string,
  help: string,
  value: (usage: SubscriptionUsage) => RowValue,
): Row<SubscriptionMetrics> {
  return { name: PREFIX + name, type, help, value: ({ usage }) => (usage === undefined ? undefined : value(usage)) };
}
