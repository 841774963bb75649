// An engine for tests of the api: resources in maps, and a record of everything else that it was asked for.
import { PubSubError } from "@peal/core";
import { lastSegment } from "@peal/wire/hot";
import type {
  AckFailure,
  AckIdCheck,
  ListSlice,
  PublishBatch,
  PubSubEngine,
  Puller,
  PullerOptions,
  PullerSink,
} from "../engine/engine-contract.js";
import type {
  DeliveryProperties,
  PushConfig,
  SeekTarget,
  SnapshotSettings,
  SnapshotState,
  SubscriptionSettings,
  SubscriptionState,
  TopicSettings,
} from "../engine/settings.js";
import { SubscriptionUsage } from "../engine/subscription-usage.js";
import { TopicUsage } from "../engine/topic-usage.js";

export class FakePuller implements Puller {
  readonly readies: { readonly maxMessages: number; readonly maxBytes: number }[] = [];
  leaseMs: number | undefined;
  returnedCount = 0;
  isClosed = false;

  constructor(
    readonly subscription: string,
    readonly options: PullerOptions,
    readonly sink: PullerSink,
  ) {
    this.leaseMs = options.leaseMs;
  }

  ready(maxMessages: number, maxBytes: number): void {
    this.readies.push({ maxMessages, maxBytes });
  }

  setLeaseMs(leaseMs: number): void {
    this.leaseMs = leaseMs;
  }

  returnLast(): void {
    this.returnedCount += 1;
  }

  close(): void {
    this.isClosed = true;
  }
}

export interface SettledIds {
  readonly subscription: string;
  readonly ackIds: readonly string[];
  readonly seconds?: number | readonly number[];
}

/** An ack id is well-formed when it begins with "ok". */
export class FakeEngine implements PubSubEngine {
  readonly topics = new Map<string, TopicSettings>();
  readonly subscriptions = new Map<string, SubscriptionState>();
  readonly published: { readonly topic: string; readonly batch: PublishBatch }[] = [];
  readonly pullers: FakePuller[] = [];
  readonly topicUsages = new Map<string, TopicUsage>();
  readonly subscriptionUsages = new Map<string, SubscriptionUsage>();
  readonly settled: SettledIds[] = [];
  readonly snapshots = new Map<string, SnapshotState>();
  readonly seeks: { readonly subscription: string; readonly target: SeekTarget }[] = [];
  /** When snapshots made here expire. */
  snapshotExpireAtMs = 1_700_000_000_123;
  /** Thrown by the next call that touches a topic. */
  failure: Error | undefined;
  /** What acknowledge and modifyAckDeadline wait for. */
  durable: Promise<void> = Promise.resolve();
  /** What they answer for an exactly-once subscription, beside malformed ids. */
  failures: readonly AckFailure[] = [];
  #watchPushConfig: ((subscription: string, config: PushConfig | undefined) => void) | undefined;

  async createTopic(settings: TopicSettings): Promise<TopicSettings> {
    if (this.topics.has(settings.name)) throw alreadyExists(settings.name);
    this.topics.set(settings.name, settings);
    return settings;
  }

  getTopic(name: string): TopicSettings {
    if (this.failure !== undefined) throw this.failure;
    return found(this.topics, name);
  }

  listTopics(project: string, slice: ListSlice): readonly TopicSettings[] {
    return page(this.topics, `${project}/topics/`, slice);
  }

  async updateTopic(name: string, change: (present: TopicSettings) => TopicSettings): Promise<TopicSettings> {
    const changed = change(found(this.topics, name));
    this.topics.set(name, changed);
    return changed;
  }

  async deleteTopic(name: string): Promise<void> {
    found(this.topics, name);
    this.topics.delete(name);
    for (const state of this.subscriptions.values()) {
      if (state.topic === name) this.subscriptions.set(state.name, { ...state, hasTopic: false });
    }
    for (const state of this.snapshots.values()) {
      if (state.topic === name) this.snapshots.set(state.name, { ...state, hasTopic: false });
    }
  }

