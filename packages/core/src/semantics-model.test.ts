import { test } from "node:test";
import fc from "fast-check";
import { PLAIN_RULES } from "./delivery-rules.js";
import { DEFAULT_LIMITS } from "./limits.js";
import { plainFilter } from "./semantic-block.test.support.js";
import type { SeenDelivery } from "./semantic-checks.test.support.js";
import { SemanticWorld } from "./semantic-world.test.support.js";

/** Small enough that the limits are met. A step takes all that is due: which of a key fails first is then told. */
const TIGHT_LIMITS = {
  ...DEFAULT_LIMITS,
  holesMax: 12,
  loadBytes: 100,
  readAheadBytesMax: 150,
  readAheadMessagesMax: 15,
  keyTurnMessages: 2,
};

interface Action {
  readonly run: (world: SemanticWorld) => void;
  /** How a counterexample shows it. */
  readonly [fc.toStringMethod]: () => string;
}

const messages = fc.array(fc.record({ key: fc.constantFrom("", "a", "b", "c"), isMatching: fc.boolean() }), {
  minLength: 1,
  maxLength: 8,
  size: "max",
});
const picks = fc.array(fc.nat({ max: 1_000 }), { minLength: 1, maxLength: 6, size: "max" });
const leaseMs = fc.integer({ min: 10, max: 600 });
const windows = fc.constantFrom(2, 8, Number.POSITIVE_INFINITY);
const backoffs = fc.constantFrom(undefined, { minimumMs: 0, maximumMs: 0 }, { minimumMs: 50, maximumMs: 300 });
const attempts = fc.constantFrom(undefined, 1, 2, 3);

const rules = fc
  .record({
    isOrdered: fc.boolean(),
    isExactlyOnce: fc.boolean(),
    isFiltered: fc.boolean(),
    backoff: backoffs,
    deliveryAttemptsMax: attempts,
  })
  .map(({ isFiltered, ...rest }) => ({
    ...rest,
    filter: isFiltered ? plainFilter : undefined,
    [fc.toStringMethod]: () => JSON.stringify({ ...rest, isFiltered }),
  }));

function action<T extends unknown[]>(
  weight: number,
  name: string,
  values: fc.Arbitrary<T>,
  run: (world: SemanticWorld, ...values: T) => void,
): fc.WeightedArbitrary<Action> {
  const arbitrary = values.map((list) => ({
    run: (world: SemanticWorld) => run(world, ...list),
    [fc.toStringMethod]: () => `${name}(${list.map(fc.stringify).join(", ")})`,
  }));
  return { weight, arbitrary };
}

/** The deliveries picked, mostly late ones: the early ones are settled. */
function chosen(world: SemanticWorld, list: readonly number[]): SeenDelivery[] {
  const { seen } = world;
  return list.flatMap((at) => seen.at(-1 - (at % Math.max(1, Math.min(seen.length, 30)))) ?? []);
}

function pullerAt(world: SemanticWorld, at: number): number {
  return world.pullers[at % Math.max(1, world.pullers.length)] ?? 0;
}

const actions = fc.oneof(
  action(5, "publish", fc.tuple(fc.nat({ max: 2 }), messages, fc.boolean()), (world, gap, list, isAtHand) =>
    world.publish(gap, list, isAtHand),
  ),
  action(
    3,
    "open",
    fc.tuple(leaseMs, fc.boolean(), fc.boolean(), windows),
    (world, length, isOnce, isExclusive, max) => {
      world.open(length, isOnce, isExclusive, max);
    },
  ),
  action(10, "ready", fc.tuple(fc.nat({ max: 9 }), fc.integer({ min: 1, max: 12 })), (world, at, max) =>
    world.ready(pullerAt(world, at), max),
  ),
  action(1, "close", fc.tuple(fc.nat({ max: 9 })), (world, at) => world.close(pullerAt(world, at))),
  action(1, "giveBackLast", fc.tuple(fc.nat({ max: 9 })), (world, at) => world.giveBackLast(pullerAt(world, at))),
  action(6, "ack", fc.tuple(picks), (world, list) => world.ack(chosen(world, list))),
  action(4, "nack", fc.tuple(picks), (world, list) => world.modify(chosen(world, list), 0)),
  action(3, "extend", fc.tuple(picks, leaseMs), (world, list, length) => world.modify(chosen(world, list), length)),
  action(5, "advanceMs", fc.tuple(fc.integer({ min: 1, max: 400 })), (world, ms) => world.advanceMs(ms)),
  action(2, "lag", fc.tuple(fc.integer({ min: 1, max: 200 })), (world, ms) => world.lag(ms)),
  action(8, "answerLoad", fc.tuple(fc.nat({ max: 9 })), (world, roll) => world.answerLoad(roll === 0)),
  action(4, "answerForward", fc.tuple(fc.boolean()), (world, isFailing) => world.answerForward(isFailing)),
  action(2, "count", fc.tuple(), (world) => world.count()),
  action(3, "takeStep", fc.tuple(), (world) => world.takeStep()),
  action(1, "takeCheckpoint", fc.tuple(), (world) => world.takeCheckpoint()),
  action(1, "restart", fc.tuple(fc.boolean()), (world, isClean) => world.restart(isClean)),
  action(1, "drop", fc.tuple(fc.nat({ max: 40 })), (world, upTo) => world.drop(upTo)),
  action(
    1,
    "changeRules",
    fc.tuple(backoffs, attempts, fc.boolean()),
    (world, backoff, deliveryAttemptsMax, isExactlyOnce) => {
      world.changeRules({ backoff, deliveryAttemptsMax, isExactlyOnce });
      world.takeStep();
    },
  ),
  action(1, "snapshot", fc.tuple(), (world) => world.snapshot()),
  action(1, "seekToSnapshot", fc.tuple(fc.nat({ max: 9 })), (world, at) => world.seekToSnapshot(at)),
  action(
    1,
    "seekToTime",
    fc.tuple(fc.nat({ max: 60 }), fc.boolean(), fc.boolean()),
    (world, upTo, isRetained, discards) => world.seekToTime(upTo, isRetained, discards),
  ),
);

for (const [name, limits] of [
  ["tight", TIGHT_LIMITS],
  ["default", DEFAULT_LIMITS],
] as const) {
  test(`whatever happens under any rules, with ${name} limits each delivery obeys them and nothing is lost`, () => {
    fc.assert(
      fc.property(rules, fc.array(actions, { maxLength: 120, size: "max" }), (chosenRules, list) => {
        const world = new SemanticWorld(limits, chosenRules, limits === TIGHT_LIMITS);
        for (const { run } of list) run(world);
        world.drain();
      }),
      { numRuns: 1_000, includeErrorInReport: true },
    );
  });
}

test("without any rules the world is that of at-least-once delivery", () => {
  fc.assert(
    fc.property(fc.array(actions, { maxLength: 60, size: "max" }), (list) => {
      const world = new SemanticWorld(DEFAULT_LIMITS, PLAIN_RULES, true);
      for (const { run } of list) run(world);
      world.drain();
    }),
    { numRuns: 50, includeErrorInReport: true },
  );
});
