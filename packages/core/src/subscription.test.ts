import assert from "node:assert/strict";
import { test } from "node:test";
import type { Effect, Event } from "./events.js";
import { DEFAULT_LIMITS } from "./limits.js";
import { plainBlock } from "./plain-block.test.support.js";
import { Subscription, type SubscriptionOptions } from "./subscription.js";

const OPTIONS: SubscriptionOptions = { startNumber: 1, limits: DEFAULT_LIMITS };

function opened(puller: number): Event {
  return {
    kind: "opened",
    puller,
    maxOutstandingMessages: Number.POSITIVE_INFINITY,
    maxOutstandingBytes: Number.POSITIVE_INFINITY,
    leaseMs: 10_000,
    isOnce: false,
    isKeyExclusive: false,
    clientId: "",
  };
}

/** Feeds events at one instant; loads are answered with one block of `count` messages. */
function feed(subscription: Subscription, nowMs: number, count: number, ...events: readonly Event[]): Effect[] {
  const environment = { nowMs, random: () => 0 };
  const effects: Effect[] = [];
  const queue = [...events];
  for (let event = queue.shift(); event !== undefined; event = queue.shift()) {
    for (const effect of subscription.step(event, environment)) {
      effects.push(effect);
      if (effect.kind !== "load") continue;
      const block = plainBlock(
        1,
        Array.from({ length: count }, () => 10),
      );
      queue.unshift({ kind: "loaded", after: effect.after, blocks: [block], isEnd: true });
    }
  }
  return effects;
}

function deliveries(effects: readonly Effect[]): (Effect & { kind: "deliver" })[] {
  return effects.flatMap((effect) => (effect.kind === "deliver" ? [effect] : []));
}

test("a subscription that left memory and comes back gives generations it never gave", () => {
  const first = Subscription.create(0, OPTIONS);
  const ready: Event = { kind: "ready", puller: 1, maxMessages: 10, maxBytes: 1_000 };
  const [before] = deliveries(feed(first, 0, 3, { kind: "appended", head: 3 }, opened(1), ready));
  const records = [first.takeCheckpoint(false, 0)];
  const again = Subscription.restore(records, 3, { ...OPTIONS, afterGeneration: first.latestGeneration }, 0);
  const [after] = deliveries(feed(again, 0, 3, opened(1), ready));
  assert.equal(after!.messageCount, 3);
  assert.ok(after!.generation > before!.generation);
});

test("a start after the next begins above every generation of the one before", () => {
  const first = Subscription.create(0, OPTIONS);
  feed(first, 0, 1, { kind: "appended", head: 1 }, opened(1), {
    kind: "ready",
    puller: 1,
    maxMessages: 1,
    maxBytes: 10,
  });
  const records = [first.takeCheckpoint(false, 0)];
  // The same start number, and nobody who remembers: it takes a whole start's worth of distance.
  const second = Subscription.restore(records, 1, OPTIONS, 0);
  assert.ok(second.latestGeneration >= 2 * 2 ** 32);
  const third = Subscription.restore([second.takeCheckpoint(false, 0)], 1, { ...OPTIONS, startNumber: 2 }, 0);
  assert.ok(third.latestGeneration >= second.latestGeneration);
});

test("a hundred thousand leases that expire at once do so in slices, each asking for the next", () => {
  const count = 100_000;
  const limits = { ...DEFAULT_LIMITS, readAheadMessagesMax: count, stepMessagesMax: count };
  const subscription = Subscription.create(0, { startNumber: 1, limits });
  const ready: Event = { kind: "ready", puller: 1, maxMessages: count, maxBytes: Number.POSITIVE_INFINITY };
  feed(subscription, 0, count, { kind: "appended", head: count }, opened(1), ready, { kind: "closed", puller: 1 });
  assert.equal(subscription.counts.outstanding, count);
  const sliced = Subscription.restore([subscription.takeCheckpoint(true, 0)], count, OPTIONS, 0);
  let steps = 0;
  let effects = feed(sliced, 10_000, count, { kind: "ticked" });
  while (sliced.counts.outstanding > 0) {
    steps += 1;
    assert.deepEqual(effects, [{ kind: "wake", atMs: 10_000 }]);
    effects = feed(sliced, 10_000, count, { kind: "ticked" });
  }
  assert.equal(steps, Math.floor(count / DEFAULT_LIMITS.stepMessagesMax));
  assert.equal(sliced.counts.expired, count);
});

