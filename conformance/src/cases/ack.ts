import assert from "node:assert/strict";
import { protos } from "@google-cloud/pubsub";
import type { ConformanceCase } from "../conformance-case.js";
import { ackIdOf, type Context, dataOf } from "../context.js";
import { expectRestError, okJson } from "../rest.js";
import { invalidAckDeadline, invalidAckId, NO_ACK_ID, notFound, payloadTooLarge } from "../texts.js";

const PAYLOAD_BYTES_MAX = 524_288;

/** Publishes one message and pulls it; returns its delivery. */
async function deliverOne(context: Context, fields = {}) {
  const { topic, subscription } = await context.createPair(fields);
  await context.publish(topic, "m");
  const [received] = await context.pull(subscription, 1);
  assert.ok(received);
  return { topic, subscription, received, ackId: ackIdOf(received) };
}

/**
 * Fails unless the delivery is settled for good: nacking it, which would bring it back at once, does nothing.
 * Needs no time to pass.
 */
async function expectAcked(context: Context, subscription: string, ackId: string): Promise<void> {
  await context.modifyAckDeadline(subscription, [ackId], 0);
  await context.expectNothing(subscription, "the message is acked");
}

/** Returns an Acknowledge request, exactly `sizeBytes` long, of ack ids that no server gave. */
function acknowledgeOf(subscription: string, sizeBytes: number): { subscription: string; ackIds: string[] } {
  const { AcknowledgeRequest } = protos.google.pubsub.v1;
  const ackIds = Array.from({ length: Math.floor(sizeBytes / 102) - 3 }, () => "a".repeat(100));
  const size = AcknowledgeRequest.encode({ subscription, ackIds }).finish().length;
  // A field of 128 bytes or more has three bytes besides its text.
  ackIds.push("a".repeat(sizeBytes - size - 3));
  assert.equal(AcknowledgeRequest.encode({ subscription, ackIds }).finish().length, sizeBytes);
  return { subscription, ackIds };
}

