import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.js";
import { ackIdOf, type Context, dataOf } from "../context.js";
import { expectRestError } from "../rest.js";

const NEEDS = ["seek"] as const;
const RETAINING = { retainAckedMessages: true } as const;
/** Long before anything was published. */
const LONG_AGO = { seconds: 1_000_000_000 };
const DAY_SECONDS = 86_400;

interface Instant {
  readonly seconds: number;
  readonly nanos: number;
}

/** Publishes each text in a request of its own, and pulls and acks them; returns when they were published. */
async function publishAndAck(context: Context, topic: string, subscription: string, texts: readonly string[]) {
  const times: Instant[] = [];
  for (const text of texts) {
    await context.publish(topic, text);
    const [received] = await context.pull(subscription, 1);
    await context.acknowledge(subscription, [ackIdOf(received)]);
    const { seconds, nanos } = received?.message?.publishTime ?? {};
    times.push({ seconds: Number(seconds), nanos: Number(nanos ?? 0) });
    // Times are milliseconds: the next message is published in a later one.
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return times;
}

/** The server's time in seconds, which a test clock may have moved: by when it publishes. */
export async function serverSeconds(context: Context): Promise<number> {
  const { topic, subscription } = await context.createPair();
  await context.publish(topic, "now");
  const [received] = await context.pull(subscription, 1);
  return Number(received?.message?.publishTime?.seconds);
}

const seekTo = (context: Context, subscription: string, time: { seconds: number; nanos?: number }) =>
  context.subscriber.seek({ subscription, time });

const textsNow = async (context: Context, subscription: string): Promise<string[]> =>
  (await context.pullNow(subscription)).map(dataOf);

export const SEEK_CASES: readonly ConformanceCase[] = [
  {
    id: "SEEK-001",
    title: "a seek into the past replays the acked messages since then, oldest first, with their ids",
    needs: NEEDS,
    run: async (context) => {
      const { topic, subscription } = await context.createPair(RETAINING);
      const times = await publishAndAck(context, topic, subscription, ["1", "2", "3", "4"]);
      await context.expectNothing(subscription, "all are acked");
      await seekTo(context, subscription, times[1] ?? LONG_AGO);
      const replayed = await context.pullNow(subscription);
      assert.deepEqual(replayed.map(dataOf), ["2", "3", "4"]);
      assert.deepEqual(Number(replayed[0]?.message?.publishTime?.seconds), times[1]?.seconds);
      await context.acknowledge(subscription, replayed.map(ackIdOf));
      await seekTo(context, subscription, LONG_AGO);
      assert.deepEqual(await textsNow(context, subscription), ["1", "2", "3", "4"]);
    },
  },
  {
    id: "SEEK-002",
    title: "what was published at the very time is replayed, what was published before is not",
    needs: NEEDS,
    run: async (context) => {
      const { topic, subscription } = await context.createPair(RETAINING);
      const [, second] = await publishAndAck(context, topic, subscription, ["1", "2", "3"]);
      assert.ok(second);
      await seekTo(context, subscription, second);
      assert.deepEqual(await textsNow(context, subscription), ["2", "3"]);
      // A nanosecond later it is before.
      const nanos = second.nanos + 1;
      await seekTo(context, subscription, { seconds: second.seconds, nanos });
      assert.deepEqual(await textsNow(context, subscription), ["3"]);
    },
  },
  {
    id: "SEEK-003",
    title: "a seek into the future purges the backlog",
    needs: NEEDS,
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      await context.publish(topic, "purged");
      await seekTo(context, subscription, { seconds: Math.floor(Date.now() / 1000) + DAY_SECONDS });
      await context.expectNothing(subscription, "the backlog is purged");
    },
  },
  {
    id: "SEEK-003",
    title: "after a seek into the future, what is published before then is purged, too, and nothing later",
    needs: NEEDS,
    clockSeconds: 2 * 3600,
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      await context.publish(topic, "out");
      const [out] = await context.pull(subscription, 1);
      await seekTo(context, subscription, { seconds: (await serverSeconds(context)) + 3600 });
      await context.publish(topic, "before");
      await context.expectNothing(subscription, "published before the time of the seek");
      await context.modifyAckDeadline(subscription, [ackIdOf(out)], 0);
      await context.expectNothing(subscription, "what was out is purged, too");
      await context.advance(2 * 3600);
      await context.publish(topic, "after");
      assert.deepEqual(await textsNow(context, subscription), ["after"]);
    },
  },
  {
    id: "SEEK-004",
    title: "a seek to before the retention touches only what is retained",
    needs: NEEDS,
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      await publishAndAck(context, topic, subscription, ["acked"]);
      await context.publish(topic, "unacked");
      await seekTo(context, subscription, LONG_AGO);
      assert.deepEqual(await textsNow(context, subscription), ["unacked"]);
    },
  },
  {
    id: "SEEK-005",
    title: "a seek without a target, or with two, is refused",
    needs: NEEDS,
    run: async (context) => {
      const { subscription } = await context.createPair();
      await context.refuses(context.subscriber.seek({ subscription }), "INVALID_ARGUMENT");
      const both = { time: "2026-09-10T08:00:00Z", snapshot: context.snapshotName("snap") };
      expectRestError(await context.rest("POST", `/v1/${subscription}:seek`, both), "INVALID_ARGUMENT");
    },
  },
  {
    id: "SEEK-006",
    title: "a seek of a missing subscription or to a missing snapshot is NOT_FOUND",
    needs: NEEDS,
    run: async (context) => {
      const { subscription } = await context.createPair();
      await context.refuses(seekTo(context, context.subscriptionName("nowhere"), LONG_AGO), "NOT_FOUND");
      const snapshot = context.snapshotName("nowhere");
      await context.refuses(context.subscriber.seek({ subscription, snapshot }), "NOT_FOUND");
    },
  },
  {
    id: "SEEK-006",
    title: "a detached subscription cannot seek",
    needs: NEEDS,
    run: async (context) => {
      const { subscription } = await context.createPair();
      await context.publisher.detachSubscription({ subscription });
      await context.refuses(seekTo(context, subscription, LONG_AGO), "FAILED_PRECONDITION");
    },
  },
  {
    id: "SEEK-007",
    title: "an ack id from before a seek does not ack the replayed copy, nor does a nack of it disturb",
    needs: NEEDS,
    run: async (context) => {
      const { topic, subscription } = await context.createPair({ ...RETAINING, ackDeadlineSeconds: 600 });
      await context.publish(topic, "acked", "out");
      const received = await context.pull(subscription, 2);
      const idOf = (text: string) => ackIdOf(received.find((one) => dataOf(one) === text));
      await context.acknowledge(subscription, [idOf("acked")]);
      await seekTo(context, subscription, LONG_AGO);
      await context.acknowledge(subscription, [idOf("acked"), idOf("out")]);
      const replayed = await context.pullNow(subscription);
      assert.deepEqual(replayed.map(dataOf), ["acked", "out"], "what was out comes again at once");
      await context.modifyAckDeadline(subscription, [idOf("out")], 0);
      await context.expectNothing(subscription, "the replayed copies are out under their own leases");
      await context.acknowledge(subscription, replayed.map(ackIdOf));
      await context.expectNothing(subscription, "their own ids ack them");
    },
  },
  {
    id: "SEEK-001",
    title: "a seek begins attempts and backoff anew",
    needs: ["seek", "dead letter", "retry policy"],
    run: async (context) => {
      const deadLetterTopic = await context.createTopic();
      const { topic, subscription } = await context.createPair({
        deadLetterPolicy: { deadLetterTopic, maxDeliveryAttempts: 5 },
        retryPolicy: { minimumBackoff: { seconds: 600 }, maximumBackoff: { seconds: 600 } },
      });
      await context.publish(topic, "m");
      const [first] = await context.pull(subscription, 1);
      await context.modifyAckDeadline(subscription, [ackIdOf(first)], 0);
      await context.expectNothing(subscription, "the message is in its backoff");
      await seekTo(context, subscription, LONG_AGO);
      const [again] = await context.pull(subscription, 1);
      assert.equal(again?.deliveryAttempt, 1);
    },
  },
  {
    id: "SEEK-001",
    title: "a seek holds after a kill that follows its answer, and before it the state is one of the two",
    needs: NEEDS,
    ownsServer: true,
    run: async (context) => {
      const server = await context.startDurableServer();
      const { topic, subscription } = await context.createPair(RETAINING);
      await publishAndAck(context, topic, subscription, ["1", "2"]);
      await context.publish(topic, "3");
      await seekTo(context, subscription, LONG_AGO);
      await server.killAndRestart();
      assert.deepEqual((await textsNow(context, subscription)).sort(), ["1", "2", "3"]);
      await seekTo(context, subscription, { seconds: (await serverSeconds(context)) + DAY_SECONDS });
      await server.killAndRestart();
      await context.expectNothing(subscription, "the purge holds");
      await context.publish(topic, "4");
      await context.expectNothing(subscription, "and goes on holding");
      const unanswered = seekTo(context, subscription, LONG_AGO).catch(() => undefined);
      await server.kill();
      await unanswered;
      await server.start();
      const after = (await textsNow(context, subscription)).sort();
      assert.ok([0, 4].includes(after.length), `all or nothing came: ${after.join(" ")}`);
    },
  },
];