  listTopicSubscriptions(topic: string, slice: ListSlice): readonly string[] {
    found(this.topics, topic);
    const attached = [...this.subscriptions].filter(([, state]) => state.topic === topic && !state.isDetached);
    return page(new Map(attached), "", slice).map((state) => state.name);
  }

  async createSubscription(settings: SubscriptionSettings): Promise<SubscriptionState> {
    const topic = found(this.topics, settings.topic);
    if (this.subscriptions.has(settings.name)) throw alreadyExists(settings.name);
    const retention = topic.messageRetention;
    const state = {
      ...settings,
      isDetached: false,
      hasTopic: true,
      ...(retention && { topicMessageRetention: retention }),
    };
    this.subscriptions.set(settings.name, state);
    return state;
  }

  getSubscription(name: string): SubscriptionState {
    return found(this.subscriptions, name);
  }

  listSubscriptions(project: string, slice: ListSlice): readonly SubscriptionState[] {
    return page(this.subscriptions, `${project}/subscriptions/`, slice);
  }

  async updateSubscription(
    name: string,
    change: (present: SubscriptionState) => SubscriptionSettings,
  ): Promise<SubscriptionState> {
    const present = found(this.subscriptions, name);
    const { isDetached, hasTopic } = present;
    const changed = { ...change(present), isDetached, hasTopic };
    this.subscriptions.set(name, changed);
    if (changed.pushConfig !== present.pushConfig) this.#watchPushConfig?.(name, changed.pushConfig);
    for (const puller of this.pullers) {
      if (puller.subscription === name && !puller.isClosed) puller.sink.configured(propertiesOf(changed));
    }
    return changed;
  }

  async deleteSubscription(name: string): Promise<void> {
    found(this.subscriptions, name);
    this.subscriptions.delete(name);
  }

  async detachSubscription(name: string): Promise<void> {
    this.subscriptions.set(name, { ...found(this.subscriptions, name), isDetached: true });
  }

  async seek(subscription: string, target: SeekTarget): Promise<void> {
    const state = found(this.subscriptions, subscription);
    if (target.kind === "snapshot" && found(this.snapshots, target.name).topic !== state.topic) {
      throw new PubSubError("INVALID_ARGUMENT", "The snapshot is of another topic.");
    }
    this.seeks.push({ subscription, target });
  }

  async createSnapshot(settings: SnapshotSettings, subscription: string): Promise<SnapshotState> {
    const { topic, hasTopic } = found(this.subscriptions, subscription);
    if (this.snapshots.has(settings.name)) throw alreadyExists(settings.name);
    const state = { ...settings, topic, hasTopic, expireAtMs: this.snapshotExpireAtMs };
    this.snapshots.set(settings.name, state);
    return state;
  }

  getSnapshot(name: string): SnapshotState {
    return found(this.snapshots, name);
  }

  listSnapshots(project: string, slice: ListSlice): readonly SnapshotState[] {
    return page(this.snapshots, `${project}/snapshots/`, slice);
  }

  listTopicSnapshots(topic: string, slice: ListSlice): readonly string[] {
    found(this.topics, topic);
    const ofTopic = [...this.snapshots].filter(([, state]) => state.topic === topic && state.hasTopic);
    return page(new Map(ofTopic), "", slice).map((state) => state.name);
  }

  async updateSnapshot(name: string, change: (present: SnapshotState) => SnapshotSettings): Promise<SnapshotState> {
    const present = found(this.snapshots, name);
    const changed = { ...present, ...change(present) };
    this.snapshots.set(name, changed);
    return changed;
  }

  async deleteSnapshot(name: string): Promise<void> {
    found(this.snapshots, name);
    this.snapshots.delete(name);
  }

