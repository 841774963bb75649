import { type Storage, StorageError, type Write } from "@peal/store";
import type { Activity } from "./activity.js";
import type { Clock } from "./clock.js";
import type { CommitLine } from "./commit-line.js";
import type { ListSlice } from "./engine-contract.js";
import { alreadyExists, detached, fromStorage, notFound, snapshotTooShort, withoutTopic } from "./engine-errors.js";
import type { EngineLog } from "./engine-log.js";
import type { MessageIds } from "./message-ids.js";
import { NameLock } from "./name-lock.js";
import { SNAPSHOT_PREFIX, snapshotKey } from "./resource-record.js";
import type { SnapshotSettings, SnapshotState } from "./settings.js";
import { Snapshot, type SnapshotRecord, snapshotLogRef } from "./snapshot.js";
import { SortedByName } from "./sorted-by-name.js";
import { decodeJson, encodeJson } from "./stored-json.js";
import type { SubscriptionHost } from "./subscription-host.js";
import type { Topic } from "./topic.js";
import { Wake, type WakeQueue } from "./wake-queue.js";
import type { WallClockGuard } from "./wall-clock-guard.js";

export interface SnapshotRegistryParts {
  readonly storage: Storage;
  readonly commits: CommitLine;
  readonly ids: MessageIds;
  readonly clock: Clock;
  readonly wakes: WakeQueue;
  readonly activity: Activity;
  readonly guard: WallClockGuard;
  readonly log: EngineLog;
  /** The topics that are there. */
  readonly topics: Iterable<Topic>;
  /** A snapshot came or went: its topic's trimming may be due. */
  readonly onChange: (topic: Topic) => void;
}

/** A snapshot lives this long, less the age of its oldest message. */
const LIFE_MS = 7 * 86_400_000;
const LIFE_MIN_MS = 3_600_000;
/** After a deletion by age that failed. */
const RETRY_MS = 60_000;

/** Snapshots by name, and their end. */
export class SnapshotRegistry {
  readonly #parts: SnapshotRegistryParts;
  readonly #byName = new Map<string, Snapshot>();
  readonly #sorted = new SortedByName<Snapshot>();
  readonly #locks = new NameLock();
  readonly #wake = new Wake(() => this.#beginSweep());

  private constructor(parts: SnapshotRegistryParts) {
    this.#parts = parts;
  }

  static async open(parts: SnapshotRegistryParts): Promise<SnapshotRegistry> {
    const registry = new SnapshotRegistry(parts);
    const topics = new Map<string, Topic>();
    for (const topic of parts.topics) topics.set(topic.id, topic);
    for await (const [key, entry] of parts.storage.list(SNAPSHOT_PREFIX)) {
      const record = decodeJson<SnapshotRecord>(key, entry.value);
      const snapshot = new Snapshot(record, entry.revision, topics.get(record.topicId));
      snapshot.topic?.snapshots.add(snapshot);
      registry.#add(snapshot);
    }
    registry.#watch();
    return registry;
  }

  /** All, in name order. Not to be kept across changes. */
  get items(): readonly Snapshot[] {
    return this.#sorted.items;
  }

  /** @throws {PubSubError} NOT_FOUND */
  get(name: string): Snapshot {
    const snapshot = this.#byName.get(name);
    if (snapshot === undefined) throw notFound(name);
    return snapshot;
  }

  list(prefix: string, slice: ListSlice): readonly Snapshot[] {
    return this.#sorted.slice(prefix, slice.after, slice.limit);
  }

  /** Of what `host` has settled and what it has not, and of all that is published to its topic from now on. */
  create(settings: SnapshotSettings, host: SubscriptionHost): Promise<Snapshot> {
    const { name } = settings;
    return this.#locks.run(name, async () => {
      if (this.#byName.has(name)) throw alreadyExists(name);
      checkSource(host);
      const expireAtMs = await this.#expiryOf(host, name);
      const number = await this.#drawNumber(name);
      checkSource(host);
      const snapshot = await host.inTurn((live) => {
        // From here to the commit nothing waits, so that it holds what every ack answered before has left.
        const { id: topicId, log } = host.topic;
        const record: SnapshotRecord = {
          number,
          topicId,
          topic: host.record.settings.topic,
          floor: Math.min(live.floor, log.head),
          expireAtMs,
          settings,
        };
        const made = new Snapshot(record, 0, host.topic);
        host.topic.snapshots.add(made);
        return { made, committed: this.#commitNew(made, live.snapshotRecord()) };
      });
      try {
        snapshot.made.revision = await snapshot.committed;
      } catch (error) {
        host.topic.snapshots.remove(name);
        throw error;
      }
      this.#add(snapshot.made);
      this.#watch();
      return snapshot.made;
    });
  }

