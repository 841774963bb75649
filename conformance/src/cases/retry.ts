import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.js";
import { ackIdOf, type Context, dataOf } from "../context.js";

const NEEDS = ["retry policy"] as const;

const policy = (minimumSeconds: number, maximumSeconds: number) => ({
  retryPolicy: { minimumBackoff: { seconds: minimumSeconds }, maximumBackoff: { seconds: maximumSeconds } },
});

/** Pulls one message and nacks it. */
async function nackOne(context: Context, subscription: string): Promise<void> {
  const [received] = await context.pull(subscription, 1);
  await context.modifyAckDeadline(subscription, [ackIdOf(received)], 0);
}

/** Fails unless the message comes between `earliest` and `latest` seconds from now, and no sooner. */
async function expectAfter(context: Context, subscription: string, earliest: number, latest: number): Promise<void> {
  await context.advance(earliest);
  await context.expectNothing(subscription, `nothing comes within ${earliest} s`);
  await context.advance(latest - earliest);
  const received = await context.pullNow(subscription);
  assert.deepEqual(received.map(dataOf), ["m"], `it comes within ${latest} s`);
  await context.modifyAckDeadline(subscription, received.map(ackIdOf), 0);
}

export const RETRY_CASES: readonly ConformanceCase[] = [
  {
    id: "RTY-001",
    title: "without a policy a nacked message comes back at once",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      await context.publish(topic, "m");
      for (let attempt = 0; attempt < 5; attempt += 1) {
        const [received] = await context.pull(subscription, 1, 3_000);
        await context.modifyAckDeadline(subscription, [ackIdOf(received)], 0);
      }
    },
  },
  {
    id: "RTY-002",
    title: "the backoff begins at its minimum, doubles, and ends at its maximum",
    needs: NEEDS,
    clockSeconds: 200,
    run: async (context) => {
      const { topic, subscription } = await context.createPair(policy(10, 40));
      await context.publish(topic, "m");
      await nackOne(context, subscription);
      // The first backoff is not below the minimum; later ones may be off by a fifth (S-10.2).
      await expectAfter(context, subscription, 9.5, 12.5);
      await expectAfter(context, subscription, 15.5, 24.5);
      await expectAfter(context, subscription, 31.5, 48.5);
      await expectAfter(context, subscription, 31.5, 48.5);
    },
  },
  {
    id: "RTY-003",
    title: "a backoff of 0 is none",
    needs: NEEDS,
    run: async (context) => {
      const { topic, subscription } = await context.createPair(policy(0, 0));
      await context.publish(topic, "m");
      for (let attempt = 0; attempt < 5; attempt += 1) await nackOne(context, subscription);
      assert.equal((await context.pull(subscription, 1, 3_000)).length, 1);
    },
  },
  {
    id: "RTY-004",
    title: "the backoff follows an expired lease, too",
    needs: NEEDS,
    clockSeconds: 40,
    run: async (context) => {
      const { topic, subscription } = await context.createPair({ ackDeadlineSeconds: 10, ...policy(20, 600) });
      await context.publish(topic, "m");
      await context.pull(subscription, 1);
      await context.advance(11);
      await expectAfter(context, subscription, 18, 24.5);
    },
  },
  {
    id: "RTY-005",
    title: "without its policy a subscription has no backoff any more",
    needs: NEEDS,
    run: async (context) => {
      const { topic, subscription } = await context.createPair(policy(600, 600));
      await context.subscriber.updateSubscription({
        subscription: { name: subscription },
        updateMask: { paths: ["retry_policy"] },
      });
      await context.publish(topic, "m");
      for (let attempt = 0; attempt < 3; attempt += 1) await nackOne(context, subscription);
      assert.equal((await context.pull(subscription, 1, 3_000)).length, 1);
    },
  },
  {
    id: "RTY-002",
    title: "a late ack ends the backoff for good",
    needs: NEEDS,
    clockSeconds: 30,
    run: async (context) => {
      const { topic, subscription } = await context.createPair(policy(10, 10));
      await context.publish(topic, "m");
      const [received] = await context.pull(subscription, 1);
      await context.modifyAckDeadline(subscription, [ackIdOf(received)], 0);
      await context.acknowledge(subscription, [ackIdOf(received)]);
      await context.advance(30);
      await context.expectNothing(subscription, "the message was acked in its backoff");
    },
  },
  {
    id: "RTY-002",
    title: "a kill begins the running backoff anew, with the length it had",
    needs: NEEDS,
    ownsServer: true,
    run: async (context) => {
      const server = await context.startDurableServer({ hasTestClock: true });
      const { topic, subscription } = await context.createPair(policy(30, 600));
      await context.publish(topic, "m");
      await nackOne(context, subscription);
      await context.advance(37);
      await nackOne(context, subscription);
      await server.killAndRestart();
      // The second backoff is a minute, give or take a fifth.
      await expectAfter(context, subscription, 47, 73);
    },
  },
];
