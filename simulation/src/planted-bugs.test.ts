import assert from "node:assert/strict";
import { test } from "node:test";
import { type PlantedBug, withBug } from "./planted-bug.test.support.js";
import { SimulationFailure, simulate } from "./simulate.js";

const SEEDS_MAX = 60;
const STEPS = 600;

/** One bug shows in several ways; this is the one that names it. */
const BUGS: readonly (readonly [PlantedBug, RegExp])[] = [
  ["ack answered before it is durable", /came again .* its ack was confirmed/],
  ["lease granted twice", /is out with .* and went to/],
  ["watermark past an unacked message", /never seen again: m\d+|are owed/],
];

for (const [bug, complaint] of BUGS) {
  test(`the simulation finds a planted bug: ${bug}`, async () => {
    const failure = await withBug(bug, () => firstFailure(complaint));
    assert.ok(failure !== undefined, `not found with ${SEEDS_MAX} seeds`);
    await assert.rejects(
      withBug(bug, () => simulate(failure.seed, STEPS)),
      (error: Error) => error.message === failure.message,
      "its seed brings it back",
    );
    await simulate(failure.seed, STEPS);
  });
}

async function firstFailure(complaint: RegExp): Promise<SimulationFailure | undefined> {
  for (let seed = 1; seed <= SEEDS_MAX; seed += 1) {
    try {
      await simulate(seed, STEPS);
    } catch (error) {
      if (!(error instanceof SimulationFailure)) throw error;
      if (complaint.test(error.message)) return error;
    }
  }
  return undefined;
}
