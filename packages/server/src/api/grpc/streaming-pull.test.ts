import assert from "node:assert/strict";
import { test } from "node:test";
import { PubSubError } from "@peal/core";
import { Status } from "@peal/grpc";
import type { Profile } from "@peal/wire/hot";
import fc from "fast-check";
import { apiFixture } from "../api-fixture.test.support.js";
import { batchOf } from "../delivered-batch.test.support.js";
import { FakeBidiCall, type StreamRequestFields } from "./fake-bidi-call.test.support.js";
import { streamingPullMethod } from "./streaming-pull.js";

const NAME = "projects/p/subscriptions/billing";

function fixture(profile: Profile = "service", streamMaxAgeMs = Number.POSITIVE_INFINITY) {
  const { context, engine, clock } = apiFixture(profile);
  engine.subscriptions.set(NAME, {
    name: NAME,
    topic: "projects/p/topics/orders",
    labels: {},
    ackDeadlineSeconds: 10,
    retainAckedMessages: false,
    messageRetention: { seconds: 600, nanos: 0 },
    isDetached: false,
    hasTopic: true,
  });
  const method = streamingPullMethod({ ...context, streamMaxAgeMs });
  assert.ok(method.kind === "bidi");
  const call = new FakeBidiCall();
  void method.handler(call);
  return { engine, clock, call };
}

function open(profile: Profile = "service", fields: StreamRequestFields = {}) {
  const parts = fixture(profile);
  void parts.call.request({ subscription: NAME, streamAckDeadlineSeconds: 60, ...fields });
  return { ...parts, puller: parts.engine.pullers[0]! };
}

function endedWith(call: FakeBidiCall, code: number, message?: string | RegExp): void {
  assert.ok(call.ending, "the stream has not ended");
  assert.equal(call.ending.error?.code ?? Status.OK, code);
  if (typeof message === "string") assert.equal(call.ending.error?.message, message);
  else if (message !== undefined) assert.match(call.ending.error?.message ?? "", message);
}

