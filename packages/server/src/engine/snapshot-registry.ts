import { type Storage, StorageError, type Write } from "@peal/store";
import type { Activity } from "./activity.js";
import type { Clock } from "./clock.js";
import type { CommitLine } from "./commit-line.js";
import type { ListSlice } from "./engine-contract.js";
import {
  alreadyExists,
  detached,
  fromStorage,
  internal,
  notFound,
  shortLivedSnapshot,
  topicDeleted,
} from "./engine-errors.js";
import type { EngineLog } from "./engine-log.js";
import type { MessageIds } from "./message-ids.js";
import { NameLock } from "./name-lock.js";
import type { ReadGate } from "./read-gate.js";
import { SNAPSHOT_PREFIX, type SnapshotRecord, snapshotKey } from "./resource-record.js";
import type { SnapshotSettings, SnapshotState } from "./settings.js";
import { Snapshot, snapshotLogRef, type TakenSnapshot, takeSnapshot } from "./snapshot.js";
import { SortedByName } from "./sorted-by-name.js";
import { decodeJson, encodeJson } from "./stored-json.js";
import type { SubscriptionHost } from "./subscription-host.js";
import type { SubscriptionRegistry } from "./subscription-registry.js";
import type { Topic } from "./topic.js";
import { Wake, type WakeQueue } from "./wake-queue.js";
import type { WallClockGuard } from "./wall-clock-guard.js";

export interface SnapshotRegistryParts {
  readonly storage: Storage;
  readonly commits: CommitLine;
  readonly activity: Activity;
  readonly clock: Clock;
  readonly wakes: WakeQueue;
  readonly reads: ReadGate;
  readonly ids: MessageIds;
  readonly guard: WallClockGuard;
  readonly log: EngineLog;
  readonly subscriptions: SubscriptionRegistry;
  /** A snapshot came or went: its topic's trimming may be due. */
  readonly onChange: (topic: Topic) => void;
}

