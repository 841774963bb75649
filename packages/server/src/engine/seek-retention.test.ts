import assert from "node:assert/strict";
import { test } from "node:test";
import { StorageError } from "@peal/store";
import { RecordingPuller, SUBSCRIPTION, subscriptionSettings, TestWorld, TOPIC } from "./engine.test.support.js";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const SNAPSHOT = "projects/p/snapshots/n";
const OTHER = "projects/p/subscriptions/other";
const HOUR = { seconds: 3_600, nanos: 0 };
const DAY = { seconds: 86_400, nanos: 0 };
const TEN_MINUTES = { seconds: 600, nanos: 0 };

async function openWorld(change: Parameters<typeof subscriptionSettings>[0] = {}): Promise<TestWorld> {
  const world = await TestWorld.open();
  await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({ ...present, ...change }));
  return world;
}

async function received(world: TestWorld, subscription = SUBSCRIPTION): Promise<readonly string[]> {
  const puller = world.pull(undefined, {}, subscription);
  await world.settle();
  puller.puller!.close();
  return puller.texts();
}

async function ackAll(world: TestWorld, subscription = SUBSCRIPTION): Promise<readonly string[]> {
  const puller = world.pull(undefined, {}, subscription);
  await world.settle();
  await world.engine.acknowledge(subscription, puller.ackIds());
  puller.puller!.close();
  return puller.texts();
}

/** Publishes each text a second after the one before; answers when each was published. */
async function publishApart(world: TestWorld, ...texts: string[]): Promise<readonly number[]> {
  const timesMs: number[] = [];
  for (const text of texts) {
    await world.advance(1_000);
    timesMs.push(world.clock.wallMs());
    await world.publish(text);
  }
  return timesMs;
}

function seekTime(world: TestWorld, timeMs: number, subscription = SUBSCRIPTION): Promise<void> {
  return world.engine.seek(subscription, { kind: "time", timeMs });
}

function seekSnapshot(world: TestWorld, subscription = SUBSCRIPTION): Promise<void> {
  return world.engine.seek(subscription, { kind: "snapshot", name: SNAPSHOT });
}

function snapshot(world: TestWorld): Promise<unknown> {
  return world.engine.createSnapshot({ name: SNAPSHOT, labels: {} }, SUBSCRIPTION);
}

function setTopicRetention(world: TestWorld, retention: typeof HOUR | undefined): Promise<unknown> {
  return world.engine.updateTopic(TOPIC, ({ messageRetention: _before, ...present }) => ({
    ...present,
    ...(retention === undefined ? {} : { messageRetention: retention }),
  }));
}

for (const isRestarted of [false, true]) {
  test(`a seek to a time replays what was published then or later, in order${isRestarted ? ", after a restart" : ""}`, async () => {
    const world = await openWorld({ retainAckedMessages: true });
    const [, twoAtMs] = await publishApart(world, "one", "two", "three");
    await ackAll(world);
    await world.advance(HOUR_MS);
    if (isRestarted) await world.start();
    await seekTime(world, twoAtMs!);
    if (isRestarted) await world.start();
    assert.deepEqual(await ackAll(world), ["two", "three"]);
    await seekTime(world, twoAtMs! + 1);
    assert.deepEqual(await received(world), ["three"]);
    assert.deepEqual(world.failures, []);
  });
}

test("without retention a seek brings nothing back, and settles what is older", async () => {
  const world = await openWorld();
  const [, , threeAtMs] = await publishApart(world, "one", "two", "three", "four");
  const puller = world.pull();
  await world.settle();
  await world.engine.acknowledge(SUBSCRIPTION, [puller.ackIds()[3]!]);
  puller.puller!.close();
  await seekTime(world, threeAtMs!);
  assert.deepEqual(await received(world), ["three"]);
  await seekTime(world, 0);
  assert.deepEqual(await received(world), ["three"]);
});

