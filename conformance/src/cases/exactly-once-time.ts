import assert from "node:assert/strict";
import { expectFailedIds, PERMANENT } from "../ack-failure.js";
import type { ConformanceCase } from "../conformance-case.js";
import { ackIdOf, dataOf } from "../context.js";
import { deliverOnce } from "./exactly-once.js";

const NEEDS = ["exactly-once"] as const;
const EXACTLY_ONCE = { enableExactlyOnceDelivery: true } as const;

/** Exactly-once where time passes, much happens at once, or the server is killed. */
export const EXACTLY_ONCE_TIME_CASES: readonly ConformanceCase[] = [
  {
    id: "EOD-001",
    title: "an ack with the latest id is final",
    needs: NEEDS,
    clockSeconds: 12,
    run: async (context) => {
      const { subscription, ackId } = await deliverOnce(context, ["m"], { ackDeadlineSeconds: 10 });
      await context.acknowledge(subscription, [ackId]);
      await context.advance(12);
      await context.expectNothing(subscription, "an acked message is gone");
    },
  },
  {
    id: "EOD-002",
    title: "an ack after the deadline fails, although the message is not out again",
    needs: NEEDS,
    clockSeconds: 11,
    run: async (context) => {
      const { subscription, ackId } = await deliverOnce(context, ["m"], { ackDeadlineSeconds: 10 });
      await context.advance(11);
      await expectFailedIds(context, context.acknowledge(subscription, [ackId]), { [ackId]: PERMANENT });
      assert.deepEqual((await context.pull(subscription, 1)).map(dataOf), ["m"]);
    },
  },
  {
    id: "EOD-005",
    title: "a modack after the deadline fails, although the message is not out again",
    needs: NEEDS,
    clockSeconds: 11,
    run: async (context) => {
      const { subscription, ackId } = await deliverOnce(context, ["m"], { ackDeadlineSeconds: 10 });
      await context.advance(11);
      await expectFailedIds(context, context.modifyAckDeadline(subscription, [ackId], 60), { [ackId]: PERMANENT });
      assert.deepEqual((await context.pull(subscription, 1)).map(dataOf), ["m"]);
    },
  },
  {
    id: "EOD-013",
    title: "an ack that is repeated within ten minutes is a success",
    needs: NEEDS,
    clockSeconds: 540,
    run: async (context) => {
      const { subscription, ackId } = await deliverOnce(context, ["m"], { ackDeadlineSeconds: 10 });
      await context.acknowledge(subscription, [ackId]);
      await context.acknowledge(subscription, [ackId]);
      await context.advance(540);
      await context.acknowledge(subscription, [ackId]);
      await context.expectNothing(subscription, "an acked message is gone");
    },
  },
  {
    id: "EOD-008",
    title: "under load nothing comes twice while its lease lives, over streams and pulls",
    needs: NEEDS,
    timeoutMs: 60_000,
    run: async (context) => {
      const { topic, subscription } = await context.createPair({ ...EXACTLY_ONCE, ackDeadlineSeconds: 600 });
      const streams = Array.from({ length: 3 }, () =>
        context.openStream(subscription, { streamAckDeadlineSeconds: 600, maxOutstandingMessages: 100 }),
      );
      await Promise.all(streams.map((stream) => stream.opened()));
      const ids: string[] = [];
      const pulled = async (): Promise<void> => {
        while (ids.length < 2_000) {
          const received = await context.pullNow(subscription, 50);
          ids.push(...received.map((one) => one.message?.messageId ?? ""));
          // Every other pull leaves its messages out until the end.
          if (received.length > 0 && ids.length % 2 === 0)
            await context.acknowledge(subscription, received.map(ackIdOf));
          if (received.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
        }
      };
      const taken = streams.map(() => 0);
      const streamed = async (): Promise<void> => {
        while (ids.length < 2_000) {
          for (const [index, stream] of streams.entries()) {
            const fresh = stream.messages.slice(taken[index]);
            taken[index] = stream.messages.length;
            ids.push(...fresh.map((one) => one.message?.messageId ?? ""));
            if (fresh.length > 0) stream.write({ ackIds: fresh.map(ackIdOf) });
          }
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      };
      const published: string[] = [];
      const publishing = async (): Promise<void> => {
        for (let round = 0; round < 40; round += 1) {
          const texts = Array.from({ length: 50 }, (_, index) => `${round}-${index}`);
          published.push(...(await context.publish(topic, ...texts)));
        }
      };
      await Promise.all([publishing(), pulled(), pulled(), streamed()]);
      assert.deepEqual([...ids].sort(), published.sort());
      await context.expectNothing(subscription, "all are acked or leased");
    },
  },
  {
    id: "EOD-014",
    title: "confirmed acks survive a kill, unary and on a stream",
    needs: NEEDS,
    ownsServer: true,
    run: async (context) => {
      const server = await context.startDurableServer({ hasTestClock: true });
      const { topic, subscription } = await context.createPair({ ...EXACTLY_ONCE, ackDeadlineSeconds: 60 });
      const texts = Array.from({ length: 200 }, (_, index) => `m${index}`);
      await context.publish(topic, ...texts);
      const stream = context.openStream(subscription, { streamAckDeadlineSeconds: 60, maxOutstandingMessages: 100 });
      const byStream = [...(await stream.waitForMessages(100))].slice(0, 100);
      const byPull = await context.pull(subscription, 100);
      stream.write({ ackIds: byStream.map(ackIdOf) });
      const acked = () => stream.responses.flatMap((one) => one.acknowledgeConfirmation?.ackIds ?? []);
      await Promise.all([
        stream.waitFor(() => acked().length >= 100, "100 confirmations"),
        context.acknowledge(subscription, byPull.map(ackIdOf)),
      ]);
      await server.killAndRestart();
      await context.advance(61);
      await context.expectNothing(subscription, "all acks were confirmed");
    },
  },
  {
    id: "EOD-014",
    title: "after a kill what was out stays out until its deadline, and its id is good until then",
    needs: NEEDS,
    ownsServer: true,
    run: async (context) => {
      const server = await context.startDurableServer({ hasTestClock: true });
      const { topic, subscription } = await context.createPair({ ...EXACTLY_ONCE, ackDeadlineSeconds: 60 });
      await context.publish(topic, "acked", "extended", "expired");
      const received = await context.pull(subscription, 3);
      const idOf = (text: string) => ackIdOf(received.find((one) => dataOf(one) === text));
      await context.modifyAckDeadline(subscription, [idOf("extended")], 600);
      await server.killAndRestart();
      await context.expectNothing(subscription, "every lease lives");
      await context.acknowledge(subscription, [idOf("acked")]);
      await context.advance(61);
      assert.deepEqual((await context.pullNow(subscription)).map(dataOf), ["expired"]);
      const late = idOf("expired");
      await expectFailedIds(context, context.acknowledge(subscription, [late]), { [late]: PERMANENT });
      await context.acknowledge(subscription, [idOf("extended")]);
    },
  },
  {
    id: "EOD-014",
    title: "a kill under load gives nobody again what a stream was given, while its lease lives, and loses nothing",
    needs: NEEDS,
    ownsServer: true,
    run: async (context) => {
      const server = await context.startDurableServer({ hasTestClock: true });
      const { topic, subscription } = await context.createPair({ ...EXACTLY_ONCE, ackDeadlineSeconds: 60 });
      const stream = context.openStream(subscription, { streamAckDeadlineSeconds: 60, maxOutstandingMessages: 500 });
      await stream.opened();
      const published = new Set<string>();
      const publishing = (async (): Promise<void> => {
        for (;;) {
          const texts = Array.from({ length: 20 }, (_, index) => String(index));
          const ids = await context.publish(topic, ...texts).catch(() => undefined);
          // The kill ends this loop; a publish whose answer did not come counts as neither.
          if (ids === undefined) return;
          for (const id of ids) published.add(id);
        }
      })();
      const confirmed = new Set<string>();
      let asked = 0;
      await stream.waitFor(
        () => {
          // Every other delivery is acked as it comes.
          const fresh = stream.messages.slice(asked).filter((_, index) => (asked + index) % 2 === 0);
          asked = stream.messages.length;
          if (fresh.length > 0) stream.write({ ackIds: fresh.map(ackIdOf) });
          for (const one of stream.responses) {
            for (const id of one.acknowledgeConfirmation?.ackIds ?? []) confirmed.add(id);
          }
          return stream.messages.length >= 400 && confirmed.size >= 100;
        },
        "400 deliveries and 100 confirmations",
        20_000,
      );
      await server.kill();
      await Promise.all([publishing, stream.ended]);
      const given = new Set(stream.messages.map((one) => one.message?.messageId ?? ""));
      const final = stream.messages.filter((one) => confirmed.has(ackIdOf(one))).map((one) => one.message?.messageId);
      await server.start();
      const drain = async (): Promise<string[]> => {
        const ids: string[] = [];
        for (let received = await context.pullNow(subscription, 1_000); received.length > 0; ) {
          ids.push(...received.map((one) => one.message?.messageId ?? ""));
          await context.acknowledge(subscription, received.map(ackIdOf));
          received = await context.pullNow(subscription, 1_000);
        }
        return ids;
      };
      const atOnce = await drain();
      assert.deepEqual(
        atOnce.filter((id) => given.has(id)),
        [],
        "what was given is leased still",
      );
      await context.advance(61);
      const later = await drain();
      assert.deepEqual(
        later.filter((id) => final.includes(id)),
        [],
        "a confirmed ack is final",
      );
      const all = new Set([...atOnce, ...later, ...given]);
      assert.deepEqual(
        [...published].filter((id) => !all.has(id)),
        [],
        "nothing is lost",
      );
      assert.equal(new Set([...atOnce, ...later]).size, atOnce.length + later.length, "nothing comes twice");
    },
  },
];
