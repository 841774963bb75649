/**
 * Everything that `/metrics` shows.
 *
 * A metric of Google Cloud Monitoring, `pubsub.googleapis.com/subscription/num_undelivered_messages`, goes by its own
 * name with every character that Prometheus lacks as `_`: `pubsub_googleapis_com_subscription_num_undelivered_messages`.
 * Its resource labels go with it: project_id and subscription_id, or topic_id. What is ours alone begins with `peal_`.
 */
import type { EngineStats, SubscriptionMetrics, TopicMetrics } from "../engine/engine-metrics.js";
import type { CallCounts } from "./call-counts.js";
import { collectSlowly } from "./collect-slowly.js";
import { labelsOf, type MetricFamily, renderMetrics, type Sample } from "./prometheus-text.js";

/** What is asked of the engine. */
export interface MetricsSource {
  stats(): EngineStats;
  topicMetrics(): Iterable<TopicMetrics>;
  subscriptionMetrics(): Iterable<SubscriptionMetrics>;
}

interface Row<T> {
  readonly name: string;
  readonly type: MetricFamily["type"];
  readonly help: string;
  /** Undefined: not known now, no sample. */
  readonly value: (item: T, nowMs: number) => number | undefined;
}

const SUBSCRIPTION_PREFIX = "pubsub_googleapis_com_subscription_";
const TOPIC_PREFIX = "pubsub_googleapis_com_topic_";

const SUBSCRIPTION_ROWS: readonly Row<SubscriptionMetrics>[] = [
  {
    name: `${SUBSCRIPTION_PREFIX}num_undelivered_messages`,
    type: "gauge",
    help: "Messages that are not acknowledged, outstanding ones included.",
    value: (item) => item.backlog,
  },
  {
    name: `${SUBSCRIPTION_PREFIX}oldest_unacked_message_age`,
    type: "gauge",
    help: "Age of the oldest message that is not acknowledged, in seconds; 0 without a backlog.",
    value: (item, nowMs) => {
      if (item.oldestUnackedAtMs !== undefined) return Math.max(nowMs - item.oldestUnackedAtMs, 0) / 1_000;
      return item.backlog === 0 ? 0 : undefined;
    },
  },
  {
    name: `${SUBSCRIPTION_PREFIX}num_outstanding_messages`,
    type: "gauge",
    help: "Messages out under a lease.",
    value: (item) => item.outstanding,
  },
  {
    name: `${SUBSCRIPTION_PREFIX}sent_message_count`,
    type: "counter",
    help: "Messages sent, redeliveries included.",
    value: (item) => item.delivered,
  },
  {
    name: `${SUBSCRIPTION_PREFIX}ack_message_count`,
    type: "counter",
    help: "Messages acknowledged.",
    value: (item) => item.acked,
  },
  {
    name: `${SUBSCRIPTION_PREFIX}mod_ack_deadline_message_count`,
    type: "counter",
    help: "Leases that were given a new length, nacks included.",
    value: (item) => item.extended + item.nacked,
  },
  {
    name: `${SUBSCRIPTION_PREFIX}expired_ack_deadlines_count`,
    type: "counter",
    help: "Leases that ended by their deadline.",
    value: (item) => item.expired,
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

const TOPIC_ROWS: readonly Row<TopicMetrics>[] = [
  {
    name: `${TOPIC_PREFIX}send_request_count`,
    type: "counter",
    help: "Publish requests that were stored.",
    value: (item) => item.publishCount,
  },
  {
    name: "peal_topic_published_messages",
    type: "counter",
    help: "Messages that were stored.",
    value: (item) => item.messageCount,
  },
];

/**
 * Renders one scrape, in slices.
 *
 * @param nowMs - The wall clock, in ms since 1970.
 */
export async function* scrape(source: MetricsSource, calls: CallCounts, nowMs: number): AsyncGenerator<string> {
  const topics = await collectSlowly(source.topicMetrics());
  const subscriptions = await collectSlowly(source.subscriptionMetrics());
  yield* renderMetrics([
    ...processFamilies(source.stats()),
    ...calls.families(),
    ...TOPIC_ROWS.map((row) => familyOf(row, topics, "topic_id", nowMs)),
    ...SUBSCRIPTION_ROWS.map((row) => familyOf(row, subscriptions, "subscription_id", nowMs)),
  ]);
}

function processFamilies(stats: EngineStats): MetricFamily[] {
  const { rss } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const single = (name: string, type: MetricFamily["type"], help: string, value: number): MetricFamily => ({
    name,
    type,
    help,
    samples: [{ labels: "", value }],
  });
  return [
    single("process_cpu_seconds_total", "counter", "CPU time of the process, in seconds.", (user + system) / 1e6),
    single("process_resident_memory_bytes", "gauge", "Memory of the process that is resident.", rss),
    single("process_uptime_seconds", "gauge", "Seconds since the start of the process.", process.uptime()),
    single("peal_topics", "gauge", "Topics of all projects.", stats.topics),
    single("peal_subscriptions", "gauge", "Subscriptions of all projects.", stats.subscriptions),
    single("peal_tail_cache_bytes", "gauge", "Recent messages kept in memory.", stats.tailCacheBytes),
    single("peal_publish_waiting_bytes", "gauge", "Publishes that wait for the log.", stats.waitingBytes),
  ];
}

function familyOf<T extends { readonly name: string }>(
  row: Row<T>,
  items: readonly T[],
  idLabel: string,
  nowMs: number,
): MetricFamily {
  return { name: row.name, type: row.type, help: row.help, samples: samplesOf(row, items, idLabel, nowMs) };
}

function* samplesOf<T extends { readonly name: string }>(
  row: Row<T>,
  items: readonly T[],
  idLabel: string,
  nowMs: number,
): Generator<Sample> {
  for (const item of items) {
    const value = row.value(item, nowMs);
    if (value === undefined) continue;
    // A full name is projects/PROJECT/topics/ID.
    const [, project = "", , id = ""] = item.name.split("/");
    yield { labels: labelsOf({ project_id: project, [idLabel]: id }), value };
  }
}
