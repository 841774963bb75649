import { type Storage, StorageError, type Write } from "@peal/store";
import { ackLogRef } from "./ack-log-reader.js";
import type { CommitLine } from "./commit-line.js";
import type { ListSlice } from "./engine-contract.js";
import { alreadyExists, detached, fromStorage, notFound } from "./engine-errors.js";
import type { MessageIds } from "./message-ids.js";
import { NameLock } from "./name-lock.js";
import type { PushConfigs } from "./push-configs.js";
import { SUBSCRIPTION_PREFIX, type SubscriptionRecord, subscriptionKey } from "./resource-record.js";
import type { SubscriptionSettings, SubscriptionState } from "./settings.js";
import { SortedByName } from "./sorted-by-name.js";
import { spanMs } from "./span.js";
import { decodeJson, encodeJson } from "./stored-json.js";
import { type HostParts, SubscriptionHost } from "./subscription-host.js";
import { Topic } from "./topic.js";
import { TopicLog } from "./topic-log.js";
import { lastDrop, type TopicRegistry } from "./topic-registry.js";

export interface SubscriptionRegistryParts {
  readonly storage: Storage;
  readonly commits: CommitLine;
  readonly ids: MessageIds;
  readonly topics: TopicRegistry;
  readonly host: HostParts;
  readonly pushConfigs: PushConfigs;
  /** A subscription came, went or changed: its topic's trimming and retention may be due. */
  readonly onChange: (topic: Topic) => void;
  /** A subscription's retention changed: resolves when what is too old now is gone. */
  readonly onRetention: (topic: Topic) => Promise<void>;
}

/** Subscriptions by name, attached to their topics. */
export class SubscriptionRegistry {
  readonly #parts: SubscriptionRegistryParts;
  readonly #byName = new Map<string, SubscriptionHost>();
  readonly #sorted = new SortedByName<SubscriptionHost>();
  readonly #locks = new NameLock();

  private constructor(parts: SubscriptionRegistryParts) {
    this.#parts = parts;
  }

  static async open(parts: SubscriptionRegistryParts): Promise<SubscriptionRegistry> {
    const registry = new SubscriptionRegistry(parts);
    const topics = new Map<string, Topic>();
    for (const topic of parts.topics.items) topics.set(topic.id, topic);
    const hosts: SubscriptionHost[] = [];
    for await (const [key, entry] of parts.storage.list(SUBSCRIPTION_PREFIX)) {
      const record = decodeJson<SubscriptionRecord>(key, entry.value);
      let topic = topics.get(record.topicId);
      if (topic === undefined) {
        // Its topic is deleted; its log lives on until it is drained.
        topic = new Topic(record.topicId, new TopicLog(record.topicId, parts.host), undefined, 0);
        topics.set(record.topicId, topic);
      }
      hosts.push(new SubscriptionHost(record, entry.revision, topic, parts.host));
    }
    hosts.sort((left, right) => (left.name < right.name ? -1 : 1));
    for (const host of hosts) registry.#add(host);
    return registry;
  }

  /** All, in name order. Not to be kept across changes. */
  get items(): readonly SubscriptionHost[] {
    return this.#sorted.items;
  }

  /** @throws {PubSubError} NOT_FOUND */
  get(name: string): SubscriptionHost {
    const host = this.#byName.get(name);
    if (host === undefined) throw notFound(name);
    return host;
  }

  find(name: string): SubscriptionHost | undefined {
    return this.#byName.get(name);
  }

  list(prefix: string, slice: ListSlice): readonly SubscriptionHost[] {
    return this.#sorted.slice(prefix, slice.after, slice.limit);
  }

