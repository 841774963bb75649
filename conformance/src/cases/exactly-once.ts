import assert from "node:assert/strict";
import type { protos } from "@google-cloud/pubsub";
import { expectFailedIds, PERMANENT, UNORDERED } from "../ack-failure.js";
import { answerOf, expectAnswer } from "../answer.js";
import type { ConformanceCase } from "../conformance-case.js";
import { ackIdOf, type Context, dataOf } from "../context.js";
import { expectRestError } from "../rest.js";
import { SOME_ACK_IDS_INVALID } from "../texts.js";

type Subscription = protos.google.pubsub.v1.ISubscription;

const EXACTLY_ONCE = { enableExactlyOnceDelivery: true } as const;
const NEEDS = ["exactly-once"] as const;

/** Publishes the texts and pulls them all; returns their ack ids, in the order of the texts. */
export async function deliverOnce(context: Context, texts: readonly string[], fields: Subscription = {}) {
  const { topic, subscription } = await context.createPair({ ...EXACTLY_ONCE, ...fields });
  await context.publish(topic, ...texts);
  const received = await context.pull(subscription, texts.length);
  const ackIds = texts.map((text) => ackIdOf(received.find((one) => dataOf(one) === text)));
  return { topic, subscription, ackIds, ackId: ackIds[0] ?? "" };
}

/** Nacks with an id, so that it is superseded when the message is pulled again; returns the new id. */
async function supersede(context: Context, subscription: string, ackId: string): Promise<string> {
  await context.modifyAckDeadline(subscription, [ackId], 0);
  return ackIdOf((await context.pull(subscription, 1))[0]);
}

