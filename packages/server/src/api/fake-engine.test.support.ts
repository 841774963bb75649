// An engine for tests of the api: resources in maps, and a record of everything else that it was asked for.
import { PubSubError } from "@peal/core";
import { lastSegment } from "@peal/wire/hot";
import type {
  AckFailure,
  AckIdCheck,
  DeliveredBatch,
  ListSlice,
  PublishBatch,
  PubSubEngine,
  Puller,
  PullerOptions,
  PullerSink,
} from "../engine/engine-contract.js";
import type { SnapshotState, SubscriptionSettings, SubscriptionState, TopicSettings } from "../engine/settings.js";
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
  /** Thrown by the next call that touches a topic. */
  failure: Error | undefined;
  /** What acknowledge and modifyAckDeadline wait for. */
  durable: Promise<void> = Promise.resolve();
  /** What they answer. */
  failures: readonly AckFailure[] = [];

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
    return changed;
  }

  async deleteSubscription(name: string): Promise<void> {
    found(this.subscriptions, name);
    this.subscriptions.delete(name);
  }

  async detachSubscription(name: string): Promise<void> {
    this.subscriptions.set(name, { ...found(this.subscriptions, name), isDetached: true });
  }

  seek(): Promise<void> {
    return Promise.reject(new Error("seek"));
  }

  createSnapshot(): Promise<SnapshotState> {
    return Promise.reject(new Error("createSnapshot"));
  }

  getSnapshot(): SnapshotState {
    throw new Error("getSnapshot");
  }

  listSnapshots(): readonly SnapshotState[] {
    return [];
  }

  listTopicSnapshots(): readonly string[] {
    return [];
  }

  updateSnapshot(): Promise<SnapshotState> {
    return Promise.reject(new Error("updateSnapshot"));
  }

  deleteSnapshot(): Promise<void> {
    return Promise.reject(new Error("deleteSnapshot"));
  }

  watchPushConfigs(): void {
    throw new Error("nobody asks a fake engine for push configs");
  }

  async publish(topic: string, batch: PublishBatch): Promise<number> {
    found(this.topics, topic);
    this.published.push({ topic, batch });
    return 1_000;
  }

  openPuller(subscription: string, options: PullerOptions, sink: PullerSink): Puller {
    const state = found(this.subscriptions, subscription);
    if (state.isDetached) throw new PubSubError("FAILED_PRECONDITION", "The subscription is detached.");
    const puller = new FakePuller(subscription, options, sink);
    this.pullers.push(puller);
    return puller;
  }

  checkAckId(_subscription: string, ackId: string): AckIdCheck {
    return ackId.startsWith("ok") ? "valid" : "malformed";
  }

  async acknowledge(subscription: string, ackIds: readonly string[]): Promise<readonly AckFailure[]> {
    this.#settle({ subscription, ackIds });
    await this.durable;
    return this.failures;
  }

  async modifyAckDeadline(
    subscription: string,
    ackIds: readonly string[],
    seconds: number | readonly number[],
  ): Promise<readonly AckFailure[]> {
    this.#settle({ subscription, ackIds, seconds });
    await this.durable;
    return this.failures;
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

  #settle(settled: SettledIds): void {
    found(this.subscriptions, settled.subscription);
    const malformed = settled.ackIds.find((ackId) => this.checkAckId(settled.subscription, ackId) === "malformed");
    if (malformed !== undefined) {
      throw new PubSubError(
        "INVALID_ARGUMENT",
        `You have passed an invalid ack ID to the service (ack_id=${malformed}).`,
      );
    }
    this.settled.push(settled);
  }
}

/** A batch of messages with the given data, sequences from 1, ids from 1000, in one run. */
export function batchOf(...data: readonly string[]): DeliveredBatch {
  const messages = data.map((text) => Buffer.concat([Buffer.from([0x0a, text.length]), Buffer.from(text)]));
  const bytes = Buffer.concat(messages);
  const offsets = messages.map((_, index) => messages.slice(0, index).reduce((sum, { length }) => sum + length, 0));
  return {
    messageCount: messages.length,
    sizeBytes: bytes.length,
    runs: [
      {
        bytes,
        firstSequence: 1,
        firstMessageId: 1_000,
        publishTimeMs: 1_700_000_000_123,
        count: messages.length,
        deliveryAttempt: 0,
        offset: (index) => offsets[index]!,
        length: (index) => messages[index]!.length,
      },
    ],
    ackIdLength: 4,
    writeAckId: (sequence, target, at) => {
      target.set(Buffer.from(`ok${String(sequence).padStart(2, "0")}`), at);
    },
  };
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
