import assert from "node:assert/strict";
import { test } from "node:test";
import { StorageError } from "@peal/store";
import { RecordingPuller, subscriptionSettings, TestWorld } from "./engine.test.support.js";

const ONCE = "projects/p/subscriptions/once";

/** A world in which a seek to the very beginning is on its way into the log, and a message is out. */
async function seekingWorld(isRefused: boolean): Promise<{
  readonly world: TestWorld;
  readonly puller: RecordingPuller;
  readonly sought: Promise<void>;
  readonly release: () => void;
}> {
  const world = await TestWorld.open();
  await world.engine.createSubscription(subscriptionSettings({ name: ONCE, isExactlyOnce: true }));
  await world.publish("one");
  const puller = world.pull(new RecordingPuller(1_000, false), {}, ONCE);
  await world.settle();
  let release = (): void => undefined;
  world.storage.beforeCommit = (writes) => {
    if (!writes.some((write) => write.kind === "appendIf" && write.replace === true)) return undefined;
    return new Promise<void>((resolve, reject) => {
      release = () => (isRefused ? reject(new StorageError("Full", "planted")) : resolve());
    });
  };
  const sought = world.engine.seek(ONCE, { kind: "time", timeMs: 1 });
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  return { world, puller, sought, release: () => release() };
}

test("an ack that comes while a seek is written is not confirmed, and its message comes again", async () => {
  const { world, puller, sought, release } = await seekingWorld(false);
  const acked = world.engine.acknowledge(ONCE, puller.ackIds());
  release();
  await sought;
  assert.deepEqual(await acked, [{ ackId: puller.ackIds()[0]!, reason: "invalid" }]);
  puller.ready();
  await world.settle();
  assert.deepEqual(puller.texts(), ["one", "one"]);
});

test("what comes while a seek is written that finds no space goes on as if there had been none", async () => {
  const { world, puller, sought, release } = await seekingWorld(true);
  const acked = world.engine.acknowledge(ONCE, puller.ackIds());
  const published = world.publish("two");
  world.storage.beforeCommit = () => undefined;
  release();
  await assert.rejects(sought, { code: "RESOURCE_EXHAUSTED" });
  assert.deepEqual(await acked, []);
  await published;
  puller.ready();
  await world.settle();
  assert.deepEqual(puller.texts(), ["one", "two"]);
});