export const EXACTLY_ONCE_CASES: readonly ConformanceCase[] = [
  {
    id: "EOD-003",
    title: "a superseded id fails, the newest succeeds",
    needs: NEEDS,
    run: async (context) => {
      const { subscription, ackId } = await deliverOnce(context, ["m"]);
      const newest = await supersede(context, subscription, ackId);
      await expectFailedIds(context, context.acknowledge(subscription, [ackId]), { [ackId]: PERMANENT });
      await context.acknowledge(subscription, [newest]);
      await context.expectNothing(subscription, "the message is acked");
    },
  },
  {
    id: "EOD-004",
    title: "only the failed ids are told, and the others are acked",
    needs: NEEDS,
    run: async (context) => {
      const { subscription, ackIds } = await deliverOnce(context, ["a", "b", "c"]);
      const [first = "", stale = "", last = ""] = ackIds;
      const newest = await supersede(context, subscription, stale);
      await expectFailedIds(context, context.acknowledge(subscription, ackIds), { [stale]: PERMANENT });
      // An acked id does not bring its message back; the living one does.
      for (const id of [first, last]) {
        await expectFailedIds(context, context.modifyAckDeadline(subscription, [id], 0), { [id]: PERMANENT });
      }
      await context.modifyAckDeadline(subscription, [newest], 0);
      assert.deepEqual((await context.pullNow(subscription)).map(dataOf), ["b"]);
    },
  },
  {
    id: "EOD-004",
    title: "an id that no server gave fails, and the others are acked",
    needs: NEEDS,
    run: async (context) => {
      const { subscription, ackId } = await deliverOnce(context, ["m"]);
      const malformed = "not-an-ack-id!";
      const call = context.acknowledge(subscription, [malformed, ackId]);
      await expectFailedIds(context, call, { [malformed]: PERMANENT });
      // Acked, so that a nack finds nothing.
      await expectFailedIds(context, context.modifyAckDeadline(subscription, [ackId], 0), { [ackId]: PERMANENT });
    },
  },
  {
    id: "EOD-004",
    title: "3 000 failed ids in one call are refused with all of their codes or none",
    needs: NEEDS,
    run: async (context) => {
      const texts = Array.from({ length: 1_000 }, (_, index) => `m${index}`);
      const { topic, subscription } = await context.createPair({ ...EXACTLY_ONCE, ackDeadlineSeconds: 600 });
      const ackIds: string[] = [];
      for (let round = 0; round < 3; round += 1) {
        await context.publish(topic, ...texts);
        ackIds.push(...(await context.pull(subscription, texts.length)).map(ackIdOf));
      }
      await context.modifyAckDeadline(subscription, ackIds, 0);
      const failure = await context.acknowledge(subscription, ackIds).then(
        () => undefined,
        (error: unknown) => error,
      );
      const answer = answerOf(failure);
      assert.ok(answer !== undefined, `expected an answer, got ${String(failure)}`);
      expectAnswer(answer, "INVALID_ARGUMENT", context.exactly(SOME_ACK_IDS_INVALID));
      const { errorInfoMetadata = {} } = failure as { errorInfoMetadata?: Record<string, string> };
      const told = Object.keys(errorInfoMetadata);
      if (told.length > 0) assert.deepEqual(told.sort(), [...ackIds].sort());
      assert.equal((await context.pull(subscription, ackIds.length)).length, ackIds.length, "none is acked");
    },
  },
  {
    id: "EOD-007",
    title: "an invalid ack on a stream is told, and the stream stays open",
    needs: NEEDS,
    run: async (context) => {
      const { topic, subscription, ackId } = await deliverOnce(context, ["m"]);
      await context.modifyAckDeadline(subscription, [ackId], 0);
      const stream = context.openStream(subscription, { streamAckDeadlineSeconds: 60 });
      await stream.waitForMessages(1);
      stream.write({ ackIds: [ackId], modifyDeadlineAckIds: [ackId], modifyDeadlineSeconds: [30] });
      const invalid = () => stream.responses.flatMap((one) => one.acknowledgeConfirmation?.invalidAckIds ?? []);
      const unmodified = () =>
        stream.responses.flatMap((one) => one.modifyAckDeadlineConfirmation?.invalidAckIds ?? []);
      await stream.waitFor(() => invalid().length > 0 && unmodified().length > 0, "both confirmations");
      assert.deepEqual([invalid(), unmodified()], [[ackId], [ackId]]);
      await context.publish(topic, "later");
      assert.deepEqual((await stream.waitForMessages(2)).map(dataOf), ["m", "later"]);
    },
  },
  {
    id: "EOD-006",
    title: "acks and modacks on a stream are confirmed",
    needs: NEEDS,
    run: async (context) => {
      const { topic, subscription } = await context.createPair(EXACTLY_ONCE);
      const stream = context.openStream(subscription);
      await context.publish(topic, "a", "b");
      const [a, b] = (await stream.waitForMessages(2)).map(ackIdOf);
      stream.write({ modifyDeadlineAckIds: [a ?? ""], modifyDeadlineSeconds: [60] });
      const modified = () => stream.responses.flatMap((one) => one.modifyAckDeadlineConfirmation?.ackIds ?? []);
      await stream.waitFor(() => modified().length > 0, "the confirmation of a modack");
      assert.deepEqual(modified(), [a]);
      stream.write({ ackIds: [a ?? "", b ?? ""] });
      const acked = () => stream.responses.flatMap((one) => one.acknowledgeConfirmation?.ackIds ?? []);
      await stream.waitFor(() => acked().length >= 2, "the confirmation of two acks");
      assert.deepEqual(acked().sort(), [a, b].sort());
      const properties = stream.responses.find((one) => one.receivedMessages.length > 0)?.subscriptionProperties;
      assert.equal(properties?.exactlyOnceDeliveryEnabled, true);
    },
  },
  {
    id: "EOD-009",
    title: "an ack before that of an earlier message of its key fails for a while",
    needs: ["exactly-once", "ordering"],
    run: async (context) => {
      const { topic, subscription } = await context.createPair({ ...EXACTLY_ONCE, enableMessageOrdering: true });
      const message = (text: string) => ({ data: Buffer.from(text), orderingKey: "key" });
      await context.publish(topic, message("1"), message("2"), message("3"));
      const stream = context.openStream(subscription, { streamAckDeadlineSeconds: 60 });
      const [first = "", second = "", third = ""] = (await stream.waitForMessages(3)).map(ackIdOf);
      const failed = await context.acknowledge(subscription, [third]).then(
        () => undefined,
        (error: unknown) => error as { errorInfoMetadata?: Record<string, string> },
      );
      assert.deepEqual({ ...failed?.errorInfoMetadata }, { [third]: UNORDERED });
      stream.write({ ackIds: [second] });
      const unordered = () => stream.responses.flatMap((one) => one.acknowledgeConfirmation?.unorderedAckIds ?? []);
      await stream.waitFor(() => unordered().length > 0, "the confirmation of an unordered ack");
      assert.deepEqual(unordered(), [second]);
      for (const ackId of [first, second, third]) await context.acknowledge(subscription, [ackId]);
    },
  },
  {
    id: "EOD-010",
    title: "a nack makes its id invalid",
    needs: NEEDS,
    run: async (context) => {
      const { subscription, ackId } = await deliverOnce(context, ["m"]);
      await context.modifyAckDeadline(subscription, [ackId], 0);
      await expectFailedIds(context, context.acknowledge(subscription, [ackId]), { [ackId]: PERMANENT });
      await expectFailedIds(context, context.modifyAckDeadline(subscription, [ackId], 30), { [ackId]: PERMANENT });
      assert.equal((await context.pull(subscription, 1)).length, 1, "the message is still there");
    },
  },
  {
    id: "EOD-011",
    title: "turning exactly-once on and off holds for what is delivered then",
    needs: NEEDS,
    run: async (context) => {
      const { topic, subscription } = await context.createPair({ ackDeadlineSeconds: 60 });
      const turn = (isOn: boolean) =>
        context.subscriber.updateSubscription({
          subscription: { name: subscription, enableExactlyOnceDelivery: isOn },
          updateMask: { paths: ["enable_exactly_once_delivery"] },
        });
      await context.publish(topic, "before");
      const before = ackIdOf((await context.pull(subscription, 1))[0]);
      await turn(true);
      // What is out stays out, and its id stays good.
      await context.expectNothing(subscription, "the lease from before lives");
      await context.acknowledge(subscription, [before]);
      await context.publish(topic, "on");
      const stale = ackIdOf((await context.pull(subscription, 1))[0]);
      const newest = await supersede(context, subscription, stale);
      await expectFailedIds(context, context.acknowledge(subscription, [stale]), { [stale]: PERMANENT });
      await turn(false);
      await context.acknowledge(subscription, [newest]);
      await context.publish(topic, "off");
      const superseded = ackIdOf((await context.pull(subscription, 1))[0]);
      await supersede(context, subscription, superseded);
      await context.acknowledge(subscription, [superseded]);
    },
  },
  {
    id: "EOD-012",
    title: "the failed ids are in the error of REST, too",
    needs: NEEDS,
    run: async (context) => {
      const { subscription, ackId } = await deliverOnce(context, ["m"]);
      await supersede(context, subscription, ackId);
      const calls = [
        context.rest("POST", `/v1/${subscription}:acknowledge`, { ackIds: [ackId] }),
        context.rest("POST", `/v1/${subscription}:modifyAckDeadline`, { ackIds: [ackId], ackDeadlineSeconds: 30 }),
      ];
      for (const response of await Promise.all(calls)) {
        const error = expectRestError(response, "INVALID_ARGUMENT", context.exactly(SOME_ACK_IDS_INVALID));
        assert.deepEqual(error["details"], [
          {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            reason: "EXACTLY_ONCE_ACKID_FAILURE",
            domain: "pubsub.googleapis.com",
            metadata: { [ackId]: PERMANENT },
          },
        ]);
      }
    },
  },
];
