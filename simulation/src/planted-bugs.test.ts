import assert from "node:assert/strict";
import { test } from "node:test";
import { type PlantedBug, withBug } from "./planted-bug.test.support.js";
import { SimulationFailure, simulate } from "./simulate.js";

const SEEDS_MAX = 60;
const STEPS = 600;

/** What must be said of it. What ends too early is also no longer counted while a client has it. */
const BUGS: readonly (readonly [PlantedBug, RegExp])[] = [
  ["ack answered before it is durable", /came again .* its ack was confirmed/],
  ["lease granted twice", /is out with .* and went to|its window is/],
  ["watermark past an unacked message", /never seen again: m\d+|its window is|are owed/],
];

for (const [bug, complaint] of BUGS) {
  test(`the simulation finds a planted bug: ${bug}`, async () => {
    const failure = await withBug(bug, firstFailure);
    assert.ok(failure !== undefined, `not found with ${SEEDS_MAX} seeds`);
    assert.match(failure.message, complaint);
    await assert.rejects(
      withBug(bug, () => simulate(failure.seed, STEPS)),
      (error: Error) => error.message === failure.message,
      "its seed brings it back",
    );
    await simulate(failure.seed, STEPS);
  });
}

async function firstFailure(): Promise<SimulationFailure | undefined> {
  for (let seed = 1; seed <= SEEDS_MAX; seed += 1) {
    try {
      await simulate(seed, STEPS);
    } catch (error) {
      if (error instanceof SimulationFailure) return error;
      throw error;
    }
  }
  return undefined;
}
