/** Seeks, snapshots and retention in any order, with kills, against sets of numbers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { subscriptionSettings, TestWorld, TOPIC } from "./engine.test.support.js";

const NAMES = ["projects/p/subscriptions/a", "projects/p/subscriptions/b"] as const;
const SNAPSHOT = "projects/p/snapshots/n";
/** Nothing grows that old in a run. */
const LONG = { seconds: 7 * 86_400, nanos: 0 };

interface SubscriptionModel {
  readonly name: string;
  /** Sequences that are not settled. */
  unacked: Set<number>;
  /** Acked messages above are kept; Infinity: none are. */
  retainedAfter: number;
}

type Action =
  | { readonly kind: "publish"; readonly count: number }
  | { readonly kind: "ack"; readonly who: number; readonly every: number }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "retain"; readonly who: number; readonly isOn: boolean }
  | { readonly kind: "retainTopic"; readonly isOn: boolean }
  | { readonly kind: "seekTime"; readonly who: number; readonly back: number }
  | { readonly kind: "snapshot"; readonly who: number }
  | { readonly kind: "seekSnapshot"; readonly who: number }
  | { readonly kind: "start"; readonly isClean: boolean };

const who = fc.integer({ min: 0, max: 1 });
const isOn = fc.boolean();
const actions: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("publish" as const), count: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("ack" as const), who, every: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.constantFrom(1, 11_000, 60_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("retain" as const), who, isOn }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("retainTopic" as const), isOn }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("seekTime" as const), who, back: fc.integer({ min: 0, max: 9 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("snapshot" as const), who }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("seekSnapshot" as const), who }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("start" as const), isClean: fc.boolean() }) },
);

class SeekModel {
  readonly #world: TestWorld;
  readonly #subscriptions: readonly SubscriptionModel[];
  /** When each sequence was published; from 1. */
  readonly #timesMs: number[] = [Number.NEGATIVE_INFINITY];
  #topicRetainedAfter = Number.POSITIVE_INFINITY;
  #snapshot: { readonly unacked: ReadonlySet<number>; readonly head: number } | undefined;

