import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.js";
import { ackIdOf, dataOf } from "../context.js";
import { drainByKey, ORDERED, publishKeyed } from "./ordering.js";

const NEEDS = ["ordering"] as const;

/** Ordering where time passes or the server goes down. */
export const ORDERING_TIME_CASES: readonly ConformanceCase[] = [
  {
    id: "ORD-004",
    title: "an expired message comes back before the later ones of its key, whatever their leases",
    needs: NEEDS,
    clockSeconds: 11,
    run: async (context) => {
      const { topic, subscription } = await context.createPair({ ...ORDERED, ackDeadlineSeconds: 10 });
      await publishKeyed(context, topic, "key", "1", "2", "3");
      const stream = context.openStream(subscription, { streamAckDeadlineSeconds: 10 });
      const [, second, third] = await stream.waitForMessages(3);
      await context.modifyAckDeadline(subscription, [ackIdOf(second), ackIdOf(third)], 600);
      await context.advance(11);
      const again = (await stream.waitForMessages(6)).slice(3, 6);
      assert.deepEqual(again.map(dataOf), ["1", "2", "3"]);
    },
  },
  {
    id: "ORD-005",
    title: "a message in its backoff holds up its key and no other",
    needs: ["ordering", "retry policy"],
    clockSeconds: 13,
    run: async (context) => {
      const backoff = { minimumBackoff: { seconds: 10 }, maximumBackoff: { seconds: 10 } };
      const { topic, subscription } = await context.createPair({ ...ORDERED, retryPolicy: backoff });
      await publishKeyed(context, topic, "slow", "1", "2");
      const [head] = await context.pull(subscription, 1);
      await context.modifyAckDeadline(subscription, [ackIdOf(head)], 0);
      await publishKeyed(context, topic, "slow", "3");
      await publishKeyed(context, topic, "quick", "1", "2");
      assert.deepEqual(await drainByKey(context, subscription), { quick: ["1", "2"] });
      await context.advance(13);
      assert.deepEqual(await drainByKey(context, subscription), { slow: ["1", "2", "3"] });
    },
  },
  {
    id: "ORD-013",
    title: "order survives a clean stop",
    needs: NEEDS,
    ownsServer: true,
    run: async (context) => {
      const server = await context.startDurableServer({ hasTestClock: true });
      const { topic, subscription } = await context.createPair({ ...ORDERED, ackDeadlineSeconds: 10 });
      const texts = Array.from({ length: 20 }, (_, index) => String(index));
      for (const text of texts) {
        for (const key of ["a", "b"]) await publishKeyed(context, topic, key, text);
      }
      const out = await context.pullNow(subscription, 6);
      const heads = out.filter((one) => dataOf(one) === "0");
      await context.acknowledge(subscription, heads.map(ackIdOf));
      await server.restart();
      await context.advance(11);
      const acked = new Set(heads.map((one) => one.message?.orderingKey));
      const left = (key: string): string[] => (acked.has(key) ? texts.slice(1) : texts);
      assert.deepEqual(await drainByKey(context, subscription), { a: left("a"), b: left("b") });
    },
  },
  {
    id: "ORD-013",
    title: "order survives a kill in the middle of deliveries, acks and publishes, and nothing is lost",
    needs: NEEDS,
    ownsServer: true,
    run: async (context) => {
      const server = await context.startDurableServer();
      const { topic, subscription } = await context.createPair({ ...ORDERED, ackDeadlineSeconds: 60 });
      const keys = ["a", "b", "c"];
      const published: Record<string, string[]> = Object.fromEntries(keys.map((key) => [key, []]));
      const seen: Record<string, string[]> = Object.fromEntries(keys.map((key) => [key, []]));
      const stream = context.openStream(subscription, { streamAckDeadlineSeconds: 60 });
      await stream.opened();
      const publishing = keys.map(async (key) => {
        // The kill ends this loop: a publish whose answer did not come counts as neither.
        for (let index = 0; index < 2_000; index += 1) {
          const isDone = await publishKeyed(context, topic, key, String(index)).then(
            () => true,
            () => false,
          );
          if (!isDone) return;
          published[key]?.push(String(index));
        }
      });
      await stream.waitForMessages(150, 20_000);
      // Every other message of each key so far is acked, by its order in the key.
      const acked = stream.messages.slice(0, 100);
      stream.write({ ackIds: acked.map(ackIdOf) });
      await stream.waitForMessages(200, 20_000);
      await server.kill();
      await Promise.all(publishing);
      await server.start();
      const drained = await drainByKey(context, subscription);
      for (const key of keys) {
        const before = stream.messages.filter((one) => one.message?.orderingKey === key).map(dataOf);
        const after = drained[key] ?? [];
        assert.deepEqual(
          before,
          before.map((_, index) => String(index)),
          `${key} came in order before the kill`,
        );
        const start = Number(after[0] ?? published[key]?.length);
        assert.deepEqual(
          after,
          after.map((_, index) => String(start + index)),
          `${key} comes in order after the kill`,
        );
        assert.ok(start <= before.length, `${key}: nothing between ${before.length} and ${start} is lost`);
        seen[key] = [...new Set([...before, ...after])];
        const missing = published[key]?.filter((text) => !seen[key]?.includes(text));
        assert.deepEqual(missing, [], `${key}: every answered publish is delivered`);
      }
    },
  },
];