/** Lets what waits for settled promises run. */
async function turn(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

test("an open stream has headers, one response with the properties, and asks for one batch", () => {
  const { call, puller } = open();
  assert.equal(call.hasHeaders, true);
  assert.equal(call.responses.length, 1);
  assert.deepEqual(call.responses[0]?.receivedMessages, []);
  assert.ok(call.responses[0]?.subscriptionProperties);
  assert.deepEqual(puller.readies, [{ maxMessages: 1000, maxBytes: 1_048_576 }]);
  assert.equal(puller.options.leaseMs, 60_000);
  assert.equal(puller.options.maxOutstandingMessages, Number.POSITIVE_INFINITY);
});

test("limits of the first request reach the engine", () => {
  const { puller } = open("service", { maxOutstandingMessages: 5n, maxOutstandingBytes: 100n, clientId: "c" });
  assert.equal(puller.options.maxOutstandingMessages, 5);
  assert.equal(puller.options.maxOutstandingBytes, 100);
  assert.equal(puller.options.clientId, "c");
});

test("a first request must name an existing subscription and a deadline", () => {
  const cases: readonly (readonly [StreamRequestFields, number, string | RegExp])[] = [
    [{ streamAckDeadlineSeconds: 10 }, Status.INVALID_ARGUMENT, /^Invalid resource name given \(name=\)/],
    [
      { subscription: "projects/p/subscriptions/other", streamAckDeadlineSeconds: 10 },
      Status.NOT_FOUND,
      "Resource not found (resource=other).",
    ],
    [
      { subscription: NAME },
      Status.INTERNAL,
      "A service error has occurred. Please retry your request. If the error persists, please report it.",
    ],
    [
      { subscription: NAME, streamAckDeadlineSeconds: 9 },
      Status.INVALID_ARGUMENT,
      "Invalid ack deadline given (ack_deadline=9). The ack deadline must be between 10 and 600 seconds.",
    ],
    [{ subscription: NAME, streamAckDeadlineSeconds: 601 }, Status.INVALID_ARGUMENT, /ack_deadline=601/],
  ];
  for (const [fields, code, message] of cases) {
    const { call } = fixture();
    void call.request(fields);
    endedWith(call, code, message);
  }
});

test("the emulator profile takes a deadline of 0 for the subscription's own", () => {
  const { call, puller } = open("emulator", { streamAckDeadlineSeconds: 0 });
  assert.equal(call.ending, undefined);
  assert.equal(puller.options.leaseMs, undefined);
});

test("the emulator profile names a missing subscription in the emulator's words", () => {
  const { call } = fixture("emulator");
  void call.request({ subscription: "projects/p/subscriptions/other", streamAckDeadlineSeconds: 10 });
  endedWith(call, Status.NOT_FOUND, "Subscription does not exist (resource=other)");
});

test("the next batch is asked for when the last one has left", () => {
  const { call, puller } = open();
  puller.sink.deliver(batchOf("one"));
  assert.equal(puller.readies.length, 2);
  call.isFull = true;
  puller.sink.deliver(batchOf("two"));
  assert.equal(puller.readies.length, 2);
  call.drain();
  assert.equal(puller.readies.length, 3);
  const response = call.responses[1]!;
  assert.equal(Buffer.from(response.receivedMessages[0]!.message!.data).toString(), "one");
  assert.ok(response.subscriptionProperties);
});

test("a drain without a batch outstanding asks for nothing twice", () => {
  const { call, puller } = open();
  call.drain();
  call.drain();
  assert.equal(puller.readies.length, 1);
});

test("acks and deadline changes on the stream reach the engine", () => {
  const { call, engine } = open("service", { ackIds: ["ok0"] });
  void call.request({ ackIds: ["ok1"], modifyDeadlineAckIds: ["ok2", "ok3"], modifyDeadlineSeconds: [10, 0] });
  void call.request({ modifyDeadlineAckIds: ["ok4", "ok5"], modifyDeadlineSeconds: [60, 60] });
  assert.deepEqual(engine.settled, [
    { subscription: NAME, ackIds: ["ok0"] },
    { subscription: NAME, ackIds: ["ok1"] },
    { subscription: NAME, ackIds: ["ok2", "ok3"], seconds: [10, 0] },
    { subscription: NAME, ackIds: ["ok4", "ok5"], seconds: 60 },
  ]);
  assert.equal(call.responses.length, 1);
});

test("a later request may change the lease, but not what the first one fixed", () => {
  const { call, puller } = open();
  void call.request({ streamAckDeadlineSeconds: 30 });
  assert.equal(puller.leaseMs, 30_000);
  const refused: readonly StreamRequestFields[] = [
    { subscription: NAME },
    { maxOutstandingMessages: 1n },
    { maxOutstandingBytes: 1n },
    { protocolVersion: 1n },
    { streamAckDeadlineSeconds: 9 },
    { modifyDeadlineAckIds: ["ok1"] },
    { modifyDeadlineSeconds: [10] },
  ];
  for (const fields of refused) {
    const stream = open();
    void stream.call.request(fields);
    endedWith(stream.call, Status.INVALID_ARGUMENT);
    assert.equal(stream.puller.isClosed, true);
  }
});

test("seconds out of range end the stream with the text of the service", () => {
  for (const seconds of [-1, 601]) {
    const { call } = open();
    void call.request({ modifyDeadlineAckIds: ["ok1"], modifyDeadlineSeconds: [seconds] });
    endedWith(
      call,
      Status.INVALID_ARGUMENT,
      `Invalid ack deadline given (ack_deadline=${seconds}). The ack deadline must be between 0 and 600 seconds.`,
    );
  }
});

test("a malformed ack id ends the stream; in the emulator profile it is ignored", async () => {
  const strict = open();
  void strict.call.request({ ackIds: ["bad"] });
  await turn();
  endedWith(strict.call, Status.INVALID_ARGUMENT, "You have passed an invalid ack ID to the service (ack_id=bad).");
  const tolerant = open("emulator");
  void tolerant.call.request({
    ackIds: ["bad", "ok1"],
    modifyDeadlineAckIds: ["bad", "ok2", "ok3"],
    modifyDeadlineSeconds: [1, 2, 3],
  });
  await turn();
  assert.equal(tolerant.call.ending, undefined);
  assert.deepEqual(tolerant.engine.settled, [
    { subscription: NAME, ackIds: ["ok1"] },
    { subscription: NAME, ackIds: ["ok2", "ok3"], seconds: [2, 3] },
  ]);
});

test("with protocol version 1 each request that causes nothing else is answered", () => {
  const { call } = open("service", { protocolVersion: 1n });
  void call.request({});
  assert.equal(call.sent.length, 2);
  assert.equal(call.sent[1]!.length, 0);
  call.isFull = true;
  void call.request({});
  void call.request({});
  void call.request({});
  assert.equal(call.sent.length, 3);
  call.drain();
  assert.equal(call.sent.length, 4);
  const silent = open();
  void silent.call.request({});
  assert.equal(silent.call.sent.length, 1);
});

test("a half-closed stream ends with OK when its acks are durable", async () => {
  const { call, engine, puller } = open();
  let becomeDurable = (): void => undefined;
  engine.durable = new Promise((resolve) => {
    becomeDurable = resolve;
  });
  void call.request({ ackIds: ["ok1"] });
  call.halfClose();
  assert.equal(puller.isClosed, true);
  await turn();
  assert.equal(call.ending, undefined);
  becomeDurable();
  await turn();
  endedWith(call, Status.OK);
});

test("a stream that never asked for anything ends with OK", () => {
  const { call } = fixture();
  call.halfClose();
  endedWith(call, Status.OK);
});

test("a stream ends as its puller does", () => {
  const { call, puller } = open();
  puller.sink.end(new PubSubError("NOT_FOUND", "Resource not found (resource=billing)."));
  endedWith(call, Status.NOT_FOUND, "Resource not found (resource=billing).");
});

test("a caller that goes away closes its puller, and what it was to get goes back", () => {
  const { call, puller } = open();
  call.isCancelled = true;
  puller.sink.deliver(batchOf("one"));
  assert.equal(puller.returnedCount, 1);
  call.cancel();
  assert.equal(puller.isClosed, true);
  assert.equal(call.ending, undefined);
});

test("bytes that are no request end the stream", () => {
  const { call } = open();
  call.raw(Buffer.from([0x0a, 0x7f]));
  endedWith(call, Status.INVALID_ARGUMENT, /not a well-formed protobuf message/);
});

test("a client that acks faster than the disk writes is held back", async () => {
  const { call, engine } = open();
  let becomeDurable = (): void => undefined;
  engine.durable = new Promise((resolve) => {
    becomeDurable = resolve;
  });
  const ackIds = Array.from({ length: 10_000 }, () => "ok1");
  const waits = Array.from({ length: 6 }, () => call.request({ ackIds }));
  assert.deepEqual(
    waits.map((wait) => wait !== undefined),
    [false, false, false, false, false, true],
  );
  becomeDurable();
  await waits[5];
});

test("a stream with an age limit ends with UNAVAILABLE when it is that old", async () => {
  const { call, clock } = fixture("service", 1_000);
  void call.request({ subscription: NAME, streamAckDeadlineSeconds: 10 });
  await clock.advance(1_000, async () => undefined);
  endedWith(call, Status.UNAVAILABLE, "The service was unable to fulfill your request. Please try again. [code=8a75]");
});

const seconds = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 10, max: 600 }) },
  fc.integer({ min: -1, max: 700 }),
);
const ackIds = fc.array(fc.constantFrom("ok1", "ok2", "ok3"), { maxLength: 3 });
const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("request" as const), ackIds, seconds }) },
    { weight: 8, arbitrary: fc.constant({ kind: "deliver" as const }) },
    { weight: 3, arbitrary: fc.constant({ kind: "fill" as const }) },
    { weight: 3, arbitrary: fc.constant({ kind: "drain" as const }) },
    fc.record({ kind: fc.constant("raw" as const), bytes: fc.uint8Array({ maxLength: 8 }) }),
    fc.constantFrom({ kind: "halfClose" as const }, { kind: "cancel" as const }, { kind: "end" as const }),
  ),
  { maxLength: 40 },
);