  watchPushConfigs(onChange: (subscription: string, config: PushConfig | undefined) => void): void {
    this.#watchPushConfig = onChange;
    for (const { name, pushConfig } of this.subscriptions.values()) {
      if (pushConfig !== undefined) onChange(name, pushConfig);
    }
  }

  async publish(topic: string, batch: PublishBatch): Promise<number> {
    found(this.topics, topic);
    this.published.push({ topic, batch });
    return 1_000;
  }

  openPuller(subscription: string, options: PullerOptions, sink: PullerSink): Puller {
    const state = found(this.subscriptions, subscription);
    if (state.isDetached) throw new PubSubError("FAILED_PRECONDITION", "The subscription is detached.");
    if ((state.pushConfig !== undefined) !== options.isPush) {
      throw new PubSubError("FAILED_PRECONDITION", "This method is not supported for this subscription type.");
    }
    const puller = new FakePuller(subscription, options, sink);
    this.pullers.push(puller);
    sink.configured(propertiesOf(state));
    return puller;
  }

  checkAckId(_subscription: string, ackId: string): AckIdCheck {
    return ackId.startsWith("ok") ? "valid" : "malformed";
  }

  async acknowledge(subscription: string, ackIds: readonly string[]): Promise<readonly AckFailure[]> {
    return this.#settle({ subscription, ackIds });
  }

  async modifyAckDeadline(
    subscription: string,
    ackIds: readonly string[],
    seconds: number | readonly number[],
  ): Promise<readonly AckFailure[]> {
    return this.#settle({ subscription, ackIds, seconds });
  }

  ackDeadlineSeconds(subscription: string): number {
    return this.getSubscription(subscription).ackDeadlineSeconds;
  }

  topicUsage(name: string): TopicUsage | undefined {
    if (this.topics.has(name) && !this.topicUsages.has(name)) this.topicUsages.set(name, new TopicUsage());
    return this.topicUsages.get(name);
  }

  subscriptionUsage(name: string): SubscriptionUsage | undefined {
    const isNew = this.subscriptions.has(name) && !this.subscriptionUsages.has(name);
    if (isNew) this.subscriptionUsages.set(name, new SubscriptionUsage());
    return this.subscriptionUsages.get(name);
  }

  async #settle(settled: SettledIds): Promise<readonly AckFailure[]> {
    const { subscription, ackIds } = settled;
    const isExactlyOnce = found(this.subscriptions, subscription).isExactlyOnce === true;
    const malformed = ackIds.filter((ackId) => this.checkAckId(subscription, ackId) === "malformed");
    if (malformed.length > 0 && !isExactlyOnce) {
      throw new PubSubError(
        "INVALID_ARGUMENT",
        `You have passed an invalid ack ID to the service (ack_id=${malformed[0]}).`,
      );
    }
    this.settled.push(settled);
    await this.durable;
    if (!isExactlyOnce) return [];
    const asked = this.failures.filter(({ ackId }) => ackIds.includes(ackId));
    return [...asked, ...malformed.map((ackId) => ({ ackId, reason: "invalid" as const }))];
  }
}

function propertiesOf({ isExactlyOnce = false, isOrdered = false }: SubscriptionState): DeliveryProperties {
  return { isExactlyOnce, isOrdered };
}

function found<Value>(map: ReadonlyMap<string, Value>, name: string): Value {
  const value = map.get(name);
  if (value === undefined) throw new PubSubError("NOT_FOUND", `Resource not found (resource=${lastSegment(name)}).`);
  return value;
}

function alreadyExists(name: string): PubSubError {
  return new PubSubError("ALREADY_EXISTS", `Resource already exists in the project (resource=${lastSegment(name)}).`);
}

function page<Value>(map: ReadonlyMap<string, Value>, prefix: string, { after, limit }: ListSlice): Value[] {
  return [...map]
    .filter(([name]) => name.startsWith(prefix) && (after === undefined || name > after))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, limit)
    .map(([, value]) => value);
}
