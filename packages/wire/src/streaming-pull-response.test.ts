import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { StreamingPullResponseSchema } from "./gen/google/pubsub/v1/pubsub_pb.js";
import { encodeStreamingPullResponse } from "./streaming-pull-response.js";
import { texts } from "./wire-oracle.test.support.js";

const ids = fc.array(fc.oneof(texts, fc.string({ minLength: 130, maxLength: 140 })), { maxLength: 3 });

test("confirmations and properties decode to what was given", () => {
  const properties = fc.record({ exactlyOnceDeliveryEnabled: fc.boolean(), messageOrderingEnabled: fc.boolean() });
  const modify = fc.record({ ackIds: ids, invalidAckIds: ids, temporaryFailedAckIds: ids });
  const acknowledge = fc.record({ ackIds: ids, invalidAckIds: ids, unorderedAckIds: ids, temporaryFailedAckIds: ids });
  const parts = fc.record(
    { subscriptionProperties: properties, modifyAckDeadlineConfirmation: modify, acknowledgeConfirmation: acknowledge },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(parts, (given) => {
      const decoded = fromBinary(StreamingPullResponseSchema, encodeStreamingPullResponse(given));
      assert.deepEqual(decoded, create(StreamingPullResponseSchema, given));
    }),
  );
});

test("lists left out of a confirmation are empty", () => {
  const bytes = encodeStreamingPullResponse({ acknowledgeConfirmation: { invalidAckIds: ["a"] } });
  const { acknowledgeConfirmation } = fromBinary(StreamingPullResponseSchema, bytes);
  assert.deepEqual(acknowledgeConfirmation?.invalidAckIds, ["a"]);
  assert.deepEqual(acknowledgeConfirmation?.ackIds, []);
});

test("properties are there even where both are false", () => {
  const subscriptionProperties = { exactlyOnceDeliveryEnabled: false, messageOrderingEnabled: false };
  const bytes = encodeStreamingPullResponse({ subscriptionProperties });
  assert.ok(fromBinary(StreamingPullResponseSchema, bytes).subscriptionProperties !== undefined);
});

test("messages and properties share a response, and a response with nothing is empty", () => {
  const received = {
    messageCount: 1,
    ackIdLength: 1,
    writeAckId: (_sequence: number, target: Uint8Array, at: number) => {
      target[at] = 0x61;
    },
    runs: [
      {
        bytes: Uint8Array.of(0x0a, 1, 7),
        firstSequence: 1,
        firstMessageId: 41,
        publishTimeMs: 1500,
        count: 1,
        offset: () => 0,
        length: () => 3,
      },
    ],
  };
  const subscriptionProperties = { exactlyOnceDeliveryEnabled: true, messageOrderingEnabled: false };
  const decoded = fromBinary(
    StreamingPullResponseSchema,
    Uint8Array.from(encodeStreamingPullResponse({ received, subscriptionProperties })),
  );
  assert.deepEqual(
    decoded,
    create(StreamingPullResponseSchema, {
      receivedMessages: [
        {
          ackId: "a",
          message: { data: Uint8Array.of(7), messageId: "41", publishTime: { seconds: 1n, nanos: 500_000_000 } },
        },
      ],
      subscriptionProperties,
    }),
  );
  assert.equal(encodeStreamingPullResponse({}).length, 0);
});
