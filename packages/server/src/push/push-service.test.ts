import assert from "node:assert/strict";
import test from "node:test";
import { settle } from "./fake-endpoint.test.support.js";
import { FIRST_ID, NAME } from "./fake-push-engine.test.support.js";
import { CONFIG, PushBed } from "./push-bed.test.support.js";

const OK = { kind: "answered", status: 200 } as const;
const FAILED = { kind: "answered", status: 500 } as const;

test("each message is posted once, and acked when its endpoint has said so (PUSH-002)", async () => {
  for (const status of [102, 200, 201, 202, 204]) {
    const bed = new PushBed();
    bed.engine.publish({ data: "one" }, { data: "two" });
    await settle();
    assert.deepEqual(bed.endpoint.texts, ["one", "two"]);
    assert.deepEqual(bed.engine.acked, []);
    await bed.endpoint.answer(status);
    assert.deepEqual(bed.engine.acked, ["a0000"], String(status));
    assert.deepEqual(bed.engine.nacked, []);
  }
});

test("every other status is a nack, redirects too (PUSH-003, PUSH-012)", async () => {
  for (const status of [101, 203, 206, 301, 304, 307, 400, 401, 404, 413, 429, 500, 503]) {
    const bed = new PushBed();
    bed.engine.publish({ data: "one" });
    await settle();
    await bed.endpoint.answer(status);
    assert.deepEqual(bed.engine.nacked, ["a0000"], String(status));
    assert.deepEqual(bed.engine.acked, []);
  }
});

test("a request without an answer is given up at the ack deadline, and nacked (PUSH-004)", async () => {
  const bed = new PushBed();
  bed.engine.publish({ data: "one" });
  await bed.advance(9_999);
  assert.deepEqual(bed.engine.nacked, []);
  await bed.advance(1);
  assert.deepEqual(bed.engine.nacked, ["a0000"]);
  assert.deepEqual(bed.state.log.last?.outcome, { kind: "failed", error: "DEADLINE_EXCEEDED" });
});

test("a new ack deadline holds for the next requests, and a lease always outlives its request", async () => {
  const bed = new PushBed();
  const [puller] = bed.engine.pullers;
  assert.ok(puller!.leaseMs! > 10_000);
  bed.engine.deadlineSeconds = 30;
  bed.engine.publish({ data: "one" });
  assert.ok(puller!.leaseMs! > 30_000);
  await bed.advance(29_999);
  assert.deepEqual(bed.engine.nacked, []);
  await bed.advance(1);
  assert.deepEqual(bed.engine.nacked, ["a0000"]);
});

test("a failure pauses the whole subscription, which then goes on (PUSH-010)", async () => {
  const bed = new PushBed();
  bed.engine.publish({ data: "one" });
  await settle();
  await bed.endpoint.answer(500);
  bed.engine.publish({ data: "two" });
  assert.ok(bed.state.pauseMs >= 100);
  await bed.advance(99);
  assert.equal(bed.endpoint.requests.length, 1);
  bed.endpoint.respond = () => OK;
  await bed.advance(1_000);
  assert.deepEqual(bed.endpoint.texts, ["one", "one", "two"]);
  assert.equal(bed.state.pauseMs, 0);
  assert.deepEqual(bed.engine.acked, ["a0000", "a0001"]);
});

test("what is delivered into a pause goes back without a failed attempt", async () => {
  const bed = new PushBed();
  bed.engine.publish({ data: "one" });
  await settle();
  // The puller owes a batch when the pause begins.
  assert.notEqual(bed.engine.pullers[0]!.asked, 0);
  await bed.endpoint.answer(500);
  assert.equal(bed.engine.pullers[0]!.returned, 1);
  assert.deepEqual(bed.engine.nacked, ["a0000"]);
});