test("whatever happens on a stream, one batch at most is asked for, nothing follows its end, its puller is closed, and it counts as open until then", async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.boolean(), async (sequence, wantsAnswers) => {
      const { call, puller, engine } = open("service", { protocolVersion: wantsAnswers ? 1n : 0n });
      let delivered = 0;
      let sentAtEnd: number | undefined;
      for (const step of sequence) {
        if (step.kind === "request") {
          void call.request({ ackIds: step.ackIds, streamAckDeadlineSeconds: step.seconds });
        } else if (step.kind === "raw") call.raw(step.bytes);
        else if (step.kind === "fill") call.isFull = true;
        else if (step.kind === "drain") call.drain();
        else if (step.kind === "halfClose") call.halfClose();
        else if (step.kind === "cancel") call.cancel();
        else if (step.kind === "end" && !puller.isClosed) puller.sink.end(new PubSubError("UNAVAILABLE", "draining"));
        else if (step.kind === "deliver" && puller.readies.length > delivered && !puller.isClosed) {
          delivered += 1;
          puller.sink.deliver(batchOf("x"));
        }
        assert.ok(puller.readies.length - delivered <= 1, "two batches are asked for");
        if (sentAtEnd !== undefined) assert.equal(call.sent.length, sentAtEnd, "something follows the end");
        if (call.ending !== undefined || call.isCancelled) {
          assert.equal(puller.isClosed, true);
          sentAtEnd ??= call.sent.length;
        }
      }
      await turn();
      const isOver = call.ending !== undefined || call.isCancelled;
      assert.equal(engine.subscriptionUsage(NAME)?.openStreams, isOver ? 0 : 1);
    }),
  );
});
