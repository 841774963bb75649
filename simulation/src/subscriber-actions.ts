import type { Delivery } from "./ledger.js";
import { isExpected, tolerate } from "./outcome.js";
import type { World } from "./world.js";

const PULLERS_MAX = 12;
/** Deliveries remembered after their puller is gone. */
const STRAYS_KEPT = 200;

export function openPuller(world: World): void {
  const subscription = world.presentOf(world.subscriptions);
  if (subscription === undefined || world.pullers.length > PULLERS_MAX) return;
  const { random } = world;
  const leaseMs = random.chance(0.3) ? undefined : random.integer(5, 30) * 1_000;
  const name = `puller ${world.ledger.life}.${world.trace.count}`;
  const options = {
    maxOutstandingMessages: random.pick([1, 5, 20, Number.POSITIVE_INFINITY])!,
    maxOutstandingBytes: random.pick([200, 2_000, Number.POSITIVE_INFINITY])!,
    leaseMs,
    isOnce: random.chance(0.2),
    isPush: false,
    clientId: random.pick(["", "a", "b"])!,
  };
  const puller = world.newPuller(name, subscription, options);
  try {
    puller.open(world.life.engine!);
  } catch (error) {
    if (!isExpected(world, error)) throw error;
    return;
  }
  world.note(`open ${name}`);
  world.pullers.push(puller);
}

export function beReady(world: World): void {
  const { random } = world;
  for (const puller of random.some(world.pullers, 0.5)) puller.ready(random.integer(1, 30), random.integer(100, 4_000));
}

export function returnBatch(world: World): void {
  const puller = world.random.pick(world.pullers);
  if (puller === undefined) return;
  world.note(`${puller.name} returns its last batch`);
  puller.returnLast();
}

/** Sends acks; the same ids may come twice. */
export function ack(world: World, deliveries: readonly Delivery[]): void {
  const subscription = deliveries[0]?.subscription;
  if (subscription === undefined) return;
  const ids = deliveries.map(({ ackId }) => ackId);
  if (world.random.chance(0.1)) ids.push(...ids);
  world.ledger.ackCalled(deliveries);
  const name = deliveries.map(({ message }) => message.text).join(" ");
  world.note(`ack ${name} on ${subscription.name}`);
  world.call(
    () => world.life.engine!.acknowledge(subscription.name, ids),
    () => {
      world.ledger.ackConfirmed(deliveries, world.nowMs);
      world.note(`acked ${name}`);
    },
    (error) => tolerate(world, error, "ack"),
  );
}

export function modify(world: World, deliveries: readonly Delivery[], seconds: number): void {
  const subscription = deliveries[0]?.subscription;
  if (subscription === undefined) return;
  const before = deliveries.map(({ endsAtMs }) => endsAtMs);
  const endsAtMs = seconds === 0 ? Number.NEGATIVE_INFINITY : world.nowMs + seconds * 1_000;
  world.ledger.extendCalled(deliveries, endsAtMs);
  world.note(`${seconds} s for ${deliveries.map(({ message }) => message.text).join(" ")} on ${subscription.name}`);
  const ids = deliveries.map(({ ackId }) => ackId);
  world.call(
    () => world.life.engine!.modifyAckDeadline(subscription.name, ids, seconds),
    () => world.ledger.extendConfirmed(deliveries, before, endsAtMs, world.nowMs),
    (error) => tolerate(world, error, "modify"),
  );
}

export function closePuller(world: World): void {
  const puller = world.random.pick(world.pullers);
  if (puller === undefined) return;
  world.note(`close ${puller.name}`);
  puller.close();
  world.pullers = world.pullers.filter((other) => other !== puller);
  world.strays.push(...puller.held);
  world.strays = world.strays.slice(-STRAYS_KEPT);
}

export function changeLease(world: World): void {
  const puller = world.random.pick(world.pullers.filter((each) => each.isOpen));
  puller?.setLease(world.random.integer(5, 30) * 1_000);
}

/** Ids of one subscription sent to another: they must do nothing. */
export function sendForeign(world: World): void {
  const subscription = world.presentOf(world.subscriptions);
  const foreign = chooseStrays(world).filter((delivery) => delivery.subscription !== subscription);
  if (subscription === undefined || foreign.length === 0) return;
  world.note(`foreign ids to ${subscription.name}`);
  world.call(
    () =>
      world.life.engine!.acknowledge(
        subscription.name,
        foreign.map(({ ackId }) => ackId),
      ),
    () => undefined,
    (error) => tolerate(world, error, "foreign ack"),
  );
}

export function chooseHeld(world: World, probability: number): Delivery[] {
  const puller = world.random.pick(world.pullers.filter((each) => each.held.length > 0));
  if (puller === undefined || !world.isPresent(puller.subscription)) return [];
  const chosen = world.random.some(puller.held, probability);
  if (world.random.chance(0.3)) chosen.reverse();
  return chosen;
}

/** Old deliveries of one subscription that still stands. */
export function chooseStrays(world: World): Delivery[] {
  const one = world.random.pick(world.strays);
  if (one === undefined || !world.isPresent(one.subscription)) return [];
  return world.random.some(
    world.strays.filter((delivery) => delivery.subscription === one.subscription),
    0.3,
  );
}