test("a seek to a time to come settles what is there and what comes until then, also after a restart", async () => {
  const world = await openWorld({ retainAckedMessages: true });
  await publishApart(world, "one");
  const puller = world.pull();
  await world.settle();
  const untilMs = world.clock.wallMs() + HOUR_MS;
  await seekTime(world, untilMs);
  await publishApart(world, "two");
  await world.settle();
  assert.deepEqual(puller.texts(), ["one"]);
  await world.start();
  const after = world.pull(new RecordingPuller());
  await world.advance(untilMs - 1 - world.clock.wallMs());
  await world.publish("three");
  await world.advance(1);
  await world.publish("four");
  await world.settle();
  assert.deepEqual(after.texts(), ["four"]);
});

test("ids of before a seek settle nothing, and open pullers go on", async () => {
  const world = await openWorld({ retainAckedMessages: true });
  const [oneAtMs] = await publishApart(world, "one", "two");
  const puller = world.pull();
  await world.settle();
  const before = puller.ackIds();
  await seekTime(world, oneAtMs!);
  await world.settle();
  assert.deepEqual(puller.texts(), ["one", "two", "one", "two"]);
  await world.engine.acknowledge(SUBSCRIPTION, before);
  await world.engine.modifyAckDeadline(SUBSCRIPTION, before, 0);
  // Their leases run on, and out.
  await world.advance(9_999);
  assert.equal(puller.received.length, 4);
  await world.advance(1);
  assert.deepEqual(puller.texts().slice(4), ["one", "two"]);
});

test("a topic's retention brings messages to a subscription that is younger than they are", async () => {
  const world = await openWorld();
  await setTopicRetention(world, HOUR);
  const [oneAtMs] = await publishApart(world, "one", "two");
  await ackAll(world);
  await world.engine.createSubscription(subscriptionSettings({ name: OTHER }));
  assert.deepEqual(await received(world, OTHER), []);
  await seekTime(world, oneAtMs!, OTHER);
  await world.start();
  // It holds the log below its beginning now.
  await setTopicRetention(world, undefined);
  await world.advance(MINUTE_MS);
  assert.deepEqual(await ackAll(world, OTHER), ["one", "two"]);
  await seekTime(world, oneAtMs!, OTHER);
  assert.deepEqual(await received(world, OTHER), []);
});

test("a retention that begins does not bring back what was acked before it", async () => {
  for (const isByTopic of [true, false]) {
    const world = await openWorld();
    // Somebody slow holds the log.
    await world.engine.createSubscription(subscriptionSettings({ name: OTHER }));
    await publishApart(world, "one", "two");
    await ackAll(world);
    await world.advance(HOUR_MS);
    await world.start();
    if (isByTopic) await setTopicRetention(world, DAY);
    else await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({ ...present, retainAckedMessages: true }));
    await publishApart(world, "three");
    await ackAll(world);
    await seekTime(world, 0);
    assert.deepEqual(await ackAll(world), ["three"]);
    // Off and on again: what was between is not retained.
    if (isByTopic) {
      await setTopicRetention(world, undefined);
      await setTopicRetention(world, DAY);
    } else {
      for (const retainAckedMessages of [false, true]) {
        await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({ ...present, retainAckedMessages }));
      }
    }
    await seekTime(world, 0);
    assert.deepEqual(await received(world), []);
    assert.deepEqual(await received(world, OTHER), ["one", "two", "three"]);
  }
});

test("a retention made shorter and longer again brings nothing back", async () => {
  for (const isByTopic of [true, false]) {
    const world = await openWorld(isByTopic ? {} : { retainAckedMessages: true, messageRetention: DAY });
    if (isByTopic) await setTopicRetention(world, DAY);
    // Somebody slow holds the log.
    await world.engine.createSubscription(subscriptionSettings({ name: OTHER }));
    await publishApart(world, "one");
    await ackAll(world);
    await world.advance(HOUR_MS);
    await publishApart(world, "two");
    await ackAll(world);
    for (const retention of [TEN_MINUTES, DAY]) {
      if (isByTopic) await setTopicRetention(world, retention);
      else {
        await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({ ...present, messageRetention: retention }));
      }
    }
    await world.start();
    await seekTime(world, 0);
    assert.deepEqual(await received(world), ["two"]);
    assert.deepEqual(await received(world, OTHER), ["one", "two"]);
  }
});