test("an endpoint that is down is asked ever more seldom, once a minute in the end, and found again (PUSH-010)", async () => {
  const bed = new PushBed();
  bed.endpoint.respond = () => FAILED;
  bed.engine.publish({ data: "one" });
  await bed.advance(10 * 60_000);
  const before = bed.endpoint.requests.length;
  await bed.advance(10 * 60_000);
  const perMinute = (bed.endpoint.requests.length - before) / 10;
  assert.ok(perMinute >= 1 && perMinute <= 2, `${perMinute} a minute`);
  bed.endpoint.respond = () => OK;
  await bed.advance(60_000);
  assert.deepEqual(bed.engine.acked, ["a0000"]);
});

test("in the emulator profile a failure pauses for a second at most", async () => {
  const bed = new PushBed(CONFIG, "emulator");
  bed.endpoint.respond = () => FAILED;
  bed.engine.publish({ data: "one" });
  await bed.advance(60_000);
  assert.ok(bed.endpoint.requests.length > 60);
});

test("a few are out at first, more with each success, fewer with a failure (PUSH-009)", async () => {
  const bed = new PushBed();
  bed.engine.publish(...Array.from({ length: 100 }, (_, index) => ({ data: String(index) })));
  await settle();
  assert.equal(bed.endpoint.pending.length, 5);
  for (let round = 0; round < 5; round += 1) await bed.endpoint.answer(200);
  assert.ok(bed.endpoint.pending.length >= 8, String(bed.endpoint.pending.length));
  const { window } = bed.state;
  await bed.endpoint.answer(500);
  assert.equal(bed.state.window, Math.floor(window / 2));
});

test("the next message waits for the ack of the one before to be durable, where the window is full", async () => {
  const bed = new PushBed();
  let durable: () => void = () => undefined;
  bed.engine.settling = new Promise((resolve) => {
    durable = resolve;
  });
  bed.endpoint.respond = () => OK;
  bed.engine.publish(...Array.from({ length: 100 }, () => ({ data: "x" })));
  await settle();
  const before = bed.endpoint.requests.length;
  assert.ok(before < 100);
  bed.engine.settling = undefined;
  durable();
  await settle();
  await settle();
  assert.ok(bed.endpoint.requests.length > before);
});

test("a new endpoint is used for what is delivered next, and what is out stays where it is (PUSH-011)", async () => {
  const bed = new PushBed();
  bed.engine.publish({ data: "one" });
  await settle();
  bed.engine.configure({ ...CONFIG, endpoint: "https://example.org/other" });
  bed.engine.publish({ data: "two" });
  await settle();
  assert.deepEqual(
    bed.endpoint.requests.map(({ endpoint }) => endpoint.url),
    [CONFIG.endpoint, "https://example.org/other"],
  );
  await bed.endpoint.answer(200);
  assert.deepEqual(bed.engine.acked, ["a0000"]);
  assert.equal(bed.engine.pullers.length, 1);
});

test("a subscription that is pulled from again gets no more pushes, and what is out is still settled", async () => {
  const bed = new PushBed();
  bed.engine.publish({ data: "one" });
  await settle();
  bed.engine.configure(undefined);
  assert.equal(bed.engine.pullers[0]!.isClosed, true);
  bed.engine.publish({ data: "two" });
  await settle();
  assert.equal(bed.endpoint.requests.length, 1);
  assert.equal([...bed.service.pushStates()].length, 1);
  await bed.endpoint.answer(200);
  assert.deepEqual(bed.engine.acked, ["a0000"]);
  assert.deepEqual([...bed.service.pushStates()], []);
});

test("a subscription that was deleted or detached gets no more pushes (DET-003)", async () => {
  const bed = new PushBed();
  bed.engine.publish({ data: "one" });
  await settle();
  bed.engine.pullers[0]!.end();
  bed.engine.publish({ data: "two" });
  await bed.endpoint.answer(200);
  await bed.advance(60_000);
  assert.equal(bed.endpoint.requests.length, 1);
});

