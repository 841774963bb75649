import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { PubSubError } from "@peal/core";
import { PullRequestSchema, PullResponseSchema } from "@peal/wire";
import { apiFixture, FakeScope } from "../api-fixture.test.support.js";
import { batchOf } from "../delivered-batch.test.support.js";
import { pullMethod, waitMsOf } from "./pull.js";

const NAME = "projects/p/subscriptions/billing";
const settle = async (): Promise<void> => undefined;

async function fixture(profile: "service" | "emulator" = "service") {
  const { context, engine, clock } = apiFixture(profile);
  engine.topics.set("projects/p/topics/orders", { name: "projects/p/topics/orders", labels: {} });
  await engine.createSubscription({
    name: NAME,
    topic: "projects/p/topics/orders",
    labels: {},
    ackDeadlineSeconds: 10,
    retainAckedMessages: false,
    messageRetention: { seconds: 600, nanos: 0 },
  });
  const method = pullMethod(context);
  return {
    engine,
    clock,
    /** Begins a pull; the puller that it opened is the engine's last one. */
    pull: (fields: MessageInitShape<typeof PullRequestSchema> = {}, scope = new FakeScope()) => {
      const request = create(PullRequestSchema, { subscription: NAME, maxMessages: 10, ...fields });
      return (async () => method.handle(toBinary(PullRequestSchema, request), scope))();
    },
  };
}

function messagesOf(response: Uint8Array) {
  return fromBinary(PullResponseSchema, response).receivedMessages;
}

test("a pull answers with what is delivered, ids and publish time included", async () => {
  const { pull, engine } = await fixture();
  const answer = pull();
  const puller = engine.pullers[0]!;
  assert.deepEqual(puller.readies, [{ maxMessages: 10, maxBytes: 10_000_000 }]);
  assert.equal(puller.options.isOnce, true);
  puller.sink.deliver(batchOf("one", "two"));
  const [first, second] = messagesOf(await answer);
  assert.equal(Buffer.from(first!.message!.data).toString(), "one");
  assert.equal(first!.ackId, "ok01");
  assert.equal(second!.message!.messageId, "1001");
  assert.equal(Number(first!.message!.publishTime!.seconds), 1_700_000_000);
  assert.equal(puller.isClosed, true);
});

test("max_messages must be positive, and more than 1000 means 1000", async () => {
  const { pull, engine } = await fixture();
  for (const maxMessages of [0, -1]) {
    await assert.rejects(pull({ maxMessages }), {
      code: "INVALID_ARGUMENT",
      message: "You have passed an invalid argument to the service (argument=max_messages).",
    });
  }
  const answer = pull({ maxMessages: 5000 });
  assert.equal(engine.pullers[0]!.readies[0]!.maxMessages, 1000);
  engine.pullers[0]!.sink.deliver(batchOf("x"));
  await answer;
});

test("an empty subscription is answered with nothing when the wait is over", async () => {
  const { pull, clock, engine } = await fixture();
  const answer = pull();
  await clock.advance(20_000, settle);
  assert.equal((await answer).length, 0);
  assert.equal(engine.pullers[0]!.isClosed, true);
  assert.equal(clock.nextTimerAtMs(), Number.POSITIVE_INFINITY);
});

test("return_immediately waits no longer than a read takes", async () => {
  const { pull, clock } = await fixture();
  const answer = pull({ returnImmediately: true });
  await clock.advance(100, settle);
  assert.equal((await answer).length, 0);
});

test("a wait ends before its caller gives up", () => {
  assert.equal(waitMsOf(Number.POSITIVE_INFINITY), 20_000);
  assert.equal(waitMsOf(60_000), 30_000);
  assert.equal(waitMsOf(10_000), 9_000);
  assert.equal(waitMsOf(1_000), 800);
  assert.equal(waitMsOf(-5), 0);
});

