import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { PubsubMessageSchema, PullResponseSchema } from "./gen/google/pubsub/v1/pubsub_pb.js";
import { encodePullResponse, type ReceivedBatch, receivedMessageSize } from "./received-messages.js";
import { FUZZ_RUNS, texts } from "./wire-oracle.test.support.js";

interface Planned {
  readonly messages: readonly {
    data: Uint8Array;
    attributes: Record<string, string>;
    orderingKey: string;
  }[];
  readonly firstMessageId: number;
  readonly publishTimeMs: number;
  readonly firstSequence: number;
  readonly deliveryAttempt?: number;
}

const runs: fc.Arbitrary<Planned> = fc.record({
  messages: fc.array(
    fc.record({
      data: fc.uint8Array({ maxLength: 200 }),
      attributes: fc.dictionary(texts, texts, { maxKeys: 3, noNullPrototype: true }),
      orderingKey: texts,
    }),
    { maxLength: 4 },
  ),
  firstMessageId: fc.oneof(
    fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER - 10 }),
    fc.integer({ min: 1, max: 15 }).map((digits) => 10 ** digits - 2),
  ),
  publishTimeMs: fc.oneof(fc.integer({ min: 0, max: 253_402_300_799_999 }), fc.nat(2000)),
  firstSequence: fc.nat(1_000_000),
  deliveryAttempt: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 ** 31 - 1 })),
});

const ackIdOf = (sequence: number, length: number): string => String(sequence).padStart(length, "A").slice(-length);

/** The batch as the engine would give it: messages of a run in one buffer, with other bytes around and between them. */
function batchOf(planned: readonly Planned[], ackIdLength: number): ReceivedBatch {
  return {
    messageCount: planned.reduce((sum, { messages }) => sum + messages.length, 0),
    ackIdLength,
    writeAckId: (sequence, target, at) => {
      target.set(Buffer.from(ackIdOf(sequence, ackIdLength), "latin1"), at);
    },
    runs: planned.map(({ messages, ...run }) => {
      const encoded = messages.map((message) => toBinary(PubsubMessageSchema, create(PubsubMessageSchema, message)));
      const bytes = Buffer.concat(encoded.flatMap((message) => [Buffer.alloc(3, 0xff), message]));
      const lengths = encoded.map((message) => message.length);
      const offsets = lengths.map((_, index) => lengths.slice(0, index).reduce((sum, length) => sum + length + 3, 3));
      return {
        ...run,
        bytes,
        count: messages.length,
        offset: (index: number) => offsets[index] ?? assert.fail("no such message"),
        length: (index: number) => lengths[index] ?? assert.fail("no such message"),
      };
    }),
  };
}

test("a response decodes to the publishers' messages with ack id, message id, publish time and attempt", () => {
  fc.assert(
    fc.property(fc.array(runs, { maxLength: 3 }), fc.integer({ min: 1, max: 200 }), (planned, ackIdLength) => {
      const batch = batchOf(planned, ackIdLength);
      const decoded = fromBinary(PullResponseSchema, Uint8Array.from(encodePullResponse(batch)));
      const expected = planned.flatMap(
        ({ messages, firstMessageId, publishTimeMs, firstSequence, deliveryAttempt = 0 }) =>
          messages.map((message, index) => ({
            ackId: ackIdOf(firstSequence + index, ackIdLength),
            deliveryAttempt,
            message: create(PubsubMessageSchema, {
              ...message,
              messageId: String(firstMessageId + index),
              publishTime: {
                seconds: BigInt(Math.floor(publishTimeMs / 1000)),
                nanos: (publishTimeMs % 1000) * 1_000_000,
              },
            }),
          })),
      );
      assert.deepEqual(decoded, create(PullResponseSchema, { receivedMessages: expected }));
    }),
    { numRuns: FUZZ_RUNS },
  );
});

test("the size told for one message is what it adds to a response", () => {
  fc.assert(
    fc.property(fc.array(runs, { maxLength: 3 }), fc.integer({ min: 1, max: 200 }), (planned, ackIdLength) => {
      const batch = batchOf(planned, ackIdLength);
      let size = 0;
      for (const run of batch.runs) {
        for (let index = 0; index < run.count; index += 1) {
          const attempt = run.deliveryAttempt;
          const messageId = run.firstMessageId + index;
          size += receivedMessageSize(run.length(index), ackIdLength, messageId, run.publishTimeMs, attempt);
        }
      }
      assert.equal(encodePullResponse(batch).length, size);
    }),
    { numRuns: FUZZ_RUNS },
  );
});

test("a publish time on a full second, or at zero, still has both of its fields", () => {
  for (const publishTimeMs of [0, 5000]) {
    const planned = { messages: [{ data: Uint8Array.of(1), attributes: {}, orderingKey: "" }] };
    const batch = batchOf([{ ...planned, firstMessageId: 1, publishTimeMs, firstSequence: 1 }], 4);
    const timestamp = Buffer.of(0x22, 0x04, 0x08, publishTimeMs / 1000, 0x10, 0x00);
    assert.ok(Buffer.from(encodePullResponse(batch)).includes(timestamp));
  }
});

test("a message of many megabytes is delivered whole", () => {
  const data = new Uint8Array(9_000_000).fill(7);
  const planned = { messages: [{ data, attributes: {}, orderingKey: "" }] };
  const batch = batchOf([{ ...planned, firstMessageId: 1, publishTimeMs: 1, firstSequence: 1 }], 40);
  const decoded = fromBinary(PullResponseSchema, encodePullResponse(batch));
  assert.ok(Buffer.from(decoded.receivedMessages[0]?.message?.data ?? []).equals(data));
});

test("a batch whose lengths change under the encoder is refused, not sent", () => {
  const planned = { messages: [{ data: Uint8Array.of(1, 2, 3), attributes: {}, orderingKey: "" }] };
  const batch = batchOf([{ ...planned, firstMessageId: 1, publishTimeMs: 1, firstSequence: 1 }], 4);
  let length = 5;
  const runs = batch.runs.map((run) => ({ ...run, length: () => (length -= 1) }));
  assert.throws(() => encodePullResponse({ ...batch, runs }), RangeError);
});
