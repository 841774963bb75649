import { ACTIONS, type Action } from "./actions.js";
import { drain } from "./drain.js";
import { INVARIANTS } from "./invariants.js";
import { createSubscription, createTopic } from "./resource-actions.js";
import { SeededRandom } from "./seeded-random.js";
import { World } from "./world.js";

/** The invariants go through all messages. */
const STEPS_PER_CHECK = 10;

export interface SimulationResult {
  readonly seed: number;
  readonly steps: number;
  /** Equal for two runs of one seed. */
  readonly traceHash: string;
  readonly published: number;
  readonly delivered: number;
  readonly redelivered: number;
  readonly confirmed: number;
  readonly starts: number;
  readonly kills: number;
  readonly simulatedMs: number;
}

/** A promise was broken: the seed, and what led to it. */
export class SimulationFailure extends Error {
  override readonly name = "SimulationFailure";

  constructor(
    readonly seed: number,
    readonly lastLines: readonly string[],
    cause: unknown,
  ) {
    super(`seed ${seed}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/**
 * Runs one world from one seed: `steps` actions with faults, then none, until nothing is owed.
 *
 * @throws {SimulationFailure} when the server breaks a promise, does not come to rest, or fails an assertion.
 */
export async function simulate(seed: number, steps: number): Promise<SimulationResult> {
  const random = new SeededRandom(seed);
  const rates = {
    slowCommit: random.pick([0, 0.1, 0.5])!,
    slowRead: random.pick([0, 0.1, 0.5])!,
    unknown: random.pick([0, 0, 0.001])!,
    failedRead: random.pick([0, 0, 0.002])!,
    fullForAcks: random.pick([0, 0.5])!,
  };
  const world = new World(random, rates, random.integer(1, 3), random.integer(1, 4));
  try {
    await world.start();
    await settleIn(world);
    const actions = weighted(random);
    for (let step = 0; step < steps; step += 1) {
      await actions().run(world);
      await world.settle();
      if (world.life.fatal !== undefined) await world.restart("fatal");
      if (step % STEPS_PER_CHECK === 0) for (const invariant of INVARIANTS) invariant(world);
    }
    await drain(world);
  } catch (error) {
    throw new SimulationFailure(seed, world.trace.lastLines, error);
  }
  return {
    seed,
    steps,
    traceHash: world.trace.hash,
    published: world.ledger.published,
    delivered: world.ledger.delivered,
    redelivered: world.ledger.redelivered,
    confirmed: world.ledger.confirmed,
    starts: world.starts,
    kills: world.kills,
    simulatedMs: world.nowMs,
  };
}

/** Begins with topics and subscriptions; what does not succeed at once is made later. */
async function settleIn(world: World): Promise<void> {
  for (const create of [createTopic, createSubscription]) {
    for (let count = 0; count < 2 * world.subscriptions.length; count += 1) {
      create(world);
      await world.advance(1_000);
    }
  }
}

/** Each seed likes other actions: some hardly occur, others all the time. */
function weighted(random: SeededRandom): () => Action {
  const weights = ACTIONS.map((action) => action.weight * (0.1 + 2 * random.next()));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return () => {
    let rest = random.next() * total;
    for (const [index, weight] of weights.entries()) {
      rest -= weight;
      if (rest < 0) return ACTIONS[index]!;
    }
    return ACTIONS[0]!;
  };
}
