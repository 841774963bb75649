/**
 * The suite that proves an engine: each guarantee of the contract as tests. Every engine calls `describeStore` with a
 * way to make one. It is an entry of its own (`@peal/store/contract`), so that a running server never loads a test runner.
 */
import { afterEach, describe } from "node:test";
import { describeAppends, describeDedup, describeRecords } from "./contract/appends.js";
import { describeAtomicity } from "./contract/atomicity.js";
import { describeConditions } from "./contract/conditions.js";
import { Fixture, type MakeHarness, type StoreCapabilities } from "./contract/fixture.js";
import { describeLimits } from "./contract/limits.js";
import { describeFollowing, describeWatching } from "./contract/listening.js";
import { describeLists, describePuts } from "./contract/metadata.js";
import { describeReads, describeTimes } from "./contract/reading.js";
import { describeReopening } from "./contract/reopening.js";
import { describeDrops, describeTrims } from "./contract/trimming.js";

export type { StoreCapabilities, StoreHarness } from "./contract/fixture.js";

/** Registers the suite for one engine. */
export function describeStore(name: string, makeHarness: MakeHarness, capabilities: StoreCapabilities): void {
  describe(name, () => {
    const fixture = new Fixture(makeHarness);
    afterEach(() => fixture.reset());
    describeAppends(fixture, capabilities);
    describeRecords(fixture);
    describeDedup(fixture);
    describeAtomicity(fixture);
    describeConditions(fixture);
    describePuts(fixture);
    describeLists(fixture);
    describeTrims(fixture);
    describeDrops(fixture);
    describeReads(fixture);
    describeTimes(fixture);
    describeFollowing(fixture);
    describeWatching(fixture);
    describeLimits(fixture);
    describeReopening(fixture, capabilities);
  });
}
