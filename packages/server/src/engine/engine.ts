/**
 * The impure shell of the server: it owns names, existence, settings, block format, clocks and timers, and asks the
 * core what to deliver. Everything durable goes through one `CommitLine`; everything timed through one `WakeQueue`.
 */
import type { PubSubError } from "@peal/core";
import { failuresOf, readAckIds } from "./acked-ids.js";
import type {
  AckFailure,
  AckIdCheck,
  ListSlice,
  PublishBatch,
  PubSubEngine,
  Puller,
  PullerOptions,
  PullerSink,
} from "./engine-contract.js";
import { detached, unavailable } from "./engine-errors.js";
import {
  type EngineStats,
  type SnapshotMetrics,
  type SubscriptionMetrics,
  snapshotMetrics,
  subscriptionMetrics,
  type TopicMetrics,
  topicMetrics,
} from "./engine-metrics.js";
import type { EngineOptions } from "./engine-options.js";
import { type EngineParts, openParts } from "./engine-parts.js";
import type {
  PushConfig,
  SeekTarget,
  SnapshotSettings,
  SnapshotState,
  SubscriptionSettings,
  SubscriptionState,
  TopicSettings,
} from "./settings.js";
import { stateOf } from "./subscription-registry.js";
import type { SubscriptionUsage } from "./subscription-usage.js";
import type { TopicUsage } from "./topic-usage.js";

type State = "open" | "draining" | "closed";

export class Engine implements PubSubEngine {
  readonly #parts: EngineParts;
  #state: State = "open";

  private constructor(parts: EngineParts) {
    this.#parts = parts;
  }

  /** Reads what the store holds. Rejects with a `StorageError` where that cannot be read. */
  static async open(options: EngineOptions): Promise<Engine> {
    return new Engine(await openParts(options));
  }

