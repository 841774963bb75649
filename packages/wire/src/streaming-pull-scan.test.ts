import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { StreamingPullRequestSchema } from "./gen/google/pubsub/v1/pubsub_pb.js";
import { scanStreamingPullRequest } from "./streaming-pull-scan.js";
import { WireFormatError } from "./wire-format-error.js";
import {
  attempt,
  damaged,
  decodeStrictly,
  FUZZ_RUNS,
  lengthField,
  messagesOf,
  textFields,
  varintBytes,
  varintField,
  varintFields,
} from "./wire-oracle.test.support.js";

const packedSeconds = fc.array(fc.integer({ min: -3, max: 700 }), { maxLength: 5 }).map((seconds) =>
  lengthField(
    3,
    seconds.flatMap((value) => varintBytes(BigInt(value))),
  ),
);

const requests = messagesOf(
  textFields(1),
  textFields(2),
  varintFields(3),
  packedSeconds,
  textFields(4),
  varintFields(5),
  textFields(6),
  varintFields(7),
  varintFields(8),
  varintFields(10),
);

const saturate = (value: bigint): number =>
  Math.min(Math.max(Number(value), Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);

function assertAgrees(bytes: ArrayLike<number>): void {
  const scan = attempt(scanStreamingPullRequest, bytes, WireFormatError);
  const expected = decodeStrictly(StreamingPullRequestSchema, Uint8Array.from(bytes));
  assert.equal(scan === undefined, expected === undefined, "one of the two refuses, the other does not");
  if (scan === undefined || expected === undefined) return;
  assert.deepEqual(
    { ...scan, ackIds: scan.ackIds.texts(), modifyDeadlineAckIds: scan.modifyDeadlineAckIds.texts() },
    {
      subscription: expected.subscription,
      ackIds: expected.ackIds,
      modifyDeadlineSeconds: expected.modifyDeadlineSeconds,
      modifyDeadlineAckIds: expected.modifyDeadlineAckIds,
      streamAckDeadlineSeconds: expected.streamAckDeadlineSeconds,
      clientId: expected.clientId,
      maxOutstandingMessages: saturate(expected.maxOutstandingMessages),
      maxOutstandingBytes: saturate(expected.maxOutstandingBytes),
      protocolVersion: saturate(expected.protocolVersion),
    },
  );
}

test("a scan finds in any well-formed request what protobuf-es decodes", () => {
  fc.assert(fc.property(requests, assertAgrees), { numRuns: FUZZ_RUNS });
});

test("a scan refuses damaged requests exactly where a strict decoder does", () => {
  fc.assert(fc.property(damaged(requests), assertAgrees), { numRuns: FUZZ_RUNS * 2 });
});

test("a window beyond the safe integers is the nearest safe integer, a negative one stays negative", () => {
  const scanOf = (value: bigint) =>
    scanStreamingPullRequest(Uint8Array.from(varintField(8, value))).maxOutstandingBytes;
  assert.equal(scanOf(2n ** 63n - 1n), Number.MAX_SAFE_INTEGER);
  assert.equal(scanOf(2n ** 53n - 1n), Number.MAX_SAFE_INTEGER);
  assert.equal(scanOf(-(2n ** 63n)), Number.MIN_SAFE_INTEGER);
  assert.equal(scanOf(-1n), -1);
  assert.equal(scanOf(2n ** 40n + 3n), 2 ** 40 + 3);
});

test("an empty request, the keepalive, has nothing set", () => {
  const scan = scanStreamingPullRequest(new Uint8Array(0));
  assert.deepEqual([scan.subscription, scan.ackIds.count, scan.protocolVersion], ["", 0, 0]);
});
