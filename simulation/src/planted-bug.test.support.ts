/**
 * Mistakes that a server could make, put in from outside: the simulation must find each. Nothing of this is in the
 * server's own code.
 */
import { type Effect, type Environment, type Event, Subscription } from "@peal/core";
import type { Storage, Write } from "@peal/store";
import { FaultyStorage } from "./faulty-storage.js";

export type PlantedBug =
  | "ack answered before it is durable"
  | "lease granted twice"
  | "watermark past an unacked message";

const LOOK_AHEAD_MS = 4_000;

/** Runs `work` with the bug in place. */
export async function withBug<T>(bug: PlantedBug, work: () => Promise<T>): Promise<T> {
  const uproot = PLANT[bug]();
  try {
    return await work();
  } finally {
    uproot();
  }
}

const PLANT: Record<PlantedBug, () => () => void> = {
  "ack answered before it is durable": plantEarlyAnswer,
  "lease granted twice": () =>
    plantStep((subscription, event, environment, step) => {
      // A tick looks ahead: what still runs for a while is granted again.
      const aheadMs = event.kind === "ticked" ? LOOK_AHEAD_MS : 0;
      return step.call(subscription, event, { ...environment, nowMs: environment.nowMs + aheadMs });
    }),
  "watermark past an unacked message": () =>
    plantStep((subscription, event, environment, step) => {
      if (event.kind !== "acked" || event.sequences.length === 0) return step.call(subscription, event, environment);
      const sequences = [...event.sequences, Math.max(...event.sequences) + 1];
      const generations = [...event.generations, subscription.latestGeneration];
      return step.call(subscription, { ...event, sequences, generations }, environment);
    }),
};

type Step = (this: Subscription, event: Event, environment: Environment) => readonly Effect[];

function plantStep(
  run: (subscription: Subscription, event: Event, environment: Environment, step: Step) => readonly Effect[],
): () => void {
  const step: Step = Subscription.prototype.step;
  Subscription.prototype.step = function (this: Subscription, event, environment) {
    return run(this, event, environment, step);
  };
  return () => {
    Subscription.prototype.step = step;
  };
}

/** Records of ack logs are answered when they are handed over; they reach the store when they do. */
function plantEarlyAnswer(): () => void {
  const commit: Storage["commit"] = FaultyStorage.prototype.commit;
  FaultyStorage.prototype.commit = function (this: FaultyStorage, writes: readonly Write[]) {
    const durable = commit.call(this, writes);
    const [write] = writes;
    if (write?.kind !== "appendIf" || writes.length > 1) return durable;
    // What comes of it is nobody's concern any more: that is the bug.
    durable.catch(() => undefined);
    return Promise.resolve([write.previous + 1]);
  };
  return () => {
    FaultyStorage.prototype.commit = commit;
  };
}
