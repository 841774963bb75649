/** What clients and operators do. Each action is one call or one turn of a client; the world checks what comes of it. */
import { WALL_JUMP_MAX_MS } from "./ledger.js";
import { publish } from "./publisher-actions.js";
import {
  changeRetention,
  createSubscription,
  createTopic,
  deleteSubscription,
  deleteTopic,
  detachSubscription,
} from "./resource-actions.js";
import {
  ack,
  beReady,
  changeLease,
  chooseHeld,
  chooseStrays,
  closePuller,
  modify,
  openPuller,
  returnBatch,
  sendForeign,
} from "./subscriber-actions.js";
import type { World } from "./world.js";

export interface Action {
  readonly name: string;
  readonly weight: number;
  readonly run: (world: World) => void | Promise<void>;
}

export const ACTIONS: readonly Action[] = [
  { name: "publish", weight: 20, run: publish },
  { name: "open a puller", weight: 5, run: openPuller },
  { name: "be ready", weight: 20, run: beReady },
  { name: "ack", weight: 20, run: (world) => ack(world, chooseHeld(world, 0.6)) },
  { name: "ack late", weight: 2, run: (world) => ack(world, chooseStrays(world)) },
  { name: "nack", weight: 3, run: (world) => modify(world, chooseHeld(world, 0.3), 0) },
  { name: "extend", weight: 4, run: (world) => modify(world, chooseHeld(world, 0.4), world.random.integer(5, 60)) },
  { name: "extend late", weight: 1, run: (world) => modify(world, chooseStrays(world), world.random.integer(5, 60)) },
  { name: "close a puller", weight: 1, run: closePuller },
  { name: "return a batch", weight: 1, run: returnBatch },
  { name: "change a lease length", weight: 1, run: changeLease },
  { name: "send foreign ids", weight: 1, run: sendForeign },
  { name: "create a topic", weight: 2, run: createTopic },
  { name: "delete a topic", weight: 0.1, run: deleteTopic },
  { name: "create a subscription", weight: 3, run: createSubscription },
  { name: "delete a subscription", weight: 0.2, run: deleteSubscription },
  { name: "detach a subscription", weight: 0.1, run: detachSubscription },
  { name: "change a retention", weight: 0.1, run: changeRetention },
  { name: "wait a moment", weight: 20, run: (world) => world.advance(world.random.integer(1, 1_000)) },
  { name: "wait for a lease", weight: 2, run: (world) => world.advance(world.random.integer(5_000, 20_000)) },
  { name: "wait long", weight: 0.05, run: (world) => world.advance(world.random.integer(60_000, 3_600_000)) },
  { name: "kill", weight: 0.3, run: (world) => world.restart("kill") },
  { name: "stop", weight: 0.3, run: (world) => world.restart("stop") },
  { name: "fill the disk", weight: 0.2, run: (world) => world.fillDisk(world.random.integer(100, 60_000)) },
  { name: "set the wall clock", weight: 0.1, run: setWallClock },
];

function setWallClock(world: World): void {
  const byMs = world.random.integer(-WALL_JUMP_MAX_MS, WALL_JUMP_MAX_MS);
  world.note(`the wall clock is set by ${byMs} ms`);
  world.clock.jumpWall(byMs);
}
