import assert from "node:assert/strict";
import { test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { AcknowledgeRequestSchema, ModifyAckDeadlineRequestSchema } from "@peal/wire";
import { apiFixture, FakeScope } from "../api-fixture.test.support.js";
import { acknowledgeMethod, modifyAckDeadlineMethod } from "./acknowledge.js";

const NAME = "projects/p/subscriptions/billing";

function fixture(settings: { readonly isExactlyOnce?: boolean } = {}) {
  const { context, engine } = apiFixture();
  engine.subscriptions.set(NAME, {
    name: NAME,
    topic: "projects/p/topics/orders",
    labels: {},
    ackDeadlineSeconds: 10,
    retainAckedMessages: false,
    messageRetention: { seconds: 600, nanos: 0 },
    isDetached: false,
    hasTopic: true,
    ...settings,
  });
  const acknowledge = acknowledgeMethod(context);
  const modify = modifyAckDeadlineMethod(context);
  return {
    engine,
    acknowledge: async (ackIds: string[], subscription = NAME) =>
      acknowledge.handle(
        toBinary(AcknowledgeRequestSchema, create(AcknowledgeRequestSchema, { subscription, ackIds })),
        new FakeScope(),
      ),
    modify: async (ackIds: string[], ackDeadlineSeconds: number) =>
      modify.handle(
        toBinary(
          ModifyAckDeadlineRequestSchema,
          create(ModifyAckDeadlineRequestSchema, { subscription: NAME, ackIds, ackDeadlineSeconds }),
        ),
        new FakeScope(),
      ),
  };
}

test("ack ids reach the engine as they came, and the answer is empty", async () => {
  const { acknowledge, modify, engine } = fixture();
  assert.equal((await acknowledge(["ok1", "ok2"])).length, 0);
  assert.equal((await modify(["ok3"], 60)).length, 0);
  assert.deepEqual(engine.settled, [
    { subscription: NAME, ackIds: ["ok1", "ok2"] },
    { subscription: NAME, ackIds: ["ok3"], seconds: 60 },
  ]);
});

test("a request without ack ids is refused", async () => {
  const { acknowledge, modify } = fixture();
  const text = { code: "INVALID_ARGUMENT", message: "You have not specified an ack ID in the request." };
  await assert.rejects(acknowledge([]), text);
  await assert.rejects(modify([], 10), text);
});

test("a deadline is 0 to 600 seconds", async () => {
  const { modify } = fixture();
  for (const seconds of [-1, 601]) {
    await assert.rejects(modify(["ok1"], seconds), {
      message: `Invalid ack deadline given (ack_deadline=${seconds}). The ack deadline must be between 0 and 600 seconds.`,
    });
  }
  await modify(["ok1"], 0);
  await modify(["ok1"], 600);
});

test("a malformed ack id is named and nothing is done", async () => {
  const { acknowledge, engine } = fixture();
  await assert.rejects(acknowledge(["ok1", "bad"]), {
    code: "INVALID_ARGUMENT",
    message: "You have passed an invalid ack ID to the service (ack_id=bad).",
  });
  assert.equal(engine.settled.length, 0);
});

test("an ack id of hostile length is cut in the error text", async () => {
  const { acknowledge } = fixture();
  await assert.rejects(acknowledge(["x".repeat(100_000)]), (error: Error) => {
    assert.match(
      error.message,
      /^You have passed an invalid ack ID to the service \(ack_id=x{1024}\.\.\. \(100000 characters\)\)\.$/,
    );
    return true;
  });
});

test("a missing subscription is named", async () => {
  const { acknowledge } = fixture();
  await assert.rejects(acknowledge(["ok1"], "projects/p/subscriptions/other"), {
    code: "NOT_FOUND",
    message: "Resource not found (resource=other).",
  });
});

const FAILED =
  "Some acknowledgement ids in the request were invalid. This could be because the acknowledgement ids have expired or the acknowledgement ids were malformed.";

test("under exactly-once the error names the ids that failed, and why", async () => {
  const { acknowledge, modify, engine } = fixture({ isExactlyOnce: true });
  engine.failures = [
    { ackId: "ok1", reason: "invalid" },
    { ackId: "ok2", reason: "unordered" },
  ];
  const refusal = (metadata: { readonly [ackId: string]: string }) => ({
    code: "INVALID_ARGUMENT",
    message: FAILED,
    details: [{ type: "ErrorInfo", reason: "EXACTLY_ONCE_ACKID_FAILURE", domain: "pubsub.googleapis.com", metadata }],
  });
  await assert.rejects(
    acknowledge(["ok1", "ok2", "ok3", "__proto__", "x".repeat(600)]),
    refusal(
      Object.fromEntries([
        ["ok1", "PERMANENT_FAILURE_INVALID_ACK_ID"],
        ["ok2", "TRANSIENT_FAILURE_UNORDERED_ACK_ID"],
        ["__proto__", "PERMANENT_FAILURE_INVALID_ACK_ID"],
        ["x".repeat(600), "PERMANENT_FAILURE_INVALID_ACK_ID"],
      ]),
    ),
  );
  await assert.rejects(modify(["ok1", "ok3"], 20), refusal({ ok1: "PERMANENT_FAILURE_INVALID_ACK_ID" }));
  await assert.rejects(acknowledge(["ok2"]), refusal({ ok2: "TRANSIENT_FAILURE_UNORDERED_ACK_ID" }));
  assert.equal((await acknowledge(["ok3"])).length, 0);
  const usage = engine.subscriptionUsage(NAME)!;
  assert.deepEqual(Object.fromEntries(usage.ackRequests.entries()), { INVALID_ARGUMENT: 2, OK: 1 });
  assert.deepEqual(Object.fromEntries(usage.modifyRequests.entries()), { INVALID_ARGUMENT: 1, OK: 0 });
});