const HOUR_MS = 3_600_000;
/** A snapshot lives so long, less the age of the oldest message it holds. */
const LIFE_MAX_MS = 7 * 24 * HOUR_MS;
const LIFE_MIN_MS = HOUR_MS;

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

  /** @param topics - Those that live. */
  static async open(topics: readonly Topic[], parts: SnapshotRegistryParts): Promise<SnapshotRegistry> {
    const registry = new SnapshotRegistry(parts);
    const byId = new Map(topics.map((topic) => [topic.id, topic]));
    const found: Snapshot[] = [];
    for await (const [key, entry] of parts.storage.list(SNAPSHOT_PREFIX)) {
      const record = decodeJson<SnapshotRecord>(key, entry.value);
      found.push(new Snapshot(record, entry.revision, byId.get(record.topicId)));
    }
    found.sort((left, right) => (left.name < right.name ? -1 : 1));
    for (const snapshot of found) registry.#add(snapshot);
    registry.#arm();
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

  /** Holds what `subscription` has not settled once the snapshot is taken, and everything published to its topic since. */
  create(settings: SnapshotSettings, subscription: string): Promise<Snapshot> {
    const { name } = settings;
    return this.#locks.run(name, async () => {
      if (this.#byName.has(name)) throw alreadyExists(name);
      const host = this.#parts.subscriptions.get(subscription);
      host.touch();
      checkSource(host);
      const number = await this.#drawNumber(name);
      const taken = await takeSnapshot(host);
      try {
        const record = await this.#recordOf(settings, number, host, taken);
        const { topic } = host;
        // A deletion that does not come to be is told to who asked for it.
        await topic.deleting?.catch(() => undefined);
        checkSource(host);
        const [revision] = await this.#commit(
          [
            { kind: "put", key: snapshotKey(name), value: encodeJson(record), revision: null },
            {
              kind: "appendIf",
              log: snapshotLogRef(number),
              previous: 0,
              data: taken.data,
              timeMs: record.createdAtMs,
            },
          ],
          name,
        );
        const snapshot = new Snapshot(record, revision!, topic);
        this.#add(snapshot);
        this.#arm();
        return snapshot;
      } finally {
        host.topic.holds.delete(taken);
        this.#parts.onChange(host.topic);
      }
    });
  }

  update(name: string, change: (present: SnapshotState) => SnapshotSettings): Promise<Snapshot> {
    return this.#locks.run(name, async () => {
      const snapshot = this.get(name);
      const { name: newName, labels } = change(snapshot.state);
      if (newName !== name) throw new Error(`an update may not rename ${name}`);
      const record = { ...snapshot.record, settings: { name, labels } };
      const value = encodeJson(record);
      const [revision] = await this.#commit(
        [{ kind: "put", key: snapshotKey(name), value, revision: snapshot.revision }],
        name,
      );
      snapshot.record = record;
      snapshot.revision = revision!;
      snapshot.configUpdates += 1;
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
      snapshot.topic?.snapshots.remove(name);
      if (snapshot.topic !== undefined) this.#parts.onChange(snapshot.topic);
    });
  }

  /**
   * The contents of a snapshot.
   *
   * @throws {PubSubError} NOT_FOUND where it was deleted meanwhile.
   */
  async read(snapshot: Snapshot): Promise<Uint8Array> {
    const { storage, reads, activity } = this.#parts;
    const ref = snapshotLogRef(snapshot.record.number);
    try {
      const [record] = await activity.track(reads.run(() => storage.read(ref, 0, { maxBytes: 1 })));
      if (record !== undefined) return record.data;
    } catch (error) {
      throw fromStorage(error, snapshot.name);
    }
    throw internal(new Error(`the log of snapshot ${snapshot.name} is empty`));
  }

  async #recordOf(
    settings: SnapshotSettings,
    number: number,
    host: SubscriptionHost,
    taken: TakenSnapshot,
  ): Promise<SnapshotRecord> {
    const createdAtMs = Math.floor(this.#parts.clock.wallMs());
    const oldestAtMs = await this.#publishTimeMs(host.topic, taken.oldestUnacked, settings.name);
    const lifeMs = LIFE_MAX_MS - Math.max(createdAtMs - (oldestAtMs ?? createdAtMs), 0);
    if (lifeMs < LIFE_MIN_MS) throw shortLivedSnapshot(host.name, lifeMs);
    const { topicId } = host.record;
    const { topic } = host.record.settings;
    const { floor, backlog, head } = taken;
    const expireAtMs = createdAtMs + lifeMs;
    const oldest = oldestAtMs === undefined ? {} : { oldestAtMs };
    return { number, topicId, topic, createdAtMs, expireAtMs, floor, backlog, head, ...oldest, settings };
  }

  async #publishTimeMs(topic: Topic, sequence: number | undefined, name: string): Promise<number | undefined> {
    if (sequence === undefined) return undefined;
    try {
      return (await topic.log.find(sequence))?.publishTimeMs;
    } catch (error) {
      throw fromStorage(error, name);
    }
  }

  #add(snapshot: Snapshot): void {
    this.#byName.set(snapshot.name, snapshot);
    this.#sorted.add(snapshot);
    snapshot.topic?.snapshots.add(snapshot);
  }

  /** Wakes when the next one ends by the wall clock; hourly, since that clock may be moved. */
  #arm(): void {
    let expireAtMs = Number.POSITIVE_INFINITY;
    for (const { record } of this.#sorted.items) expireAtMs = Math.min(expireAtMs, record.expireAtMs);
    if (expireAtMs === Number.POSITIVE_INFINITY) return;
    const inMs = Math.min(Math.max(expireAtMs - this.#parts.clock.wallMs(), 0), HOUR_MS);
    this.#wakeIn(inMs);
  }

  #wakeIn(inMs: number): void {
    this.#parts.wakes.set(this.#wake, this.#parts.clock.monotonicMs() + inMs);
  }

  #beginSweep(): void {
    if (this.#parts.commits.failure !== undefined) return;
    const sweep = this.#sweep().catch((error: unknown) => {
      this.#parts.log.warn({ err: error }, "snapshots past their end could not be deleted");
      this.#wakeIn(HOUR_MS / 60);
    });
    void this.#parts.activity.track(sweep);
  }

  async #sweep(): Promise<void> {
    const pausedUntilMs = this.#parts.guard.pausedUntilMs();
    if (pausedUntilMs !== undefined) {
      this.#parts.wakes.set(this.#wake, pausedUntilMs);
      return;
    }
    const isOver = (snapshot: Snapshot): boolean => snapshot.record.expireAtMs <= this.#parts.clock.wallMs();
    for (const snapshot of this.#sorted.items.filter(isOver)) {
      // Somebody may have deleted it meanwhile, or given its name to another.
      if (this.#byName.get(snapshot.name) === snapshot)
        await this.delete(snapshot.name, (present) => present === snapshot);
    }
    this.#arm();
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
  if (host.topic.isDeleted) throw topicDeleted(host.name);
}
