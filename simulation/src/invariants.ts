import { LEASES_MAX } from "./server-life.js";
import { Violation } from "./violation.js";
import type { World } from "./world.js";

/** Rules that hold between any two steps, whoever looks. Deliveries and answers are judged when they come, by the ledger. */
export const INVARIANTS: readonly ((world: World) => void)[] = [
  function backlogHoldsWhatIsOwed(world) {
    for (const metrics of world.life.engine!.subscriptionMetrics()) {
      const subscription = world.subscriptions.find((slot) => slot.name === metrics.name)?.present;
      if (subscription === undefined || !world.isPresent(subscription)) continue;
      const owed = world.ledger.owed(subscription, world.clock.highestWallMs).length;
      if (metrics.backlog < owed) {
        throw new Violation(`${metrics.name} has a backlog of ${metrics.backlog}, but ${owed} messages are owed`);
      }
    }
  },
  function outstandingStaysInItsLimit(world) {
    for (const { name, outstanding, backlog } of world.life.engine!.subscriptionMetrics()) {
      if (outstanding < 0 || backlog < 0 || outstanding > LEASES_MAX) {
        throw new Violation(`${name} counts ${outstanding} messages out, a backlog of ${backlog}`);
      }
    }
  },
];
