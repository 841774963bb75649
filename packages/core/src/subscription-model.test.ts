import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DEFAULT_LIMITS } from "./limits.js";
import { type Delivery, NaiveWorld } from "./naive-world.test.support.js";

/** Small enough that every limit is met. */
const TIGHT_LIMITS = {
  ...DEFAULT_LIMITS,
  holesMax: 12,
  leasesMax: 20,
  stepMessagesMax: 7,
  loadBytes: 300,
  readAheadBytesMax: 400,
  readAheadMessagesMax: 30,
};

interface Action {
  readonly run: (world: NaiveWorld) => void;
  /** How a counterexample shows it. */
  readonly [fc.toStringMethod]: () => string;
}

const sizes = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 12, size: "max" });
const picks = fc.array(fc.nat({ max: 1_000 }), { minLength: 1, maxLength: 8, size: "max" });
const leaseMs = fc.integer({ min: 10, max: 600 });
const windows = fc.constantFrom(1, 5, 50, Number.POSITIVE_INFINITY);
const byteWindows = fc.constantFrom(150, 1_000, Number.POSITIVE_INFINITY);

function action<T extends unknown[]>(
  weight: number,
  name: string,
  values: fc.Arbitrary<T>,
  run: (world: NaiveWorld, ...values: T) => void,
): fc.WeightedArbitrary<Action> {
  const arbitrary = values.map((list) => ({
    run: (world: NaiveWorld) => run(world, ...list),
    [fc.toStringMethod]: () => `${name}(${list.map(fc.stringify).join(", ")})`,
  }));
  return { weight, arbitrary };
}

/** The deliveries picked, mostly late ones: the early ones are settled. */
function chosen(world: NaiveWorld, list: readonly number[]): Delivery[] {
  const { deliveries } = world;
  return list.flatMap((at) => deliveries.at(-1 - (at % Math.max(1, Math.min(deliveries.length, 40)))) ?? []);
}

function pullerAt(world: NaiveWorld, at: number): number {
  return world.pullers[at % Math.max(1, world.pullers.length)] ?? 0;
}

const actions = fc.oneof(
  action(5, "publish", fc.tuple(fc.nat({ max: 2 }), sizes, fc.boolean()), (world, gap, list, isAtHand) =>
    world.publish(gap, list, isAtHand),
  ),
  action(3, "open", fc.tuple(windows, byteWindows, leaseMs, fc.boolean()), (world, messages, bytes, length, isOnce) => {
    world.open(messages, bytes, length, isOnce);
  }),
  action(
    10,
    "ready",
    fc.tuple(fc.nat({ max: 9 }), fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 1_000 })),
    (world, at, messages, bytes) => world.ready(pullerAt(world, at), messages, bytes),
  ),
  action(1, "setLeaseLength", fc.tuple(fc.nat({ max: 9 }), leaseMs), (world, at, length) =>
    world.setLeaseLength(pullerAt(world, at), length),
  ),
  action(1, "close", fc.tuple(fc.nat({ max: 9 })), (world, at) => world.close(pullerAt(world, at))),
  action(1, "giveBackLast", fc.tuple(fc.nat({ max: 9 })), (world, at) => world.giveBackLast(pullerAt(world, at))),
  action(6, "ack", fc.tuple(picks), (world, list) => world.ack(chosen(world, list))),
  action(3, "nack", fc.tuple(picks), (world, list) => world.modify(chosen(world, list), 0)),
  action(3, "extend", fc.tuple(picks, leaseMs), (world, list, length) => world.modify(chosen(world, list), length)),
  action(1, "drop", fc.tuple(fc.nat({ max: 60 })), (world, upTo) => world.drop(upTo)),
  action(5, "advanceMs", fc.tuple(fc.integer({ min: 1, max: 400 })), (world, ms) => world.advanceMs(ms)),
  action(8, "answerLoad", fc.tuple(fc.nat({ max: 9 })), (world, roll) => world.answerLoad(roll === 0)),
  action(3, "takeStep", fc.tuple(), (world) => world.takeStep()),
  action(1, "takeCheckpoint", fc.tuple(), (world) => world.takeCheckpoint()),
  action(1, "restart", fc.tuple(fc.boolean()), (world, isClean) => world.restart(isClean)),
);

for (const [name, limits] of [
  ["tight", TIGHT_LIMITS],
  ["default", DEFAULT_LIMITS],
] as const) {
  test(`whatever happens, a subscription with ${name} limits keeps every rule and loses nothing`, () => {
    fc.assert(
      fc.property(fc.array(actions, { maxLength: 150, size: "max" }), (list) => {
        const world = new NaiveWorld(limits);
        for (const { run } of list) run(world);
        world.drain();
      }),
      { numRuns: 150 },
    );
  });
}

test("a message comes again when its lease has run out, not before", () => {
  const world = new NaiveWorld(DEFAULT_LIMITS);
  world.publish(0, [10], true);
  const first = world.open(10, 1_000, 100, false);
  world.ready(first, 10, 1_000);
  world.answerLoad(false);
  assert.equal(world.deliveries.length, 1);
  world.ready(first, 10, 1_000);
  assert.equal(world.deliveries.length, 1);
  world.advanceMs(99);
  assert.equal(world.deliveries.length, 1);
  world.advanceMs(1);
  assert.equal(world.deliveries.length, 2);
});