  private constructor(world: TestWorld) {
    this.#world = world;
    this.#subscriptions = NAMES.map((name) => ({
      name,
      unacked: new Set(),
      retainedAfter: Number.POSITIVE_INFINITY,
    }));
  }

  static async open(): Promise<SeekModel> {
    // Small, so that backlogs are read from the log and memory is left soon.
    const world = await TestWorld.open({ limits: { tailCacheBytes: 300, idleMs: 5_000 } });
    await world.engine.deleteSubscription("projects/p/subscriptions/s");
    const model = new SeekModel(world);
    // The topic has retained some messages when its subscriptions come.
    await model.#retainTopic(true);
    await model.#publish(3);
    for (const name of NAMES) {
      await world.engine.createSubscription(subscriptionSettings({ name, messageRetention: LONG }));
    }
    for (const { unacked } of model.#subscriptions) unacked.clear();
    return model;
  }

  get #head(): number {
    return this.#timesMs.length - 1;
  }

  async act(action: Action): Promise<void> {
    const { engine } = this.#world;
    switch (action.kind) {
      case "publish":
        return this.#publish(action.count);
      case "ack":
        return this.#ack(this.#subscriptions[action.who]!, action.every);
      case "wait":
        return this.#world.advance(action.ms);
      case "retain":
        return this.#retain(this.#subscriptions[action.who]!, action.isOn);
      case "retainTopic":
        return this.#retainTopic(action.isOn);
      case "seekTime":
        return this.#seekTime(this.#subscriptions[action.who]!, Math.max(this.#head - action.back, 0));
      case "snapshot":
        if (this.#snapshot !== undefined) await engine.deleteSnapshot(SNAPSHOT);
        await engine.createSnapshot({ name: SNAPSHOT, labels: {} }, NAMES[action.who]!);
        this.#snapshot = { unacked: new Set(this.#subscriptions[action.who]!.unacked), head: this.#head };
        return undefined;
      case "seekSnapshot":
        return this.#seekSnapshot(this.#subscriptions[action.who]!);
      case "start":
        if (action.isClean) await engine.close();
        return this.#world.start({ limits: { tailCacheBytes: 300, idleMs: 5_000 } });
    }
  }

  /** Everything that is not settled is delivered and counted, and nothing else. */
  async check(): Promise<void> {
    for (const { name, unacked } of this.#subscriptions) {
      const received = await this.#receive(name);
      const expected = [...unacked].sort((left, right) => left - right);
      assert.deepEqual(
        [...received.keys()].sort((left, right) => left - right),
        expected,
        name,
      );
      const metrics = [...this.#world.engine.subscriptionMetrics()].find((found) => found.name === name);
      assert.equal(metrics?.backlog, expected.length, `backlog of ${name}`);
    }
    assert.deepEqual(this.#world.failures, []);
  }

  async #publish(count: number): Promise<void> {
    await this.#world.advance(1);
    const texts: string[] = [];
    for (let index = 0; index < count; index += 1) {
      this.#timesMs.push(this.#world.clock.wallMs());
      texts.push(`${this.#head}`);
      for (const { unacked } of this.#subscriptions) unacked.add(this.#head);
    }
    await this.#world.publish(...texts);
  }

  async #ack(subscription: SubscriptionModel, every: number): Promise<void> {
    const ackIds: string[] = [];
    for (const [sequence, ackId] of await this.#receive(subscription.name)) {
      if (sequence % every !== 0) continue;
      ackIds.push(ackId);
      subscription.unacked.delete(sequence);
    }
    await this.#world.engine.acknowledge(subscription.name, ackIds);
  }

  async #retain(subscription: SubscriptionModel, retainAckedMessages: boolean): Promise<void> {
    await this.#world.settle();
    await this.#world.engine.updateSubscription(subscription.name, (present) => ({ ...present, retainAckedMessages }));
    if (!retainAckedMessages) subscription.retainedAfter = Number.POSITIVE_INFINITY;
    else if (subscription.retainedAfter === Number.POSITIVE_INFINITY) {
      subscription.retainedAfter = Math.min(this.#head, Math.min(...subscription.unacked) - 1);
    }
  }

  async #retainTopic(isRetained: boolean): Promise<void> {
    await this.#world.engine.updateTopic(TOPIC, ({ messageRetention: _present, ...rest }) =>
      isRetained ? { ...rest, messageRetention: LONG } : rest,
    );
    if (!isRetained) this.#topicRetainedAfter = Number.POSITIVE_INFINITY;
    else if (this.#topicRetainedAfter === Number.POSITIVE_INFINITY) this.#topicRetainedAfter = this.#head;
  }

  async #seekTime(subscription: SubscriptionModel, sequence: number): Promise<void> {
    const timeMs = Math.max(this.#timesMs[sequence]!, 0);
    await this.#world.engine.seek(subscription.name, { kind: "time", timeMs });
    const revivedAbove = Math.min(subscription.retainedAfter, this.#topicRetainedAfter);
    for (let each = 1; each <= this.#head; each += 1) {
      if (this.#timesMs[each]! < timeMs) subscription.unacked.delete(each);
      else if (each > revivedAbove) subscription.unacked.add(each);
    }
  }

  async #seekSnapshot(subscription: SubscriptionModel): Promise<void> {
    const snapshot = this.#snapshot;
    const sought = this.#world.engine.seek(subscription.name, { kind: "snapshot", name: SNAPSHOT });
    if (snapshot === undefined) {
      await assert.rejects(sought, { code: "NOT_FOUND" });
      return;
    }
    await sought;
    subscription.unacked = new Set(snapshot.unacked);
    for (let each = snapshot.head + 1; each <= this.#head; each += 1) subscription.unacked.add(each);
  }

  /** What a subscription delivers now, once every lease has run out: ack ids by sequence. */
  async #receive(name: string): Promise<ReadonlyMap<number, string>> {
    await this.#world.advance(10_001);
    const puller = this.#world.pull(undefined, {}, name);
    await this.#world.settle();
    puller.puller!.close();
    return new Map(puller.received.map(({ text, ackId }) => [Number(text), ackId]));
  }
}

test("after any seeks, snapshots, changes of retention and starts exactly what is not settled comes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(actions, { minLength: 5, maxLength: 30 }), async (history) => {
      const model = await SeekModel.open();
      for (const action of history) await model.act(action);
      await model.check();
    }),
    { numRuns: 60 },
  );
});