test("pushes begin as soon as a subscription gets an endpoint", async () => {
  const bed = new PushBed();
  bed.engine.configure(undefined);
  bed.engine.publish({ data: "one" });
  bed.engine.configure(CONFIG);
  await settle();
  assert.deepEqual(bed.endpoint.texts, ["one"]);
});

test("an endpoint that is no URL is a failed push, with its own word", async () => {
  const bed = new PushBed({ ...CONFIG, endpoint: "nonsense" });
  bed.engine.publish({ data: "one" });
  await settle();
  assert.deepEqual(bed.engine.nacked, ["a0000"]);
  assert.deepEqual([...bed.state.log.outcomes], [["INVALID_ENDPOINT", 1]]);
});

test("the attempt is told with a dead-letter policy only (PUSH-008, DLQ-007)", async () => {
  const bed = new PushBed();
  bed.engine.publish({ data: "one" });
  bed.engine.deliveryAttempt = 4;
  bed.engine.publish({ data: "two" });
  await settle();
  assert.deepEqual(
    bed.bodies.map((body) => body["deliveryAttempt"]),
    [undefined, 4],
  );
});

test("data alone is posted without a wrapper, with what is known of it in the head where asked (PUSH-005, PUSH-006)", async () => {
  for (const writesMetadata of [true, false]) {
    const bed = new PushBed({ ...CONFIG, wrapper: { kind: "none", writesMetadata } });
    bed.engine.publish({ data: "raw", attributes: { colour: "red" } });
    await settle();
    const [request] = bed.endpoint.requests;
    assert.equal(Buffer.from(request!.body).toString(), "raw");
    assert.equal(request!.headers["x-goog-pubsub-message-id"], writesMetadata ? String(FIRST_ID) : undefined);
    assert.equal(request!.headers["x-goog-pubsub-subscription-name"], writesMetadata ? NAME : undefined);
    assert.equal(request!.headers["colour"], writesMetadata ? "red" : undefined);
  }
});

test("a drain waits for what is out, pushes nothing new, and cuts off what takes too long without a nack", async () => {
  const bed = new PushBed();
  bed.engine.publish({ data: "one" }, { data: "two" });
  await settle();
  let isDrained = false;
  const drained = bed.service.drain(3_000).then(() => {
    isDrained = true;
  });
  bed.engine.publish({ data: "three" });
  await bed.endpoint.answer(200);
  assert.deepEqual([isDrained, bed.engine.acked], [false, ["a0000"]]);
  await bed.advance(3_000);
  await drained;
  assert.deepEqual([bed.endpoint.requests.length, bed.engine.nacked], [2, []]);
});

test("a drain with nothing out ends at once, and what is configured afterwards is not pushed", async () => {
  const bed = new PushBed();
  await bed.service.drain(3_000);
  bed.engine.configure(undefined);
  bed.engine.configure(CONFIG);
  assert.equal(bed.engine.pullers.length, 1);
});

test("what came of the pushes can be read", async () => {
  const bed = new PushBed();
  bed.engine.publish({ data: "one" }, { data: "two" });
  await bed.advance(40);
  await bed.endpoint.answer(204);
  await bed.endpoint.answer(503);
  const { log, ...state } = bed.state;
  assert.deepEqual(
    { ...state, pauseMs: state.pauseMs >= 100 },
    { subscription: NAME, endpoint: CONFIG.endpoint, outstanding: 0, window: 2, pauseMs: true },
  );
  assert.deepEqual([log.acked, log.nacked], [1, 1]);
  assert.deepEqual(
    [...log.outcomes],
    [
      ["204", 1],
      ["503", 1],
    ],
  );
  assert.deepEqual(log.lastFailure, {
    outcome: { kind: "answered", status: 503 },
    atMs: bed.clock.wallMs(),
    latencyMs: 40,
  });
  assert.equal(log.latencies.sum, 80_000);
});
