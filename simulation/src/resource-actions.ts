import type { SubscriptionLife, TopicLife } from "./ledger.js";
import { isUnavailable, tolerate } from "./outcome.js";
import { ACK_DEADLINE_MS } from "./simulated-puller.js";
import type { Slot, World } from "./world.js";

/** Of the topics that have one. */
const TOPIC_RETENTION_SECONDS = 1_200;

export function createTopic(world: World): void {
  const slot = world.random.pick(world.topics)!;
  if (slot.present !== undefined) return;
  const settings = {
    name: slot.name,
    labels: {},
    ...(world.random.chance(0.3) ? { messageRetention: { seconds: TOPIC_RETENTION_SECONDS, nanos: 0 } } : {}),
  };
  const life: TopicLife = { name: slot.name };
  change(world, slot, "create", life, () => world.life.engine!.createTopic(settings));
}

export function deleteTopic(world: World): void {
  const slot = world.random.pick(world.topics)!;
  if (slot.present !== undefined)
    change(world, slot, "delete", undefined, () => world.life.engine!.deleteTopic(slot.name));
}

export function createSubscription(world: World): void {
  const slot = world.random.pick(world.subscriptions)!;
  const topicSlot = world.random.pick(world.topics)!;
  if (slot.present !== undefined || topicSlot.present === undefined || topicSlot.isBusy) return;
  const retentionSeconds = world.random.pick([600, 7_200, 604_800])!;
  const topic = topicSlot.present;
  const life: SubscriptionLife = {
    name: slot.name,
    topic,
    calledAtMs: world.nowMs,
    confirmedAtMs: Number.POSITIVE_INFINITY,
    retentionMs: retentionSeconds * 1_000,
    retentionMaxMs: Math.max(retentionSeconds, TOPIC_RETENTION_SECONDS) * 1_000,
    fates: new Map(),
  };
  const settings = {
    name: slot.name,
    topic: topicSlot.name,
    labels: {},
    ackDeadlineSeconds: ACK_DEADLINE_MS / 1_000,
    retainAckedMessages: world.random.chance(0.2),
    messageRetention: { seconds: retentionSeconds, nanos: 0 },
  };
  change(
    world,
    slot,
    "create",
    life,
    async () => {
      await world.life.engine!.createSubscription(settings);
      life.confirmedAtMs = world.nowMs;
    },
    () => topicSlot.present === topic && !topicSlot.isBusy,
  );
}

export function deleteSubscription(world: World): void {
  const slot = world.random.pick(world.subscriptions)!;
  if (slot.present === undefined) return;
  change(world, slot, "delete", undefined, () => world.life.engine!.deleteSubscription(slot.name));
}

export function detachSubscription(world: World): void {
  const slot = world.random.pick(world.subscriptions)!;
  if (slot.present === undefined) return;
  change(world, slot, "detach", undefined, async () => {
    await world.life.engine!.detachSubscription(slot.name);
    await world.life.engine!.deleteSubscription(slot.name);
  });
}

export function changeRetention(world: World): void {
  const subscription = world.presentOf(world.subscriptions);
  if (subscription === undefined) return;
  const seconds = world.random.pick([600, 7_200, 604_800])!;
  subscription.retentionMs = Math.min(subscription.retentionMs, seconds * 1_000);
  subscription.retentionMaxMs = Math.max(subscription.retentionMaxMs, seconds * 1_000);
  world.note(`retention of ${subscription.name}: ${seconds} s`);
  world.call(
    () =>
      world.life.engine!.updateSubscription(subscription.name, (present) => ({
        ...present,
        messageRetention: { seconds, nanos: 0 },
      })),
    () => undefined,
    (error) => tolerate(world, error, "update"),
  );
}

/** A change of what stands under a name. While it is under way nothing can be said about it. */
function change<Life>(
  world: World,
  slot: Slot<Life>,
  what: string,
  life: Life | undefined,
  work: () => Promise<unknown>,
  isCertain: () => boolean = () => true,
): void {
  if (slot.isBusy) return;
  slot.isBusy = true;
  world.note(`${what} ${slot.name}`);
  world.call(
    work,
    () => {
      // What a subscription hangs on is not certain where the topic changed meanwhile: it goes with the next start.
      slot.isBusy = !isCertain();
      slot.present = slot.isBusy ? undefined : life;
      world.note(`${what}d ${slot.name}`);
    },
    (error) => {
      // In doubt it stays busy: the restart that follows tells.
      if (!isUnavailable(error)) slot.isBusy = false;
      tolerate(world, error, what);
    },
  );
}
