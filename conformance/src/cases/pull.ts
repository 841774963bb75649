import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { ConformanceCase } from "../conformance-case.js";
import { ackIdOf, dataOf } from "../context.js";
import { invalidArgument, notFound, WRONG_SUBSCRIPTION_TYPE } from "../texts.js";

/** Time for a call to reach the server and wait there; nothing observable tells that it does. */
const SETTLE_MS = 300;
const MEGABYTE = 1_000_000;

export const PULL_CASES: readonly ConformanceCase[] = [
  {
    id: "PULL-001",
    title: "max_messages is positive, and at most 1000 messages come at once",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      for (const maxMessages of [0, -1]) {
        const call = context.pullNow(subscription, maxMessages);
        await context.refuses(call, "INVALID_ARGUMENT", invalidArgument("max_messages"));
      }
      for (let batch = 0; batch < 2; batch += 1) {
        await context.publish(topic, ...Array.from({ length: 1000 }, (_, index) => `m${index}`));
      }
      const count = (await context.pullNow(subscription, 5000)).length;
      assert.ok(count > 0 && count <= 1000, `came ${count}`);
    },
  },
  {
    id: "PULL-002",
    title: "a pull of nothing returns nothing before the client's deadline",
    run: async (context) => {
      const { subscription } = await context.createPair();
      const deadlineMs = 8_000;
      assert.deepEqual(await context.raw.pull(subscription, 10, deadlineMs).messages, []);
    },
  },
  {
    id: "PULL-003",
    title: "a waiting pull returns when a message is published",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      const pulled = context.raw.pull(subscription, 10, 30_000).messages;
      await sleep(SETTLE_MS);
      const publishedAtMs = Date.now();
      await context.publish(topic, "awaited");
      assert.deepEqual((await pulled).map(dataOf), ["awaited"]);
      assert.ok(Date.now() - publishedAtMs < 3_000, "the pull returns at once");
    },
  },
  {
    id: "PULL-004",
    title: "return_immediately answers at once",
    run: async (context) => {
      const { subscription } = await context.createPair();
      const startedAtMs = Date.now();
      assert.deepEqual(await context.pullNow(subscription), []);
      assert.ok(Date.now() - startedAtMs < 2_000, "the pull does not wait");
    },
  },
  {
    id: "PULL-005",
    title: "a waiting pull that is cancelled leases nothing",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      const call = context.raw.pull(subscription, 10, 30_000);
      await sleep(SETTLE_MS);
      call.cancel();
      await context.refuses(call.messages, "CANCELLED");
      await sleep(SETTLE_MS);
      await context.publish(topic, "still here");
      assert.deepEqual((await context.pullNow(subscription)).map(dataOf), ["still here"]);
    },
  },
  {
    id: "PULL-006",
    title: "a response holds about 10 MB at most, and one message at least",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      for (let count = 0; count < 4; count += 1)
        await context.publish(topic, { data: Buffer.alloc(4 * MEGABYTE, "x") });
      let left = 4;
      while (left > 0) {
        const received = await context.pull(subscription, 1).then(async ([one]) => {
          const more = await context.pullNow(subscription, 10);
          return { one, more };
        });
        const bytes = received.more.reduce((sum, message) => sum + dataOf(message).length, 0);
        assert.ok(bytes <= 10.5 * MEGABYTE, `one response held ${bytes} bytes`);
        left -= 1 + received.more.length;
        await context.acknowledge(subscription, [ackIdOf(received.one), ...received.more.map(ackIdOf)]);
      }
      await context.publish(topic, { data: Buffer.alloc(9.9 * MEGABYTE, "x") });
      assert.equal((await context.pull(subscription, 1)).length, 1);
    },
  },
  {
    id: "PULL-007",
    title: "pulling from a push subscription is refused; the emulator returns nothing",
    needs: ["push"],
    run: async (context) => {
      const pushEndpoint = context.isService ? "https://127.0.0.1:1/" : "http://127.0.0.1:1/";
      const { subscription } = await context.createPair({ pushConfig: { pushEndpoint } });
      const call = context.pullNow(subscription);
      if (context.isService) await context.refuses(call, "FAILED_PRECONDITION", WRONG_SUBSCRIPTION_TYPE);
      else assert.deepEqual(await call, []);
    },
  },
  {
    id: "PULL-008",
    title: "a pull from a deleted subscription is NOT_FOUND, a waiting one too",
    run: async (context) => {
      const { subscription } = await context.createPair();
      const waiting = context.raw.pull(subscription, 10, 30_000);
      // Heard below; a rejection before that is no surprise.
      waiting.messages.catch(() => undefined);
      await sleep(SETTLE_MS);
      await context.subscriber.deleteSubscription({ subscription });
      await context.refuses(context.pullNow(subscription), "NOT_FOUND", notFound(subscription));
      await context.refuses(waiting.messages, "NOT_FOUND", notFound(subscription));
    },
  },
  {
    id: "PULL-009",
    title: "concurrent pulls never share a message",
    run: async (context) => {
      const { topic, subscription } = await context.createPair({ ackDeadlineSeconds: 60 });
      await context.publish(topic, ...Array.from({ length: 500 }, (_, index) => `m${index}`));
      const pulls = await Promise.all(Array.from({ length: 10 }, () => context.pullNow(subscription, 50)));
      const ids = pulls.flat().map((one) => one.message?.messageId);
      assert.ok(ids.length > 0, "something came");
      assert.equal(new Set(ids).size, ids.length);
    },
  },
  {
    id: "PULL-010",
    title: "the oldest messages come first",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      const sent = Array.from({ length: 20 }, (_, index) => `m${index}`);
      for (const text of sent) await context.publish(topic, text);
      assert.deepEqual((await context.pull(subscription, 5)).map(dataOf), sent.slice(0, 5));
    },
  },
];
