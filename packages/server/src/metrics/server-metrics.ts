/**
 * Everything that `/metrics` shows.
 *
 * A metric of Google Cloud Monitoring, `pubsub.googleapis.com/subscription/num_undelivered_messages`, goes by its own
 * name with every character that Prometheus lacks as `_`: `pubsub_googleapis_com_subscription_num_undelivered_messages`.
 * Its resource labels go with it: project_id and subscription_id, or topic_id. What is ours alone begins with `peal_`.
 */
import type { EmbeddedStorageStats } from "@peal/store";
import type { EngineStats, SubscriptionMetrics, TopicMetrics } from "../engine/engine-metrics.js";
import type { CallCounts } from "./call-counts.js";
import { collectSlowly } from "./collect-slowly.js";
import { labelsOf, type MetricFamily, renderMetrics, type Sample } from "./prometheus-text.js";

/** What one scrape shows. */
export interface ScrapeParts {
  readonly engine: MetricsSource;
  readonly calls: CallCounts;
  readonly storeStats: (() => Promise<EmbeddedStorageStats>) | undefined;
  /** The wall clock, in ms since 1970. */
  readonly nowMs: number;
}

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

/** Renders one scrape, in slices. */
export async function* scrape({ engine, calls, storeStats, nowMs }: ScrapeParts): AsyncGenerator<string> {
  const topics = await collectSlowly(engine.topicMetrics());
  const subscriptions = await collectSlowly(engine.subscriptionMetrics());
  yield* renderMetrics([
    ...processFamilies(engine.stats()),
    ...(storeStats === undefined ? [] : storeFamilies(await storeStats())),
    ...calls.families(),
    ...TOPIC_ROWS.map((row) => familyOf(row, topics, "topic_id", nowMs)),
    ...SUBSCRIPTION_ROWS.map((row) => familyOf(row, subscriptions, "subscription_id", nowMs)),
  ]);
}

function processFamilies(stats: EngineStats): MetricFamily[] {
  const { rss } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
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

function storeFamilies(stats: EmbeddedStorageStats): MetricFamily[] {
  return [
    single("peal_store_log_bytes", "gauge", "Size of the commit log.", stats.logBytes),
    single(
      "peal_store_live_bytes",
      "gauge",
      "Of these, what is still needed, as of the last checkpoint.",
      stats.liveBytes,
    ),
    single("peal_store_segments", "gauge", "Segments of the commit log.", stats.segments),
    single("peal_store_freed_segments", "counter", "Segments that were given back.", stats.freedSegments),
    single("peal_store_moved_bytes", "counter", "Live bytes that were copied to give segments back.", stats.movedBytes),
    single("peal_store_groups", "counter", "Group commits: each is one write and one sync.", stats.groups),
    single("peal_store_written_bytes", "counter", "Bytes of these.", stats.writtenBytes),
    single("peal_store_sync_seconds", "counter", "Time spent in fdatasync, in seconds.", stats.syncMs / 1_000),
    single(
      "peal_store_checkpoint_age_seconds",
      "gauge",
      "Seconds since the last checkpoint.",
      stats.checkpointAgeMs / 1_000,
    ),
    single("peal_store_free_bytes", "gauge", "Space left on the disk.", stats.freeBytes),
    single("peal_store_full", "gauge", "1 while publishes are refused for lack of space.", stats.isFull ? 1 : 0),
  ];
}

function single(name: string, type: MetricFamily["type"], help: string, value: number): MetricFamily {
  return { name, type, help, samples: [{ labels: "", value }] };
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
