import { NO_FAULTS } from "./faulty-storage.js";
import type { SubscriptionLife } from "./ledger.js";
import { ack } from "./subscriber-actions.js";
import { Violation } from "./violation.js";
import type { World } from "./world.js";

/** Rounds of a fifth of a second: more than the longest lease and the longest commit, many times over. */
const DRAIN_ROUNDS = 600;

/** No more faults: every subscription must come to have nothing left. */
export async function drain(world: World): Promise<void> {
  world.note("drain");
  world.heal(NO_FAULTS);
  await world.restart("stop");
  for (const slot of world.subscriptions) {
    if (slot.present !== undefined) await drainSubscription(world, slot.present);
  }
}

/** Pulls and acks until nothing is owed and the backlog is gone. */
async function drainSubscription(world: World, subscription: SubscriptionLife): Promise<void> {
  const options = {
    maxOutstandingMessages: Number.POSITIVE_INFINITY,
    maxOutstandingBytes: Number.POSITIVE_INFINITY,
    leaseMs: undefined,
    isOnce: false,
    isPush: false,
    clientId: "",
  };
  const puller = world.newPuller(`drain of ${subscription.name}`, subscription, options);
  puller.open(world.life.engine!);
  for (let round = 0; round < DRAIN_ROUNDS; round += 1) {
    puller.ready(1_000, 1_000_000);
    await world.advance(200);
    ack(world, puller.held.splice(0));
    await world.advance(2);
    const metrics = [...world.life.engine!.subscriptionMetrics()].find(({ name }) => name === subscription.name);
    if (
      round > 5 &&
      metrics?.backlog === 0 &&
      world.ledger.owed(subscription, world.clock.highestWallMs).length === 0
    ) {
      puller.close();
      return;
    }
  }
  const owed = world.ledger.owed(subscription, world.clock.highestWallMs).map(({ text }) => text);
  throw new Violation(
    `the backlog of ${subscription.name} does not drain; never seen again: ${owed.join(" ") || "none"}`,
  );
}