  update(name: string, change: (present: SnapshotState) => SnapshotSettings): Promise<Snapshot> {
    return this.#locks.run(name, async () => {
      const snapshot = this.get(name);
      const { labels } = change(snapshot.state);
      const record = { ...snapshot.record, settings: { name, labels } };
      const put: Write = {
        kind: "put",
        key: snapshotKey(name),
        value: encodeJson(record),
        revision: snapshot.revision,
      };
      [snapshot.revision] = (await this.#commit([put], name)) as [number];
      snapshot.record = record;
      return snapshot;
    });
  }

  /** @param isWanted - Asked again when it is the name's turn; false: nothing happens. */
  delete(name: string, isWanted: (snapshot: Snapshot) => boolean = () => true): Promise<void> {
    return this.#locks.run(name, async () => {
      const snapshot = this.get(name);
      if (!isWanted(snapshot)) return;
      await this.#commit(
        [
          { kind: "put", key: snapshotKey(name), value: null, revision: snapshot.revision },
          { kind: "drop", log: snapshotLogRef(snapshot.record.number) },
        ],
        name,
      );
      this.#byName.delete(name);
      this.#sorted.remove(name);
      if (snapshot.topic === undefined) return;
      snapshot.topic.snapshots.remove(name);
      this.#parts.onChange(snapshot.topic);
    });
  }

  /** What was settled when it was made: a record of the core. */
  async contents(snapshot: Snapshot): Promise<Uint8Array> {
    const { storage, activity } = this.#parts;
    const read = storage.read(snapshotLogRef(snapshot.record.number), 0, { maxBytes: 1 });
    try {
      const [record] = await activity.track(read);
      if (record !== undefined) return record.data;
    } catch (error) {
      throw fromStorage(error, snapshot.name);
    }
    throw notFound(snapshot.name);
  }

  #add(snapshot: Snapshot): void {
    this.#byName.set(snapshot.name, snapshot);
    this.#sorted.add(snapshot);
  }

  /** @throws {PubSubError} FAILED_PRECONDITION where it would end too soon. */
  async #expiryOf(host: SubscriptionHost, name: string): Promise<number> {
    const { clock, activity } = this.#parts;
    const nowMs = Math.floor(clock.wallMs());
    const oldestAtMs = await activity.track(host.lookForOldest());
    const lifeMs = LIFE_MS - Math.max(0, nowMs - (oldestAtMs ?? nowMs));
    if (lifeMs < LIFE_MIN_MS) throw snapshotTooShort(name, lifeMs);
    return nowMs + lifeMs;
  }

  async #commitNew(snapshot: Snapshot, contents: Uint8Array): Promise<number> {
    const { name, record } = snapshot;
    const timeMs = Math.floor(this.#parts.clock.wallMs());
    const [, revision] = await this.#commit(
      [
        { kind: "appendIf", log: snapshotLogRef(record.number), previous: 0, data: contents, timeMs },
        { kind: "put", key: snapshotKey(name), value: encodeJson(record), revision: null },
      ],
      name,
    );
    return revision!;
  }

  /** Wakes when the first one ends. */
  #watch(): void {
    const { clock, wakes } = this.#parts;
    let firstAtMs = Number.POSITIVE_INFINITY;
    for (const { record } of this.#sorted.items) firstAtMs = Math.min(firstAtMs, record.expireAtMs);
    const inMs = Math.max(0, firstAtMs - clock.wallMs());
    wakes.set(this.#wake, inMs === Number.POSITIVE_INFINITY ? inMs : Math.ceil(clock.monotonicMs() + inMs));
  }

  #beginSweep(): void {
    if (this.#parts.commits.failure !== undefined) return;
    const { clock, guard, wakes, log, activity } = this.#parts;
    const pausedUntilMs = guard.pausedUntilMs();
    if (pausedUntilMs !== undefined) {
      wakes.set(this.#wake, pausedUntilMs);
      return;
    }
    const sweep = this.#sweep().then(
      () => this.#watch(),
      (error: unknown) => {
        log.warn({ err: error }, "snapshots that have ended could not be deleted");
        wakes.set(this.#wake, clock.monotonicMs() + RETRY_MS);
      },
    );
    void activity.track(sweep);
  }

  async #sweep(): Promise<void> {
    const nowMs = this.#parts.clock.wallMs();
    const ended = this.#sorted.items.filter(({ record }) => record.expireAtMs <= nowMs);
    for (const snapshot of ended) {
      if (this.#byName.get(snapshot.name) !== snapshot) continue;
      await this.delete(snapshot.name, (present) => present === snapshot);
    }
  }

  async #drawNumber(name: string): Promise<number> {
    try {
      return await this.#parts.ids.draw();
    } catch (error) {
      throw fromStorage(error, name);
    }
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

function checkSource(host: SubscriptionHost): void {
  if (host.record.isDetached) throw detached(host.name);
  if (host.topic.isDeleted) throw withoutTopic(host.name);
}