  async createTopic(settings: TopicSettings): Promise<TopicSettings> {
    this.#checkOpen();
    return (await this.#parts.topics.create(settings)).record!.settings;
  }

  getTopic(name: string): TopicSettings {
    return this.#parts.topics.get(name).record!.settings;
  }

  listTopics(project: string, slice: ListSlice): readonly TopicSettings[] {
    return this.#parts.topics.list(`${project}/topics/`, slice).map((topic) => topic.record!.settings);
  }

  async updateTopic(name: string, change: (present: TopicSettings) => TopicSettings): Promise<TopicSettings> {
    this.#checkOpen();
    return (await this.#parts.topics.update(name, change)).record!.settings;
  }

  async deleteTopic(name: string): Promise<void> {
    this.#checkOpen();
    await this.#parts.topics.delete(name);
  }

  listTopicSubscriptions(topic: string, slice: ListSlice): readonly string[] {
    const { attached } = this.#parts.topics.get(topic);
    return attached.slice("", slice.after, slice.limit).map((host) => host.name);
  }

  async createSubscription(settings: SubscriptionSettings): Promise<SubscriptionState> {
    this.#checkOpen();
    return stateOf(await this.#parts.subscriptions.create(settings));
  }

  getSubscription(name: string): SubscriptionState {
    const host = this.#parts.subscriptions.get(name);
    host.touch();
    return stateOf(host);
  }

  listSubscriptions(project: string, slice: ListSlice): readonly SubscriptionState[] {
    return this.#parts.subscriptions.list(`${project}/subscriptions/`, slice).map(stateOf);
  }

  async updateSubscription(
    name: string,
    change: (present: SubscriptionState) => SubscriptionSettings,
  ): Promise<SubscriptionState> {
    this.#checkOpen();
    const host = await this.#parts.subscriptions.update(name, change);
    host.touch();
    return stateOf(host);
  }

  async deleteSubscription(name: string): Promise<void> {
    this.#checkOpen();
    await this.#parts.subscriptions.delete(name);
  }

  async detachSubscription(name: string): Promise<void> {
    this.#checkOpen();
    await this.#parts.subscriptions.detach(name);
  }

  async seek(subscription: string, target: SeekTarget): Promise<void> {
    this.#checkOpen();
    await this.#parts.seeker.seek(subscription, target);
  }

  async createSnapshot(settings: SnapshotSettings, subscription: string): Promise<SnapshotState> {
    this.#checkOpen();
    return (await this.#parts.snapshots.create(settings, subscription)).state;
  }

  getSnapshot(name: string): SnapshotState {
    return this.#parts.snapshots.get(name).state;
  }

  listSnapshots(project: string, slice: ListSlice): readonly SnapshotState[] {
    return this.#parts.snapshots.list(`${project}/snapshots/`, slice).map((snapshot) => snapshot.state);
  }

  listTopicSnapshots(topic: string, slice: ListSlice): readonly string[] {
    const { snapshots } = this.#parts.topics.get(topic);
    return snapshots.slice("", slice.after, slice.limit).map((snapshot) => snapshot.name);
  }

  async updateSnapshot(name: string, change: (present: SnapshotState) => SnapshotSettings): Promise<SnapshotState> {
    this.#checkOpen();
    return (await this.#parts.snapshots.update(name, change)).state;
  }

  async deleteSnapshot(name: string): Promise<void> {
    this.#checkOpen();
    await this.#parts.snapshots.delete(name);
  }

  watchPushConfigs(onChange: (subscription: string, config: PushConfig | undefined) => void): void {
    this.#parts.pushConfigs.watch(onChange);
  }

  publish(topic: string, batch: PublishBatch): Promise<number> {
    const refusal = this.#refusal();
    return refusal === undefined ? this.#parts.topics.publish(topic, batch) : Promise.reject(refusal);
  }

  openPuller(subscription: string, options: PullerOptions, sink: PullerSink): Puller {
    this.#checkOpen();
    const host = this.#parts.subscriptions.get(subscription);
    if (host.record.isDetached) throw detached(subscription);
    return host.openPuller(options, sink);
  }

  checkAckId(subscription: string, ackId: string): AckIdCheck {
    const { number } = this.#parts.subscriptions.get(subscription).record;
    const { ackIds } = this.#parts.host;
    if (!ackIds.read(ackId)) return "malformed";
    return ackIds.subscription === number ? "valid" : "foreign";
  }

  async acknowledge(subscription: string, ackIds: readonly string[]): Promise<readonly AckFailure[]> {
    this.#checkNotClosed();
    const host = this.#parts.subscriptions.get(subscription);
    const ids = readAckIds(this.#parts.host.ackIds, host, ackIds);
    host.touch();
    if (host.record.isDetached) return [];
    const { sequences, generations } = ids;
    host.noteAcks(generations);
    const outcome = sequences.length === 0 ? undefined : await host.settle({ kind: "acked", sequences, generations });
    return failuresOf(host, ackIds, ids, outcome);
  }

  async modifyAckDeadline(
    subscription: string,
    ackIds: readonly string[],
    seconds: number | readonly number[],
  ): Promise<readonly AckFailure[]> {
    this.#checkNotClosed();
    const host = this.#parts.subscriptions.get(subscription);
    const ids = readAckIds(this.#parts.host.ackIds, host, ackIds);
    // To a pusher it is a push that failed.
    if (host.record.settings.pushConfig === undefined) host.touch();
    if (host.record.isDetached) return [];
    const { sequences, generations, indexes } = ids;
    const leaseMs = indexes.map((index) => 1_000 * (typeof seconds === "number" ? seconds : seconds[index]!));
    const outcome =
      sequences.length === 0 ? undefined : await host.settle({ kind: "modified", sequences, generations, leaseMs });
    return failuresOf(host, ackIds, ids, outcome);
  }

  ackDeadlineSeconds(subscription: string): number {
    return this.#parts.subscriptions.get(subscription).record.settings.ackDeadlineSeconds;
  }

  topicUsage(name: string): TopicUsage | undefined {
    return this.#parts.topics.find(name)?.usage;
  }

  subscriptionUsage(name: string): SubscriptionUsage | undefined {
    return this.#parts.subscriptions.find(name)?.usage;
  }

  /** Takes no new work and ends the pullers; resolves when every publish and ack so far has its answer. */
  async drain(): Promise<void> {
    if (this.#state === "open") this.#state = "draining";
    const hosts = [...this.#parts.subscriptions.items];
    for (const host of hosts) host.endPullers(unavailable());
    await this.#parts.topics.drained();
    // An ack that could not be written is told to who asked for it.
    await Promise.allSettled(hosts.map((host) => host.settled()));
  }

  /** A clean stop: leases that run are remembered by the store. The store stays open. */
  async close(): Promise<void> {
    if (this.#state === "closed") return;
    await this.drain();
    this.#state = "closed";
    const { subscriptions, ids, age, host } = this.#parts;
    host.wakes.close();
    await this.quiesce();
    if (host.commits.failure !== undefined) return;
    try {
      await Promise.all(subscriptions.items.map((item) => item.close()));
      await age.write(host.commits);
      await ids.close();
    } catch (error) {
      // What was promised is durable; the next start only lacks the leases or goes on from a bound that is too high.
      host.log.warn({ err: error }, "the clean stop could not write everything");
    }
    host.commits.close();
  }

  /** Resolves when nothing is under way: no commit, no read, nothing put off to the end of the turn. */
  quiesce(): Promise<void> {
    return this.#parts.host.activity.quiesce();
  }

  stats(): EngineStats {
    const { topics, subscriptions, snapshots, host, waiting } = this.#parts;
    return {
      topics: topics.items.length,
      subscriptions: subscriptions.items.length,
      snapshots: snapshots.items.length,
      tailCacheBytes: host.cache.bytes,
      waitingBytes: waiting.bytes,
      isStopped: host.commits.failure !== undefined,
    };
  }

  /** One topic after another, in name order; take them in slices. What comes or goes meanwhile may be missed. */
  topicMetrics(): Iterable<TopicMetrics> {
    return topicMetrics(this.#parts.topics);
  }

  /** One snapshot after another, in name order; take them in slices. What comes or goes meanwhile may be missed. */
  snapshotMetrics(): Iterable<SnapshotMetrics> {
    return snapshotMetrics(this.#parts.snapshots);
  }

  /** One subscription after another, in name order; take them in slices. What comes or goes meanwhile may be missed. */
  subscriptionMetrics(): Iterable<SubscriptionMetrics> {
    return subscriptionMetrics(this.#parts.subscriptions);
  }

  /** Why no new work is taken, if so. */
  #refusal(): PubSubError | undefined {
    return this.#parts.host.commits.failure ?? (this.#state === "open" ? undefined : unavailable());
  }

  #checkOpen(): void {
    const refusal = this.#refusal();
    if (refusal !== undefined) throw refusal;
  }

  /** What was handed out before a drain can still be settled. */
  #checkNotClosed(): void {
    const { failure } = this.#parts.host.commits;
    if (failure !== undefined) throw failure;
    if (this.#state === "closed") throw unavailable();
  }
}