export const ACK_CASES: readonly ConformanceCase[] = [
  {
    id: "ACK-001",
    title: "an acked message never comes back",
    clockSeconds: 11,
    run: async (context) => {
      const { subscription, ackId } = await deliverOne(context);
      await context.acknowledge(subscription, [ackId]);
      await context.advance(11);
      await context.expectNothing(subscription, "an acked message is gone");
    },
  },
  {
    id: "ACK-006",
    title: "an ack deadline of 0 brings the message back at once",
    run: async (context) => {
      const { subscription, received, ackId } = await deliverOne(context);
      await context.modifyAckDeadline(subscription, [ackId], 0);
      const [again] = await context.pull(subscription, 1, 3_000);
      assert.equal(again?.message?.messageId, received.message?.messageId);
      assert.notEqual(again?.ackId, ackId);
    },
  },
  {
    id: "ACK-007",
    title: "an ack deadline is modified to 0 to 600 seconds",
    run: async (context) => {
      const { subscription, ackId } = await deliverOne(context);
      for (const seconds of [601, -1]) {
        const call = context.modifyAckDeadline(subscription, [ackId], seconds);
        await context.refuses(call, "INVALID_ARGUMENT", invalidAckDeadline(seconds, 0));
      }
      await context.modifyAckDeadline(subscription, [ackId], 600);
    },
  },
  {
    id: "ACK-008",
    title: "no ids and malformed ids are refused",
    run: async (context) => {
      const { subscription, ackId } = await deliverOne(context);
      await context.refuses(context.acknowledge(subscription, []), "INVALID_ARGUMENT", NO_ACK_ID);
      await context.refuses(context.modifyAckDeadline(subscription, [], 10), "INVALID_ARGUMENT", NO_ACK_ID);
      const malformed = "not-an-ack-id!";
      const ack = context.acknowledge(subscription, [ackId, malformed]);
      await context.refuses(ack, "INVALID_ARGUMENT", invalidAckId(malformed));
      const modify = context.modifyAckDeadline(subscription, [ackId, malformed], 10);
      await context.refuses(modify, "INVALID_ARGUMENT", invalidAckId(malformed));
      await context.modifyAckDeadline(subscription, [ackId], 0);
      assert.equal((await context.pull(subscription, 1)).length, 1, "a refused request acks nothing");
    },
  },
  {
    id: "ACK-009",
    title: "acking twice is OK",
    run: async (context) => {
      const { subscription, ackId } = await deliverOne(context);
      await context.acknowledge(subscription, [ackId, ackId]);
      await context.acknowledge(subscription, [ackId]);
      await expectAcked(context, subscription, ackId);
    },
  },
  {
    id: "ACK-011",
    title: "an ack with an id that a redelivery has replaced is OK",
    run: async (context) => {
      const { subscription, ackId } = await deliverOne(context);
      await context.modifyAckDeadline(subscription, [ackId], 0);
      const [again] = await context.pull(subscription, 1);
      await context.acknowledge(subscription, [ackId]);
      await expectAcked(context, subscription, ackIdOf(again));
    },
  },
  {
    id: "ACK-012",
    title: "an id from a stream is acked over REST",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      const stream = context.openStream(subscription);
      await context.publish(topic, "m");
      const ackId = ackIdOf((await stream.waitForMessages(1))[0]);
      stream.cancel();
      okJson(await context.rest("POST", `/v1/${subscription}:acknowledge`, { ackIds: [ackId] }));
      await expectAcked(context, subscription, ackId);
    },
  },
  {
    id: "ACK-012",
    title: "an id from a pull over REST is acked on a stream",
    clockSeconds: 11,
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      await context.publish(topic, "m");
      const pulled = okJson(await context.rest("POST", `/v1/${subscription}:pull`, { maxMessages: 1 }));
      const [received] = pulled["receivedMessages"] as { ackId: string }[];
      const stream = context.openStream(subscription);
      stream.write({ ackIds: [received?.ackId ?? ""] });
      // The stream ends when it has seen the ack; the clock must not be faster.
      stream.halfClose();
      await stream.waitForEnd(15_000);
      await context.advance(11);
      assert.deepEqual(stream.messages.map(dataOf), [], "the acked message does not come to the stream");
      await context.expectNothing(subscription, "the message is acked");
    },
  },
  {
    id: "ACK-013",
    title: "a request of 524 289 bytes is refused, and one byte less is not for its size",
    run: async (context) => {
      const { subscription } = await context.createPair();
      const above = acknowledgeOf(subscription, PAYLOAD_BYTES_MAX + 1);
      const text = payloadTooLarge(PAYLOAD_BYTES_MAX);
      await context.refuses(context.subscriber.acknowledge(above), "INVALID_ARGUMENT", text);
      const atLimit = acknowledgeOf(subscription, PAYLOAD_BYTES_MAX);
      const malformed = /^You have passed an invalid ack ID to the service/;
      await context.refuses(context.subscriber.acknowledge(atLimit), "INVALID_ARGUMENT", malformed);

      const body = JSON.stringify({ ackIds: ["a"] }).padEnd(PAYLOAD_BYTES_MAX + 1, " ");
      for (const method of ["acknowledge", "modifyAckDeadline"]) {
        const response = await context.rest("POST", `/v1/${subscription}:${method}`, body);
        expectRestError(response, "INVALID_ARGUMENT", context.exactly(text));
      }
    },
  },
  {
    id: "ACK-013",
    title: "2500 ids fit in one request",
    run: async (context) => {
      const { topic, subscription } = await context.createPair({ ackDeadlineSeconds: 600 });
      for (let batch = 0; batch < 5; batch += 1) {
        await context.publish(topic, ...Array.from({ length: 500 }, (_, index) => `m${index}`));
      }
      const ackIds = (await context.pull(subscription, 2500)).map(ackIdOf);
      await context.modifyAckDeadline(subscription, ackIds, 600);
      await context.acknowledge(subscription, ackIds);
      await expectAcked(context, subscription, ackIds[2499] ?? "");
    },
  },
  {
    id: "ACK-014",
    title: "a mix of live and stale ids is OK, and acks the live ones",
    run: async (context) => {
      const { topic, subscription, ackId: acked } = await deliverOne(context);
      await context.acknowledge(subscription, [acked]);
      await context.publish(topic, "live");
      const [live] = await context.pull(subscription, 1);
      await context.acknowledge(subscription, [acked, ackIdOf(live)]);
      await expectAcked(context, subscription, ackIdOf(live));
    },
  },
  {
    id: "ACK-015",
    title: "an ack on one subscription leaves another alone",
    run: async (context) => {
      const { topic, subscription } = await context.createPair();
      const other = await context.createSubscription(topic);
      await context.publish(topic, "m");
      const [here] = await context.pull(subscription, 1);
      const [there] = await context.pull(other, 1);
      // Whether an id of another subscription is refused or ignored is open; it must not ack anything here.
      await context
        .acknowledge(other, [ackIdOf(here)])
        .catch((error: unknown) => context.refuses(Promise.reject(error), "INVALID_ARGUMENT"));
      await context.acknowledge(subscription, [ackIdOf(here)]);
      await context.modifyAckDeadline(other, [ackIdOf(there)], 0);
      assert.deepEqual((await context.pull(other, 1)).map(dataOf), ["m"]);
      await expectAcked(context, subscription, ackIdOf(here));
    },
  },
  {
    id: "ACK-018",
    title: "acking on a missing subscription is NOT_FOUND",
    run: async (context) => {
      const { subscription, ackId } = await deliverOne(context);
      await context.subscriber.deleteSubscription({ subscription });
      await context.refuses(context.acknowledge(subscription, [ackId]), "NOT_FOUND", notFound(subscription));
      const modify = context.modifyAckDeadline(subscription, [ackId], 10);
      await context.refuses(modify, "NOT_FOUND", notFound(subscription));
    },
  },
  {
    id: "ACK-001",
    title: "an acked message does not come back after a restart or a kill",
    ownsServer: true,
    run: async (context) => {
      const server = await context.startDurableServer();
      const { topic, subscription } = await context.createPair();
      await context.publish(topic, "acked", "acked too", "open");
      const received = await context.pull(subscription, 3);
      const byData = new Map(received.map((one) => [dataOf(one), ackIdOf(one)]));
      await context.acknowledge(subscription, [byData.get("acked") ?? ""]);
      await server.restart();
      await context.acknowledge(subscription, [byData.get("acked too") ?? ""]);
      await server.killAndRestart();
      assert.deepEqual((await context.pull(subscription, 1)).map(dataOf), ["open"]);
      await context.expectNothing(subscription, "the acked ones are gone");
    },
  },
  {
    id: "ACK-017",
    title: "leases outlive a clean restart, ack ids any restart",
    ownsServer: true,
    run: async (context) => {
      const server = await context.startDurableServer();
      const { topic, subscription } = await context.createPair({ ackDeadlineSeconds: 600 });
      await context.publish(topic, "m");
      const [received] = await context.pull(subscription, 1);
      await server.restart();
      await context.expectNothing(subscription, "the lease holds after a clean stop");
      await server.killAndRestart();
      await context.acknowledge(subscription, [ackIdOf(received)]);
      await expectAcked(context, subscription, ackIdOf(received));
    },
  },
];