test("an unacked message that a retention has dropped stays dropped when it is made longer", async () => {
  const world = await openWorld({ messageRetention: TEN_MINUTES });
  await world.engine.createSubscription(subscriptionSettings({ name: OTHER }));
  await publishApart(world, "one");
  await world.advance(HOUR_MS);
  await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({ ...present, messageRetention: DAY }));
  assert.deepEqual(await received(world), []);
  await world.start();
  assert.deepEqual(await received(world), []);
  assert.deepEqual(await received(world, OTHER), ["one"]);
});

test("a seek never finds what is past its retention, though nobody has looked for a while", async () => {
  const world = await openWorld({ retainAckedMessages: true, messageRetention: DAY });
  await publishApart(world, "one");
  await world.advance(10 * MINUTE_MS);
  await publishApart(world, "two");
  await ackAll(world);
  await world.advance(DAY_MS - 5 * MINUTE_MS);
  await seekTime(world, 0);
  assert.deepEqual(await received(world), ["two"]);
});

test("a seek to a snapshot brings back what was not acked then and what came since", async () => {
  const world = await openWorld();
  await publishApart(world, "acked", "one", "two");
  const puller = world.pull();
  await world.settle();
  await world.engine.acknowledge(SUBSCRIPTION, [puller.ackIds()[0]!]);
  puller.puller!.close();
  await snapshot(world);
  await world.publish("three");
  await ackAll(world);
  for (let round = 0; round < 3; round += 1) {
    await world.advance(HOUR_MS);
    await seekSnapshot(world);
    if (round === 1) await world.start();
    assert.deepEqual(await ackAll(world), ["one", "two", "three"]);
  }
});

test("a seek to a snapshot works on another subscription of the topic, used or not, and on no other topic's", async () => {
  const world = await openWorld();
  await world.publish("one");
  await snapshot(world);
  await ackAll(world);
  await world.engine.createSubscription(subscriptionSettings({ name: OTHER }));
  await world.publish("two");
  await seekSnapshot(world, OTHER);
  assert.deepEqual(await received(world, OTHER), ["one", "two"]);
  const topic = "projects/p/topics/else";
  await world.engine.createTopic({ name: topic, labels: {} });
  const foreign = "projects/p/subscriptions/foreign";
  await world.engine.createSubscription(subscriptionSettings({ name: foreign, topic }));
  await assert.rejects(seekSnapshot(world, foreign), {
    code: "INVALID_ARGUMENT",
    message: /snapshot \(resource=n\) is not of the topic of the subscription \(resource=foreign\)/,
  });
});

test("after a seek to a snapshot its messages outlive the subscription's retention, up to its end", async () => {
  const world = await openWorld({ messageRetention: HOUR });
  await publishApart(world, "one");
  await snapshot(world);
  await world.advance(DAY_MS);
  assert.deepEqual(await received(world), []);
  await seekSnapshot(world);
  await world.advance(DAY_MS);
  assert.deepEqual(await received(world), ["one"]);
  await world.engine.deleteSnapshot(SNAPSHOT);
  await world.start();
  await world.advance(DAY_MS);
  assert.deepEqual(await received(world), ["one"]);
  await world.advance(4 * DAY_MS + HOUR_MS);
  assert.deepEqual(await received(world), []);
  assert.deepEqual(world.failures, []);
});