test("an ack log that settles what was never published is refused, with the numbers", () => {
  const subscription = Subscription.create(7, OPTIONS);
  const records = [subscription.takeCheckpoint(false, 0)];
  assert.throws(() => Subscription.restore(records, 6, OPTIONS, 0), /sequence 7.*ends at 6/);
  assert.equal(Subscription.restore(records, 7, OPTIONS, 0).floor, 7);
});

test("an ack log of Steps alone begins at the first message", () => {
  const subscription = Subscription.create(0, OPTIONS);
  feed(
    subscription,
    0,
    5,
    { kind: "appended", head: 5 },
    { kind: "acked", request: 0, sequences: [1, 3], generations: [0, 0] },
  );
  const step = subscription.takeStep();
  const restored = Subscription.restore([step!], 5, OPTIONS, 0);
  assert.equal(restored.floor, 1);
  assert.deepEqual([restored.counts.backlog, restored.counts.holes], [3, 1]);
});

test("events of a puller that is gone do nothing", () => {
  const subscription = Subscription.create(0, OPTIONS);
  feed(subscription, 0, 1, { kind: "appended", head: 1 }, opened(1), { kind: "closed", puller: 1 });
  const effects = feed(
    subscription,
    0,
    1,
    { kind: "ready", puller: 1, maxMessages: 1, maxBytes: 10 },
    { kind: "leaseLengthChanged", puller: 1, leaseMs: 5 },
    { kind: "returned", puller: 1, generation: 1 },
    { kind: "closed", puller: 1 },
  );
  assert.deepEqual(deliveries(effects), []);
  assert.equal(subscription.counts.pullers, 0);
});

test("what was settled while a redelivery was read is no part of it", () => {
  const subscription = Subscription.create(0, OPTIONS);
  const ready: Event = { kind: "ready", puller: 1, maxMessages: 10, maxBytes: 1_000 };
  const [delivery] = deliveries(feed(subscription, 0, 5, { kind: "appended", head: 5 }, opened(1), ready));
  const { generation } = delivery!;
  feed(subscription, 0, 5, { kind: "acked", request: 0, sequences: [1, 4], generations: [generation, generation] });
  const parts: [number, number][] = [];
  const note = (first: number, count: number): void => {
    parts.push([first, count]);
  };
  subscription.forEachLeasedPart({ first: 1, count: 5 }, generation, note);
  assert.deepEqual(parts.splice(0), [
    [2, 2],
    [5, 1],
  ]);
  subscription.forEachLeasedPart({ first: 1, count: 5 }, generation + 1, note);
  assert.deepEqual(parts, []);
});

test("no more messages are out under a lease than the limit, redeliveries and extended ones included", () => {
  const limits = { ...DEFAULT_LIMITS, leasesMax: 4 };
  const subscription = Subscription.create(0, { startNumber: 1, limits });
  const ready = (puller: number): Event => ({ kind: "ready", puller, maxMessages: 4, maxBytes: 1_000 });
  const [first] = deliveries(feed(subscription, 0, 8, { kind: "appended", head: 8 }, opened(1), ready(1)));
  assert.equal(first!.messageCount, 4);
  // All four expire; two of them and two new ones go out.
  const [second] = deliveries(feed(subscription, 10_000, 8, { kind: "ticked" }, ready(1)));
  assert.equal(second!.messageCount, 4);
  assert.equal(subscription.counts.outstanding, 4);
  assert.equal(subscription.counts.blocked, 2);
  assert.deepEqual(deliveries(feed(subscription, 10_001, 8, ready(1))), []);
  // The ids of the two that wait cannot bring them back.
  const sequences = [1, 2, 3, 4];
  const generations = sequences.map(() => first!.generation);
  feed(subscription, 10_002, 8, {
    kind: "modified",
    request: 0,
    sequences,
    generations,
    leaseMs: sequences.map(() => 60_000),
  });
  assert.equal(subscription.counts.outstanding, 4);
  // An ack makes room for one that waits.
  const [run] = second!.runs;
  const settled: Event = { kind: "acked", request: 0, sequences: [run!.first], generations: [second!.generation] };
  assert.equal(deliveries(feed(subscription, 10_003, 8, settled))[0]?.messageCount, 1);
});