test("a caller that goes away while it waits leases nothing", async () => {
  const { pull, engine } = await fixture();
  const scope = new FakeScope();
  const answer = pull({}, scope);
  scope.cancel();
  await assert.rejects(answer, { code: "CANCELLED" });
  const puller = engine.pullers[0]!;
  assert.equal(puller.isClosed, true);
  puller.sink.deliver(batchOf("late"));
  assert.equal(puller.returnedCount, 1);
});

test("messages whose answer could not be written are given back", async () => {
  const { pull, engine } = await fixture();
  const scope = new FakeScope();
  const answer = pull({}, scope);
  engine.pullers[0]!.sink.deliver(batchOf("one"));
  await answer;
  scope.cancel();
  assert.equal(engine.pullers[0]!.returnedCount, 1);
});

test("a pull is counted once, however it ends", async () => {
  const { pull, engine, clock } = await fixture();
  const scope = new FakeScope();
  const answers = [pull(), pull(), pull({}, scope), pull({ maxMessages: 0 })];
  engine.pullers[0]!.sink.deliver(batchOf("one", "two"));
  engine.pullers[1]!.sink.end(new PubSubError("UNAVAILABLE", "draining"));
  scope.cancel();
  const waiting = pull();
  await clock.advance(20_000, settle);
  await Promise.allSettled([...answers, waiting]);
  const usage = engine.subscriptionUsage(NAME)!;
  assert.deepEqual(Object.fromEntries(usage.pulls.entries()), {
    OK: 2,
    UNAVAILABLE: 1,
    CANCELLED: 1,
    INVALID_ARGUMENT: 1,
  });
  assert.equal(usage.pulledMessages, 2);
});

test("a wait ends with the subscription", async () => {
  const { pull, engine } = await fixture();
  const answer = pull();
  engine.pullers[0]!.sink.end(new PubSubError("NOT_FOUND", "Resource not found (resource=billing)."));
  await assert.rejects(answer, { code: "NOT_FOUND" });
});

test("a subscription that does not exist is named", async () => {
  const { pull } = await fixture();
  const subscription = "projects/p/subscriptions/other";
  await assert.rejects(pull({ subscription }), { message: "Resource not found (resource=other)." });
  const emulator = await fixture("emulator");
  await assert.rejects(emulator.pull({ subscription }), { message: "Subscription does not exist" });
  await assert.rejects(pull({ subscription: "projects/p/topics/other" }), { code: "INVALID_ARGUMENT" });
});

test("a pull from a subscription that is pushed to is refused, or empty in the emulator profile", async () => {
  for (const profile of ["service", "emulator"] as const) {
    const { pull, engine } = await fixture(profile);
    const waiting = pull();
    await engine.updateSubscription(NAME, (present) => ({
      ...present,
      pushConfig: { endpoint: "https://example.com", attributes: {} },
    }));
    const refusal = new PubSubError("FAILED_PRECONDITION", "This method is not supported for this subscription type.");
    engine.pullers[0]!.sink.end(refusal);
    if (profile === "service") {
      await assert.rejects(waiting, refusal);
      await assert.rejects(pull(), { code: "FAILED_PRECONDITION", message: refusal.message });
    } else {
      assert.deepEqual(messagesOf(await waiting), []);
      assert.deepEqual(messagesOf(await pull()), []);
    }
    const counts = new Map(engine.subscriptionUsage(NAME)!.pulls.entries());
    assert.equal(counts.get(profile === "service" ? "FAILED_PRECONDITION" : "OK"), 2);
  }
});

test("a detached subscription is refused in either profile", async () => {
  const { pull, engine } = await fixture("emulator");
  await engine.detachSubscription(NAME);
  await assert.rejects(pull(), { code: "FAILED_PRECONDITION" });
});

test("attempts are told where they are counted", async () => {
  for (const attempt of [0, 1, 7]) {
    const { pull, engine } = await fixture();
    const answer = pull();
    const batch = batchOf("one");
    engine.pullers[0]!.sink.deliver({
      ...batch,
      runs: batch.runs.map((run) => ({ ...run, deliveryAttempt: attempt })),
    });
    assert.equal(messagesOf(await answer)[0]?.deliveryAttempt, attempt);
  }
});
