/**
 * Everything that `/metrics` shows.
 *
 * A metric of Google Cloud Monitoring, `pubsub.googleapis.com/subscription/num_undelivered_messages`, goes by its own
 * name with every character that Prometheus lacks as `_`: `pubsub_googleapis_com_subscription_num_undelivered_messages`.
 * Its resource labels go with it: project_id and subscription_id, topic_id or snapshot_id. What is ours alone begins with `peal_`.
 * The list is in docs/metrics.md.
 */
import type { EmbeddedStorageStats } from "@peal/store";
import type { EngineStats, SnapshotMetrics, SubscriptionMetrics, TopicMetrics } from "../engine/engine-metrics.js";
import type { PushState } from "../push/push-log.js";
import type { CallCounts } from "./call-counts.js";
import { collectSlowly } from "./collect-slowly.js";
import { type MetricFamily, renderMetrics } from "./prometheus-text.js";
import { pushFamilies } from "./push-rows.js";
import { familyOf, labelled } from "./resource-family.js";
import { SNAPSHOT_ROWS } from "./snapshot-rows.js";
import { SUBSCRIPTION_ROWS } from "./subscription-rows.js";
import { TOPIC_ROWS } from "./topic-rows.js";

/** What one scrape shows. */
export interface ScrapeParts {
  readonly engine: MetricsSource;
  readonly pushStates: () => Iterable<PushState>;
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
  snapshotMetrics(): Iterable<SnapshotMetrics>;
}

/** Renders one scrape, in slices. */
export async function* scrape({ engine, pushStates, calls, storeStats, nowMs }: ScrapeParts): AsyncGenerator<string> {
  const topics = await collectSlowly(labelled(engine.topicMetrics(), "topic_id"));
  const subscriptions = await collectSlowly(labelled(engine.subscriptionMetrics(), "subscription_id"));
  const snapshots = await collectSlowly(labelled(engine.snapshotMetrics(), "snapshot_id"));
  const pushes = await collectSlowly(labelled(named(pushStates()), "subscription_id"));
  yield* renderMetrics([
    ...processFamilies(engine.stats()),
    ...(storeStats === undefined ? [] : storeFamilies(await storeStats())),
    ...calls.families(),
    ...TOPIC_ROWS.map((row) => familyOf(row, topics, nowMs)),
    ...SUBSCRIPTION_ROWS.map((row) => familyOf(row, subscriptions, nowMs)),
    ...pushFamilies(pushes, nowMs),
    ...SNAPSHOT_ROWS.map((row) => familyOf(row, snapshots, nowMs)),
  ]);
}

function* named(states: Iterable<PushState>): Generator<PushState & { readonly name: string }> {
  for (const state of states) yield { ...state, name: state.subscription };
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
    single("peal_snapshots", "gauge", "Snapshots of all projects.", stats.snapshots),
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
