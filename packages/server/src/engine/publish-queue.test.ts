import assert from "node:assert/strict";
import { test } from "node:test";
import type { Write } from "@peal/store";
import { batchOf, SUBSCRIPTION, TestWorld, TOPIC } from "./engine.test.support.js";

function appends(commits: readonly (readonly Write[])[]): (Write & { kind: "append" })[] {
  return commits.flat().filter((write) => write.kind === "append");
}

test("publishes of one turn share a block, and each gets the ids of its own messages", async () => {
  const world = await TestWorld.open();
  const puller = world.pull();
  const ids = await Promise.all([world.publish("a"), world.publish("b", "c"), world.publish("d")]);
  assert.equal(appends(world.storage.commits).length, 1);
  assert.deepEqual(ids, [ids[0], ids[0]! + 1, ids[0]! + 3]);
  await world.settle();
  assert.deepEqual(
    puller.received.map(({ text, messageId }) => [text, messageId - ids[0]!]),
    [
      ["a", 0],
      ["b", 1],
      ["c", 2],
      ["d", 3],
    ],
  );
});

test("what arrives during a commit waits for its end and goes together", async () => {
  const world = await TestWorld.open();
  await world.publish("first");
  let release = (): void => undefined;
  world.storage.beforeCommit = () =>
    new Promise<void>((resolve) => {
      release = resolve;
    });
  const held = world.publish("held");
  await new Promise(setImmediate);
  const rest = [world.publish("a"), world.publish("b")];
  await new Promise(setImmediate);
  world.storage.beforeCommit = () => undefined;
  release();
  await Promise.all([held, ...rest]);
  assert.deepEqual(
    appends(world.storage.commits).map((write) => write.count),
    [1, 1, 2],
  );
});

test("a block ends where the next request would make it too big or too long", async () => {
  const world = await TestWorld.open({ limits: { blockBytes: 100, blockMessages: 4 } });
  await Promise.all([
    world.engine.publish(TOPIC, batchOf(["x".repeat(90)])),
    world.engine.publish(TOPIC, batchOf(["x".repeat(500)])),
    world.publish("a", "b", "c"),
    world.publish("d", "e"),
  ]);
  assert.deepEqual(
    appends(world.storage.commits).map((write) => write.count),
    [1, 1, 3, 2],
  );
});

test("publishes beyond what may wait are refused, and let in again when the log has taken the rest", async () => {
  const world = await TestWorld.open({ limits: { waitingBytes: 1_000 } });
  const letIn = world.engine.publish(TOPIC, batchOf(["x".repeat(2_000)]));
  await assert.rejects(world.publish("more"), { code: "RESOURCE_EXHAUSTED" });
  await letIn;
  await world.publish("again");
  assert.equal(world.engine.stats().waitingBytes, 0);
});

test("a request that says what it does not hold is refused alone", async () => {
  const world = await TestWorld.open();
  const bad = { ...batchOf(["one"]), lengths: [50_000] };
  await assert.rejects(world.engine.publish(TOPIC, bad), { code: "INTERNAL" });
  await assert.rejects(world.engine.publish(TOPIC, batchOf([])), { code: "INTERNAL" });
  const puller = world.pull();
  await world.publish("good");
  await world.settle();
  assert.deepEqual(puller.texts(), ["good"]);
});

test("a publish time never falls, though the clock is set back and the server restarted", async () => {
  const world = await TestWorld.open();
  const puller = world.pull();
  await world.publish("one");
  world.clock.jumpWall(-3_600_000);
  await world.publish("two");
  await world.start();
  const after = world.pull();
  await world.publish("three");
  await world.settle();
  const [one, two] = puller.received;
  const three = after.received.find((message) => message.text === "three");
  assert.equal(two!.publishTimeMs, one!.publishTimeMs);
  assert.equal(three!.publishTimeMs, one!.publishTimeMs);
  assert.ok(three!.messageId > two!.messageId);
  assert.equal(world.engine.getSubscription(SUBSCRIPTION).hasTopic, true);
});

test("a slow store is handed a few blocks at a time, however much waits", async () => {
  const world = await TestWorld.open({ limits: { blockBytes: 100 } });
  await world.publish("first");
  let underWay = 0;
  let most = 0;
  world.storage.beforeCommit = async () => {
    underWay += 1;
    most = Math.max(most, underWay);
    await new Promise(setImmediate);
    underWay -= 1;
  };
  await Promise.all(Array.from({ length: 50 }, () => world.engine.publish(TOPIC, batchOf(["x".repeat(90)]))));
  assert.ok(most > 1 && most <= 4, `${most} commits at once`);
});
