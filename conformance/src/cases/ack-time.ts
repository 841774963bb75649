import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.js";
import { ackIdOf, type Context, dataOf } from "../context.js";

/** The ack deadline of a subscription by default, and a second more. */
const DEADLINE_SECONDS = 10;
const PAST_DEADLINE_SECONDS = 11;

async function deliverOne(context: Context, ackDeadlineSeconds = DEADLINE_SECONDS) {
  const { topic, subscription } = await context.createPair({ ackDeadlineSeconds });
  await context.publish(topic, "m");
  const [received] = await context.pull(subscription, 1);
  assert.ok(received);
  return { subscription, received, ackId: ackIdOf(received) };
}

/** The cases of ACK in which a lease runs out. */
export const ACK_TIME_CASES: readonly ConformanceCase[] = [
  {
    id: "ACK-002",
    title: "an unacked message comes back after its deadline, with its id and another ack id",
    clockSeconds: PAST_DEADLINE_SECONDS,
    run: async (context) => {
      const { subscription, received, ackId } = await deliverOne(context);
      await context.advance(PAST_DEADLINE_SECONDS);
      const [again] = await context.pull(subscription, 1);
      assert.equal(again?.message?.messageId, received.message?.messageId);
      assert.deepEqual(again?.message?.publishTime, received.message?.publishTime);
      assert.notEqual(again?.ackId, ackId);
    },
  },
  {
    id: "ACK-003",
    title: "an unacked message does not come back before its deadline",
    clockSeconds: 8,
    run: async (context) => {
      const { subscription } = await deliverOne(context);
      await context.advance(8);
      await context.expectNothing(subscription, "the lease has two seconds left");
    },
  },
  {
    id: "ACK-004",
    title: "a deadline of 60 s outlasts the original one",
    clockSeconds: 15,
    run: async (context) => {
      const { subscription, ackId } = await deliverOne(context);
      await context.modifyAckDeadline(subscription, [ackId], 60);
      await context.advance(15);
      await context.expectNothing(subscription, "the lease was extended");
      if (!context.hasMovableClock) return;
      await context.advance(46);
      assert.deepEqual((await context.pull(subscription, 1)).map(dataOf), ["m"]);
    },
  },
  {
    id: "ACK-005",
    title: "a deadline shorter than what remains shortens the lease",
    clockSeconds: PAST_DEADLINE_SECONDS,
    run: async (context) => {
      const { subscription, ackId } = await deliverOne(context, 600);
      await context.modifyAckDeadline(subscription, [ackId], 10);
      await context.advance(PAST_DEADLINE_SECONDS);
      assert.deepEqual((await context.pull(subscription, 1)).map(dataOf), ["m"]);
    },
  },
  {
    id: "ACK-010",
    title: "an ack after expiry and before redelivery is OK and final",
    clockSeconds: 2 * PAST_DEADLINE_SECONDS,
    run: async (context) => {
      const { subscription, ackId } = await deliverOne(context);
      await context.advance(PAST_DEADLINE_SECONDS);
      await context.acknowledge(subscription, [ackId]);
      await context.expectNothing(subscription, "the late ack counts");
      await context.advance(PAST_DEADLINE_SECONDS);
      await context.expectNothing(subscription, "the late ack is final");
    },
  },
  {
    id: "ACK-016",
    title: "a lease outlives its connection, until its deadline",
    clockSeconds: PAST_DEADLINE_SECONDS,
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      await context.publish(topic, "m");
      const connection = context.openConnection();
      assert.equal((await connection.pull(subscription, 1, 10_000).messages).length, 1);
      connection.close();
      await context.expectNothing(subscription, "the lease stays when the connection goes");
      await context.advance(PAST_DEADLINE_SECONDS);
      assert.deepEqual((await context.pull(subscription, 1)).map(dataOf), ["m"]);
    },
  },
];
