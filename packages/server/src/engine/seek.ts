/**
 * A seek: works out where it leads, and has it written as one record of the subscription's ack log.
 *
 * Floors may fall with it. What it revives is held in the topic's log from the turn in which it is worked out until the
 * subscription's own floor holds it.
 */
import type { Storage } from "@peal/store";
import { detached, fromStorage, otherTopic, topicDeleted } from "./engine-errors.js";
import { type KeepingSeekPlan, type KeptBySeek, SeekJob } from "./seek-job.js";
import type { SeekTarget } from "./settings.js";
import type { Snapshot } from "./snapshot.js";
import type { SnapshotRegistry } from "./snapshot-registry.js";
import type { SubscriptionHost } from "./subscription-host.js";
import type { SubscriptionRegistry } from "./subscription-registry.js";
import type { Topic } from "./topic.js";

export interface SeekerParts {
  readonly storage: Storage;
  readonly subscriptions: SubscriptionRegistry;
  readonly snapshots: SnapshotRegistry;
  /** Resolves when what is past its retention now is dropped. Never rejects. */
  readonly look: (topic: Topic) => Promise<void>;
}

export class Seeker {
  readonly #parts: SeekerParts;

  constructor(parts: SeekerParts) {
    this.#parts = parts;
  }

  /** @throws {PubSubError} What `PubSubEngine.seek` says. */
  seek(name: string, target: SeekTarget): Promise<void> {
    return this.#parts.subscriptions.runAlone(name, async (host) => {
      host.touch();
      checkPlace(host);
      // A deletion that does not come to be is told to who asked for it.
      await host.topic.deleting?.catch(() => undefined);
      checkPlace(host);
      if (target.kind === "time") await this.#seekTime(host, target.timeMs);
      else await this.#seekSnapshot(host, this.#parts.snapshots.get(target.name));
    });
  }

  async #seekTime(host: SubscriptionHost, timeMs: number): Promise<void> {
    const { log } = host.topic;
    // What is past its retention by now must not come back, though nobody has looked for a while.
    await this.#parts.look(host.topic);
    const before = await this.#positionBefore(host, timeMs);
    await this.#run(host, () => {
      const revivedAbove = revivedAboveOf(host, this.#parts.storage);
      const settledUpTo = Math.min(before, log.head);
      return { settledUpTo, revivedAbove, discardBeforeMs: timeMs };
    });
  }

  async #seekSnapshot(host: SubscriptionHost, snapshot: Snapshot): Promise<void> {
    if (snapshot.record.topicId !== host.record.topicId) throw otherTopic(snapshot.name, host.name);
    const { floor, expireAtMs } = snapshot.record;
    const hold = { floor };
    const { holds } = host.topic;
    // The snapshot may be deleted meanwhile: what this seek needs stays.
    holds.add(hold);
    try {
      const data = await this.#parts.snapshots.read(snapshot);
      const kept: KeptBySeek = { after: floor, untilMs: expireAtMs };
      const revivedAbove = Number.POSITIVE_INFINITY;
      await this.#run(host, () => ({ settledUpTo: 0, revivedAbove, snapshot: data, discardBeforeMs: 0, kept }));
    } finally {
      holds.delete(hold);
    }
  }

  async #run(host: SubscriptionHost, plan: () => KeepingSeekPlan): Promise<void> {
    const job = await host.inTurn((live) => {
      const begun = new SeekJob(host, live, () => {
        checkPlace(host);
        return plan();
      });
      live.run(begun);
      return begun;
    });
    await job.outcome;
    // Its floors may have fallen below what is past retention.
    await this.#parts.look(host.topic);
  }

  async #positionBefore(host: SubscriptionHost, timeMs: number): Promise<number> {
    try {
      return timeMs <= 0 ? 0 : await this.#parts.storage.seekTime(host.topic.log.ref, timeMs);
    } catch (error) {
      throw fromStorage(error, host.name);
    }
  }
}

/** Above it acked messages were kept without a gap, by the subscription or by its topic; Infinity where neither does. */
function revivedAboveOf(host: SubscriptionHost, storage: Storage): number {
  const { record, topic } = host;
  const bySubscription = record.settings.retainAckedMessages
    ? Math.max(record.retainedAfter ?? Number.POSITIVE_INFINITY, host.droppedUpTo)
    : Number.POSITIVE_INFINITY;
  const byTopic =
    topic.record?.retainedAfter === undefined
      ? Number.POSITIVE_INFINITY
      : Math.max(topic.record.retainedAfter, topic.retainedAfter);
  const isGoneUpTo = Math.max(topic.trimmedUpTo, storage.head(topic.log.ref) - 1);
  return Math.max(Math.min(bySubscription, byTopic), isGoneUpTo);
}

function checkPlace(host: SubscriptionHost): void {
  if (host.record.isDetached) throw detached(host.name);
  if (host.topic.isDeleted) throw topicDeleted(host.name);
}
