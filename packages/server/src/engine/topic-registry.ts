import { type LogRef, type Storage, StorageError, type Write } from "@peal/store";
import type { CommitLine } from "./commit-line.js";
import type { ListSlice, PublishBatch } from "./engine-contract.js";
import { alreadyExists, fromStorage, notFound } from "./engine-errors.js";
import type { ForwardTarget } from "./forward-target.js";
import type { MessageIds } from "./message-ids.js";
import { NameLock } from "./name-lock.js";
import { PublishQueue, type PublishQueueParts } from "./publish-queue.js";
import { TOPIC_PREFIX, type TopicRecord, topicKey } from "./resource-record.js";
import type { TopicSettings } from "./settings.js";
import { SortedByName } from "./sorted-by-name.js";
import { spanMs } from "./span.js";
import { decodeJson, encodeJson } from "./stored-json.js";
import { Topic } from "./topic.js";
import { TopicLog, type TopicLogParts } from "./topic-log.js";

export interface TopicRegistryParts extends TopicLogParts, PublishQueueParts {
  readonly storage: Storage;
  readonly commits: CommitLine;
  readonly ids: MessageIds;
  /** A topic appeared, or its log or retention changed: somebody should see to its age and size. */
  readonly onChange: (topic: Topic) => void;
  /** A topic's retention changed: resolves when what is too old now is gone. */
  readonly onRetention: (topic: Topic) => Promise<void>;
  /** Messages were stored in it. */
  readonly onStored: (topic: Topic) => void;
}

/** Topics by name, and the one order of their changes and publishes. */
export class TopicRegistry {
  readonly #parts: TopicRegistryParts;
  readonly #byName = new Map<string, Topic>();
  readonly #sorted = new SortedByName<Topic>();
  readonly #locks = new NameLock();

  private constructor(parts: TopicRegistryParts) {
    this.#parts = parts;
  }

  static async open(parts: TopicRegistryParts): Promise<TopicRegistry> {
    const registry = new TopicRegistry(parts);
    const topics: Topic[] = [];
    for await (const [key, entry] of parts.storage.list(TOPIC_PREFIX)) {
      const record = decodeJson<TopicRecord>(key, entry.value);
      topics.push(new Topic(record.id, new TopicLog(record.id, parts), record, entry.revision));
    }
    topics.sort((left, right) => (left.name < right.name ? -1 : 1));
    for (const topic of topics) registry.#add(topic);
    return registry;
  }

  /** All, in name order. Not to be kept across changes. */
  get items(): readonly Topic[] {
    return this.#sorted.items;
  }

  /** @throws {PubSubError} NOT_FOUND */
  get(name: string): Topic {
    const topic = this.#byName.get(name);
    if (topic === undefined) throw notFound(name);
    return topic;
  }

  find(name: string): Topic | undefined {
    return this.#byName.get(name);
  }

  /** The topic once it is certain that it is not being deleted. */
  async getSettled(name: string): Promise<Topic> {
    for (;;) {
      const topic = this.get(name);
      if (topic.deleting === undefined) return topic;
      // Whether the deletion came to be is seen by looking again; who asked for it is told why not.
      await topic.deleting.catch(() => undefined);
    }
  }

  list(prefix: string, slice: ListSlice): readonly Topic[] {
    return this.#sorted.slice(prefix, slice.after, slice.limit);
  }

  create(settings: TopicSettings): Promise<Topic> {
    const { name } = settings;
    return this.#locks.run(name, async () => {
      if (this.#byName.has(name)) throw alreadyExists(name);
      const id = String(await this.#drawId(name));
      const record: TopicRecord = {
        id,
        settings,
        ...(settings.messageRetention === undefined ? {} : { retainedAfter: 0 }),
      };
      const revision = await this.#put(name, record, null);
      const topic = new Topic(id, new TopicLog(id, this.#parts), record, revision);
      this.#add(topic);
      this.#parts.onChange(topic);
      return topic;
    });
  }

  update(name: string, change: (present: TopicSettings) => TopicSettings): Promise<Topic> {
    return this.#locks.run(name, async () => {
      const topic = this.get(name);
      const present = topic.record!;
      const settings = change(present.settings);
      if (settings.name !== name) throw new Error(`an update may not rename ${name}`);
      const retainedAfter = await this.#retainedAfter(topic, present, settings);
      const record = { id: topic.id, settings, ...(retainedAfter === undefined ? {} : { retainedAfter }) };
      topic.revision = await this.#put(name, record, topic.revision);
      topic.change(record);
      topic.usage.configUpdates += 1;
      this.#parts.onChange(topic);
      // What a shorter retention no longer holds must not come with the next pull.
      if (retentionMsOf(settings) !== retentionMsOf(present.settings)) await this.#parts.onRetention(topic);
      return topic;
    });
  }

