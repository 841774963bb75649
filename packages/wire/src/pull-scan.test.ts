import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  AcknowledgeRequestSchema,
  ModifyAckDeadlineRequestSchema,
  PullRequestSchema,
} from "./gen/google/pubsub/v1/pubsub_pb.js";
import { scanAcknowledgeRequest, scanModifyAckDeadlineRequest, scanPullRequest } from "./pull-scan.js";
import { WireFormatError } from "./wire-format-error.js";
import {
  attempt,
  damaged,
  decodeStrictly,
  FUZZ_RUNS,
  lengthField,
  messagesOf,
  textFields,
  varintFields,
} from "./wire-oracle.test.support.js";

function assertPullAgrees(bytes: ArrayLike<number>): void {
  const scan = attempt(scanPullRequest, bytes, WireFormatError);
  const expected = decodeStrictly(PullRequestSchema, Uint8Array.from(bytes));
  const { subscription, returnImmediately, maxMessages } = expected ?? {};
  assert.deepEqual(scan, expected === undefined ? undefined : { subscription, returnImmediately, maxMessages });
}

function assertAcknowledgeAgrees(bytes: ArrayLike<number>): void {
  const scan = attempt(scanAcknowledgeRequest, bytes, WireFormatError);
  const expected = decodeStrictly(AcknowledgeRequestSchema, Uint8Array.from(bytes));
  assert.deepEqual(scan?.ackIds.texts(), expected?.ackIds);
  assert.equal(scan?.subscription, expected?.subscription);
}

function assertModifyAgrees(bytes: ArrayLike<number>): void {
  const scan = attempt(scanModifyAckDeadlineRequest, bytes, WireFormatError);
  const expected = decodeStrictly(ModifyAckDeadlineRequestSchema, Uint8Array.from(bytes));
  assert.deepEqual(scan?.ackIds.texts(), expected?.ackIds);
  assert.equal(scan?.subscription, expected?.subscription);
  assert.equal(scan?.ackDeadlineSeconds, expected?.ackDeadlineSeconds);
}

const requests = {
  pull: messagesOf(textFields(1), varintFields(2), varintFields(3)),
  acknowledge: messagesOf(textFields(1), textFields(2), textFields(2)),
  modify: messagesOf(textFields(1), varintFields(3), textFields(4), textFields(4)),
};

test("a scan finds in any well-formed request what protobuf-es decodes", () => {
  fc.assert(fc.property(requests.pull, assertPullAgrees), { numRuns: FUZZ_RUNS });
  fc.assert(fc.property(requests.acknowledge, assertAcknowledgeAgrees), { numRuns: FUZZ_RUNS });
  fc.assert(fc.property(requests.modify, assertModifyAgrees), { numRuns: FUZZ_RUNS });
});

test("a scan refuses damaged requests exactly where a strict decoder does", () => {
  fc.assert(fc.property(damaged(requests.pull), assertPullAgrees), { numRuns: FUZZ_RUNS });
  fc.assert(fc.property(damaged(requests.acknowledge), assertAcknowledgeAgrees), { numRuns: FUZZ_RUNS });
  fc.assert(fc.property(damaged(requests.modify), assertModifyAgrees), { numRuns: FUZZ_RUNS });
});

test("ack ids can be read one by one or all at once, ASCII or not", () => {
  for (const ids of [[], ["A".repeat(40), "", "b"], ["é", "A".repeat(200), "\u{1f600}"]]) {
    const bytes = Uint8Array.from(ids.flatMap((id) => lengthField(2, Buffer.from(id))));
    const { ackIds } = scanAcknowledgeRequest(bytes);
    assert.equal(ackIds.count, ids.length);
    assert.deepEqual(ackIds.texts(), ids);
    assert.deepEqual(
      ids.map((_, index) => ackIds.text(index)),
      ids,
    );
  }
});
