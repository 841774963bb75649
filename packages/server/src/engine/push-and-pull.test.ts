import assert from "node:assert/strict";
import { test } from "node:test";
import { RecordingPuller, SUBSCRIPTION, subscriptionSettings, TestWorld } from "./engine.test.support.js";
import type { PushConfig } from "./settings.js";

const PUSHED = "projects/p/subscriptions/pushed";
const CONFIG: PushConfig = { endpoint: "https://example.com/a", attributes: {} };
const WRONG_TYPE = {
  code: "FAILED_PRECONDITION",
  message: "This method is not supported for this subscription type.",
};

async function pushedWorld(): Promise<TestWorld> {
  const world = await TestWorld.open();
  await world.engine.createSubscription(subscriptionSettings({ name: PUSHED, pushConfig: CONFIG }));
  return world;
}

test("a subscription that is pushed to is not pulled from, and one that is pulled from is not pushed", async () => {
  const world = await pushedWorld();
  assert.throws(() => world.pull(undefined, {}, PUSHED), WRONG_TYPE);
  assert.throws(() => world.pull(undefined, { isPush: true }), WRONG_TYPE);
  await world.publish("one");
  const pushing = world.pull(undefined, { isPush: true }, PUSHED);
  await world.settle();
  assert.deepEqual(pushing.texts(), ["one"]);
});

test("a change from pull to push ends the pulls, one back ends the pushes, and the backlog stays", async () => {
  const world = await TestWorld.open();
  const pulling = world.pull();
  await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({ ...present, pushConfig: CONFIG }));
  assert.equal(pulling.error?.message, WRONG_TYPE.message);
  await world.publish("one");
  const pushing = world.pull(new RecordingPuller(), { isPush: true });
  await world.settle();
  assert.deepEqual([pushing.texts(), pushing.error], [["one"], undefined]);
  await world.engine.updateSubscription(SUBSCRIPTION, ({ pushConfig: _none, ...present }) => present);
  assert.equal(pushing.error?.code, "FAILED_PRECONDITION");
  await world.advance(10_001);
  const again = world.pull();
  await world.settle();
  assert.deepEqual(again.texts(), ["one"]);
});

test("whoever watches push configs is told of each until it is gone, also after a restart", async () => {
  const world = await pushedWorld();
  const told: (readonly [string, string | undefined])[] = [];
  const tell = (name: string, config: PushConfig | undefined): void => {
    told.push([name, config?.endpoint]);
  };
  world.engine.watchPushConfigs(tell);
  await world.start();
  world.engine.watchPushConfigs(tell);
  await world.engine.updateSubscription(PUSHED, (present) => ({
    ...present,
    pushConfig: { ...CONFIG, endpoint: "https://example.com/b" },
  }));
  await world.engine.updateSubscription(PUSHED, (present) => ({ ...present, labels: { a: "b" } }));
  await world.engine.detachSubscription(PUSHED);
  await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({ ...present, pushConfig: CONFIG }));
  await world.engine.deleteSubscription(SUBSCRIPTION);
  assert.deepEqual(told, [
    [PUSHED, "https://example.com/a"],
    [PUSHED, "https://example.com/a"],
    [PUSHED, "https://example.com/b"],
    [PUSHED, undefined],
    [SUBSCRIPTION, "https://example.com/a"],
    [SUBSCRIPTION, undefined],
  ]);
});
test("a puller is told its subscription's properties before anything else, and each change of them", async () => {
  const world = await TestWorld.open();
  const puller = world.pull();
  assert.deepEqual(puller.properties, { isExactlyOnce: false, isOrdered: false });
  await world.engine.updateSubscription(SUBSCRIPTION, (present) => ({ ...present, isExactlyOnce: true }));
  assert.deepEqual(puller.properties, { isExactlyOnce: true, isOrdered: false });
  const name = "projects/p/subscriptions/ordered";
  await world.engine.createSubscription(subscriptionSettings({ name, isOrdered: true }));
  assert.deepEqual(world.pull(undefined, {}, name).properties, { isExactlyOnce: false, isOrdered: true });
});