  /** Publishes before it land in the topic; those after it wait for its outcome. Subscriptions keep their backlog. */
  delete(name: string): Promise<void> {
    return this.#locks.run(name, async () => {
      const topic = this.get(name);
      const deleting = this.#delete(topic, name);
      topic.deleting = deleting;
      try {
        await deleting;
      } finally {
        topic.deleting = undefined;
      }
    });
  }

  publish(name: string, batch: PublishBatch): Promise<number> {
    const topic = this.#byName.get(name);
    if (topic === undefined) return Promise.reject(notFound(name));
    if (topic.deleting !== undefined) return this.#publishLater(name, batch);
    return this.#publishesOf(topic).publish(batch);
  }

  /** The topic as one that messages are forwarded to; undefined where there is none or it is being deleted. */
  forwardTarget(name: string): ForwardTarget | undefined {
    const topic = this.#byName.get(name);
    return topic === undefined || topic.deleting !== undefined ? undefined : this.#publishesOf(topic);
  }

  /** Resolves when every publish so far has its answer. */
  async drained(): Promise<void> {
    await Promise.all(this.items.map((topic) => topic.publishes?.drained()));
  }

  /** Gives the log of a deleted topic up when its last subscription is gone by another way than `lastDrop`. */
  dropIfAbandoned(topic: Topic): void {
    if (!topic.isAbandoned) return;
    // A failure leaves a log without an owner, which the next start drops.
    this.#parts.commits.commit([{ kind: "drop", log: topic.log.ref }]).catch(() => undefined);
  }

  #publishesOf(topic: Topic): PublishQueue {
    topic.publishes ??= new PublishQueue(topic.name, topic.log, this.#parts, (messageCount) => {
      topic.messageCount += messageCount;
      this.#parts.onStored(topic);
    });
    return topic.publishes;
  }

  /** Where the topic's retention holds from, once its settings are `next`: nothing that it did not hold before. */
  async #retainedAfter(topic: Topic, present: TopicRecord, next: TopicSettings): Promise<number | undefined> {
    if (next.messageRetention === undefined) return undefined;
    const retentionMs = retentionMsOf(present.settings);
    if (retentionMs === 0) return topic.log.head;
    const retainedAfter = Math.max(present.retainedAfter ?? 0, topic.retainedAfter);
    if (retentionMsOf(next) <= retentionMs) return retainedAfter;
    const beforeMs = Math.max(Math.floor(this.#parts.clock.wallMs()) - retentionMs, 0);
    return Math.max(retainedAfter, await this.#parts.storage.seekTime(topic.log.ref, beforeMs));
  }

  async #publishLater(name: string, batch: PublishBatch): Promise<number> {
    await this.getSettled(name);
    return this.publish(name, batch);
  }

  async #delete(topic: Topic, name: string): Promise<void> {
    await topic.publishes?.drained();
    const isLast = topic.attached.length === 0 && topic.attaching.size === 0;
    const writes: Write[] = [{ kind: "put", key: topicKey(name), value: null, revision: topic.revision }];
    if (isLast) writes.push({ kind: "drop", log: topic.log.ref });
    await this.#commit(writes, name);
    this.#byName.delete(name);
    this.#sorted.remove(name);
    topic.change(undefined);
    this.#parts.onChange(topic);
  }

  #add(topic: Topic): void {
    this.#byName.set(topic.name, topic);
    this.#sorted.add(topic);
  }

  async #drawId(name: string): Promise<number> {
    try {
      return await this.#parts.ids.draw();
    } catch (error) {
      throw fromStorage(error, name);
    }
  }

  async #put(name: string, record: TopicRecord, revision: number | null): Promise<number> {
    const [next] = await this.#commit(
      [{ kind: "put", key: topicKey(name), value: encodeJson(record), revision }],
      name,
    );
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

/** 0: the topic has no retention. */
function retentionMsOf({ messageRetention }: TopicSettings): number {
  return messageRetention === undefined ? 0 : spanMs(messageRetention);
}

/** The drop that goes with a subscription's end when it is the last reader of a deleted topic's log. */
export function lastDrop(topic: Topic): readonly { readonly kind: "drop"; readonly log: LogRef }[] {
  const isLast = topic.isDeleted && topic.attached.length === 1 && topic.attaching.size === 0;
  return isLast ? [{ kind: "drop", log: topic.log.ref }] : [];
}