  create(settings: SubscriptionSettings): Promise<SubscriptionHost> {
    const { name } = settings;
    return this.#locks.run(name, async () => {
      if (this.#byName.has(name)) throw alreadyExists(name);
      await this.#parts.topics.getSettled(settings.topic);
      const number = await this.#drawNumber(name);
      const topic = await this.#parts.topics.getSettled(settings.topic);
      // From here to the commit nothing waits: the start is the log's end at the moment the creation enters the order.
      const start = topic.log.head;
      const record: SubscriptionRecord = {
        number,
        topicId: topic.id,
        start,
        isDetached: false,
        activeAtMs: Math.floor(this.#parts.host.ageMs()),
        settings,
        ...(settings.retainAckedMessages ? { retainedAfter: start } : {}),
      };
      const host = new SubscriptionHost(record, 0, topic, this.#parts.host);
      topic.attaching.add(host);
      try {
        host.revision = await this.#put(host, record, null);
        this.#add(host);
      } finally {
        topic.attaching.delete(host);
        this.#parts.topics.dropIfAbandoned(topic);
      }
      this.#parts.onChange(topic);
      return host;
    });
  }

  update(name: string, change: (present: SubscriptionState) => SubscriptionSettings): Promise<SubscriptionHost> {
    return this.#locks.run(name, async () => {
      const host = this.get(name);
      const settings = settingsOf(change(stateOf(host)));
      const { retentionMs } = host;
      if (settings.name !== name) throw new Error(`an update may not rename ${name}`);
      const record = await this.#changedRecord(host, settings);
      host.revision = await this.#put(host, record, host.revision);
      host.record = record;
      host.usage.configUpdates += 1;
      this.#notePushConfig(host);
      await host.settingsChanged();
      this.#parts.onChange(host.topic);
      // What a shorter retention no longer holds must not come with the next pull.
      if (spanMs(settings.messageRetention) !== retentionMs) await this.#parts.onRetention(host.topic);
      return host;
    });
  }

  /** Runs `work` on the subscription as if it were a change of it: nothing else changes it meanwhile. */
  runAlone<T>(name: string, work: (host: SubscriptionHost) => Promise<T>): Promise<T> {
    return this.#locks.run(name, () => work(this.get(name)));
  }

  /** Notes the activity durably, at most hourly. */
  async writeActivity(host: SubscriptionHost): Promise<void> {
    await this.#locks.run(host.name, async () => {
      if (this.#byName.get(host.name) !== host) return;
      const record = { ...host.record, activeAtMs: Math.floor(host.activity.atMs) };
      host.revision = await this.#put(host, record, host.revision);
      host.record = record;
    });
  }

  /** @param isWanted - Asked again when it is the name's turn; false: nothing happens. */
  delete(name: string, isWanted: (host: SubscriptionHost) => boolean = () => true): Promise<void> {
    return this.#locks.run(name, async () => {
      const host = this.get(name);
      if (!isWanted(host)) return;
      const writes: Write[] = [{ kind: "put", key: subscriptionKey(name), value: null, revision: host.revision }];
      if (!host.record.isDetached)
        writes.push({ kind: "drop", log: ackLogRef(host.record.number) }, ...lastDrop(host.topic));
      await this.#commit(writes, name);
      this.#byName.delete(name);
      this.#sorted.remove(name);
      this.#leave(host);
      host.end(notFound(name));
    });
  }

  /** Drops the backlog and ends the pullers; a second time it does nothing. */
  detach(name: string): Promise<void> {
    return this.#locks.run(name, async () => {
      const host = this.get(name);
      if (host.record.isDetached) return;
      const record = { ...host.record, isDetached: true };
      const [revision] = await this.#commit(
        [
          { kind: "put", key: subscriptionKey(name), value: encodeJson(record), revision: host.revision },
          { kind: "drop", log: ackLogRef(record.number) },
          ...lastDrop(host.topic),
        ],
        name,
      );
      host.revision = revision!;
      host.record = record;
      host.usage.configUpdates += 1;
      this.#leave(host);
      host.end(detached(name));
    });
  }

  /** A retention that begins, or grows, brings back nothing of what was not retained. */
  async #changedRecord(host: SubscriptionHost, settings: SubscriptionSettings): Promise<SubscriptionRecord> {
    const isLonger = spanMs(settings.messageRetention) > host.retentionMs;
    if (isLonger && !host.record.isDetached) await this.#parts.onRetention(host.topic);
    // What it has settled is found in its ack log.
    if (settings.retainAckedMessages && !host.record.isDetached) await host.learnFloor();
    const { retainedAfter = host.floor, ...rest } = host.record;
    return {
      ...rest,
      settings,
      ...(settings.retainAckedMessages ? { retainedAfter } : {}),
      ...(isLonger && host.droppedUpTo > 0 ? { droppedUpTo: host.droppedUpTo } : {}),
    };
  }

  #notePushConfig(host: SubscriptionHost): void {
    const { settings, isDetached } = host.record;
    this.#parts.pushConfigs.note(host.name, isDetached ? undefined : settings.pushConfig);
  }

  #leave(host: SubscriptionHost): void {
    this.#parts.pushConfigs.note(host.name, undefined);
    host.topic.attached.remove(host.name);
    this.#parts.onChange(host.topic);
  }

  #add(host: SubscriptionHost): void {
    this.#byName.set(host.name, host);
    this.#sorted.add(host);
    if (!host.record.isDetached) host.topic.attached.add(host);
    host.attached();
    this.#notePushConfig(host);
  }

  async #drawNumber(name: string): Promise<number> {
    try {
      return await this.#parts.ids.draw();
    } catch (error) {
      throw fromStorage(error, name);
    }
  }

  async #put(host: SubscriptionHost, record: SubscriptionRecord, revision: number | null): Promise<number> {
    const key = subscriptionKey(host.name);
    const [next] = await this.#commit([{ kind: "put", key, value: encodeJson(record), revision }], host.name);
    return next!;
  }

  async #commit(writes: readonly Write[], name: string): Promise<number[]> {
    try {
      return await this.#parts.commits.commit(writes);
    } catch (error) {
      // One process owns the store: a fenced setting means that memory and store differ, and memory is not the truth.
      if (error instanceof StorageError && error.code === "Fenced") throw this.#parts.commits.stop(error);
      throw fromStorage(error, name);
    }
  }
}

/** The subscription as a reader sees it. */
export function stateOf(host: SubscriptionHost): SubscriptionState {
  const { settings, isDetached } = host.record;
  const topicMessageRetention = host.topic.settings?.messageRetention;
  return {
    ...settings,
    isDetached,
    hasTopic: !host.topic.isDeleted,
    ...(topicMessageRetention === undefined ? {} : { topicMessageRetention }),
  };
}

/** A change may hand back the state it was given: what only a reader sees is not stored. */
function settingsOf(changed: SubscriptionSettings & Partial<SubscriptionState>): SubscriptionSettings {
  const { isDetached: _isDetached, hasTopic: _hasTopic, topicMessageRetention: _retention, ...settings } = changed;
  return settings;
}
