/** Builds the engine's parts from what the store holds, in the order in which they need each other. */
import { randomBytes } from "node:crypto";
import { AckIdCodec } from "./ack-id.js";
import { openAckKey } from "./ack-key.js";
import { Activity } from "./activity.js";
import { CommitLine } from "./commit-line.js";
import { DEFAULT_ENGINE_LIMITS, type EngineLimits } from "./engine-limits.js";
import { SILENT_LOG } from "./engine-log.js";
import type { EngineOptions } from "./engine-options.js";
import { Expiration } from "./expiration.js";
import { MessageIds } from "./message-ids.js";
import { dropOrphans } from "./orphans.js";
import { PushConfigs } from "./push-configs.js";
import { ReadGate } from "./read-gate.js";
import { RETENTION_INTERVAL_MIN_MS, Retention } from "./retention.js";
import { Seeker } from "./seek.js";
import { ServerAge } from "./server-age.js";
import { SnapshotRegistry } from "./snapshot-registry.js";
import type { HostParts, SubscriptionHost } from "./subscription-host.js";
import { SubscriptionRegistry } from "./subscription-registry.js";
import { TailCache } from "./tail-cache.js";
import type { Topic } from "./topic.js";
import { TopicRegistry } from "./topic-registry.js";
import { Trimmer } from "./trimmer.js";
import { WaitingBudget } from "./waiting-budget.js";
import { WakeQueue } from "./wake-queue.js";
import { WallClockGuard } from "./wall-clock-guard.js";

export interface EngineParts {
  readonly topics: TopicRegistry;
  readonly subscriptions: SubscriptionRegistry;
  readonly snapshots: SnapshotRegistry;
  readonly seeker: Seeker;
  readonly host: HostParts;
  readonly ids: MessageIds;
  readonly age: ServerAge;
  readonly waiting: WaitingBudget;
  readonly pushConfigs: PushConfigs;
}

export async function openParts(options: EngineOptions): Promise<EngineParts> {
  const { storage, clock, identity } = options;
  const log = options.log ?? SILENT_LOG;
  const limits: EngineLimits = { ...DEFAULT_ENGINE_LIMITS, ...options.limits };
  const activity = new Activity();
  const commits = new CommitLine(storage, activity, options.onFatal);
  const wakes = new WakeQueue(clock);
  const shared = { storage, clock, log, limits, activity, commits, wakes };

  const key = await openAckKey(storage, commits, identity, options.drawKey ?? (() => randomBytes(16)));
  const ids = await MessageIds.open(storage, commits, clock);
  const age = await ServerAge.open(storage, clock);
  const waiting = new WaitingBudget(limits.waitingBytes);
  const trimmer = new Trimmer(shared);
  const guard = new WallClockGuard(clock, log);
  const retention = new Retention({ ...shared, trimmer, guard });
  const onChange = (topic: Topic): void => retention.noteChange(topic);

  const logs = {
    ...shared,
    cache: new TailCache(limits.tailCacheBytes),
    reads: new ReadGate(limits.readsInFlight),
  };
  const topics = await TopicRegistry.open({
    ...logs,
    ids,
    waiting,
    onChange,
    onRetention: (topic) => retention.look(topic),
    onStored: (topic) => {
      if (topic.retentionWake === undefined) retention.noteChange(topic, RETENTION_INTERVAL_MIN_MS);
      // With nobody to read them the messages can go at once.
      if (topic.attached.length === 0) trimmer.noteChange(topic);
    },
  });

  let lastPuller = 0;
  const host: HostParts = {
    ...logs,
    random: options.random,
    ackIds: new AckIdCodec(key),
    openedAtMs: clock.monotonicMs(),
    startNumber: options.startNumber,
    findTarget: (topic) => topics.forwardTarget(topic),
    // Who may do what is nobody's business yet.
    mayForward: () => true,
    nextPullerId: () => {
      lastPuller += 1;
      return lastPuller;
    },
    onFloor: (topic) => trimmer.noteChange(topic),
    firstLook: (topic) => retention.firstLook(topic),
    ageMs: () => age.nowMs(),
    writeActivity: async (active: SubscriptionHost) => {
      try {
        await subscriptions.writeActivity(active);
        return true;
      } catch (error) {
        log.warn({ subscription: active.name, err: error }, "the subscription's activity could not be noted");
        return false;
      }
    },
  };
  const pushConfigs = new PushConfigs();
  const subscriptions = await SubscriptionRegistry.open({
    ...{ storage, commits, ids, topics, host, pushConfigs, onChange },
    onRetention: (topic) => retention.look(topic),
  });
  const snapshots = await SnapshotRegistry.open(topics.items, { ...logs, ids, guard, subscriptions, onChange });
  const seeker = new Seeker({ storage, subscriptions, snapshots, look: (topic) => retention.look(topic) });
  await dropUnowned(topics, subscriptions, snapshots, host);
  watchAll(topics, subscriptions, retention, options.random);
  new Expiration({ ...shared, subscriptions, age }).start();
  return { topics, subscriptions, snapshots, seeker, host, ids, age, waiting, pushConfigs };
}

async function dropUnowned(
  topics: TopicRegistry,
  subscriptions: SubscriptionRegistry,
  snapshots: SnapshotRegistry,
  host: HostParts,
): Promise<void> {
  const snapshotIds = new Set(snapshots.items.map(({ record }) => String(record.number)));
  const topicIds = new Set(topics.items.map((topic) => topic.id));
  const ackIds = new Set<string>();
  for (const { record } of subscriptions.items) {
    if (record.isDetached) continue;
    topicIds.add(record.topicId);
    ackIds.add(String(record.number));
  }
  const dropped =
    (await dropOrphans(host.storage, host.commits, "topic", (id) => topicIds.has(id))) +
    (await dropOrphans(host.storage, host.commits, "ack", (id) => ackIds.has(id))) +
    (await dropOrphans(host.storage, host.commits, "snapshot", (id) => snapshotIds.has(id)));
  if (dropped > 0) host.log.info({ dropped }, "dropped logs that a deletion had left");
}

/** Age and size of what was found, deleted topics with subscriptions included; not all at once. */
function watchAll(
  topics: TopicRegistry,
  subscriptions: SubscriptionRegistry,
  retention: Retention,
  random: () => number,
): void {
  const found = new Set<Topic>(topics.items);
  for (const host of subscriptions.items) found.add(host.topic);
  for (const topic of found) if (!topic.log.isEmpty) retention.noteFound(topic, random());
}