test("a snapshot deleted while a seek to it is under way leaves no hole", async () => {
  const world = await openWorld();
  await world.publish("one");
  await snapshot(world);
  await ackAll(world);
  let release = (): void => undefined;
  world.storage.beforeCommit = (writes) => {
    if (!writes.some((write) => write.kind === "appendIf" && write.replace)) return undefined;
    return new Promise<void>((resolve) => {
      release = resolve;
    });
  };
  const sought = seekSnapshot(world);
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  await world.engine.deleteSnapshot(SNAPSHOT);
  await world.clock.advance(HOUR_MS, () => new Promise(setImmediate));
  world.storage.beforeCommit = () => undefined;
  release();
  await sought;
  await world.advance(HOUR_MS);
  assert.deepEqual(await received(world), ["one"]);
});

test("a seek that finds no space changes nothing", async () => {
  const world = await openWorld({ retainAckedMessages: true });
  await world.publish("one");
  await snapshot(world);
  await ackAll(world);
  world.storage.beforeCommit = (writes) => {
    if (writes.some((write) => write.kind === "appendIf")) throw new StorageError("Full", "planted");
  };
  await assert.rejects(seekTime(world, 0), { code: "RESOURCE_EXHAUSTED" });
  await assert.rejects(seekSnapshot(world), { code: "RESOURCE_EXHAUSTED" });
  world.storage.beforeCommit = () => undefined;
  assert.deepEqual(await received(world), []);
  await seekTime(world, 0);
  assert.deepEqual(await received(world), ["one"]);
});

test("a kill at any commit of a seek leaves the state of before or the whole of the new one", async () => {
  for (const isToSnapshot of [false, true]) {
    for (let allowed = 0; allowed < 3; allowed += 1) {
      const world = await openWorld({ retainAckedMessages: true });
      await world.publish("one", "two");
      await snapshot(world);
      await ackAll(world);
      let commits = 0;
      world.storage.beforeCommit = () => {
        commits += 1;
        if (commits > allowed) throw new StorageError("Unknown", "killed");
      };
      const sought = isToSnapshot ? seekSnapshot(world) : seekTime(world, 0);
      const isConfirmed = await sought.then(
        () => true,
        () => false,
      );
      world.storage.beforeCommit = () => undefined;
      await world.start();
      assert.deepEqual(await received(world), isConfirmed ? ["one", "two"] : []);
      assert.equal(isConfirmed, allowed > 0);
    }
  }
});

test("a snapshot whose contents cannot be read fails the seek, and nothing else", async () => {
  const world = await openWorld();
  await world.publish("one");
  await snapshot(world);
  for await (const log of world.storage.logs("snapshot")) {
    const data = Buffer.from("not a record");
    await world.storage.commit([{ kind: "appendIf", log, previous: 1, data, timeMs: 0, replace: true }]);
  }
  await assert.rejects(seekSnapshot(world), { code: "INTERNAL" });
  assert.deepEqual(world.failures, []);
  assert.deepEqual(await ackAll(world), ["one"]);
  await seekTime(world, 0);
});

test("a seek says what it cannot do", async () => {
  const world = await openWorld();
  await assert.rejects(seekTime(world, 0, OTHER), { code: "NOT_FOUND", message: /resource=other/ });
  await assert.rejects(seekSnapshot(world), { code: "NOT_FOUND", message: /resource=n/ });
  await world.engine.createSubscription(subscriptionSettings({ name: OTHER }));
  await world.engine.detachSubscription(OTHER);
  await assert.rejects(seekTime(world, 0, OTHER), { code: "FAILED_PRECONDITION", message: /detached/ });
  await world.engine.deleteTopic(TOPIC);
  await assert.rejects(seekTime(world, 0), { code: "FAILED_PRECONDITION", message: /topic .* was deleted/ });
});

test("what is published and acked around a seek lands on one side of it", async () => {
  const world = await openWorld({ retainAckedMessages: true });
  const [oneAtMs] = await publishApart(world, "one", "two");
  const puller = world.pull();
  await world.settle();
  const acked = world.engine.acknowledge(SUBSCRIPTION, puller.ackIds());
  const sought = seekTime(world, oneAtMs!);
  const published = world.publish("three");
  await Promise.all([acked, sought, published]);
  puller.puller!.close();
  await world.start();
  assert.deepEqual(await received(world), ["one", "two", "three"]);
});
