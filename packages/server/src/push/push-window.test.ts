import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { paceOf } from "./push-pace.js";
import { PushWindow } from "./push-window.js";

const PACE = paceOf("service").window;

/** A round trip of a full window, in which all succeed. */
function succeedRound(window: PushWindow, latencyMs = 10): void {
  const outstanding = window.size;
  for (let index = 0; index < outstanding; index += 1) window.begin();
  for (let index = 0; index < outstanding; index += 1) window.succeeded(outstanding, latencyMs);
}

test("the window begins with a single digit and doubles with each round of successes up to its knee (S-14.9)", () => {
  const window = new PushWindow(PACE);
  assert.equal(window.size, 5);
  for (const size of [10, 20, 40, 80]) {
    succeedRound(window);
    assert.equal(window.size, size);
  }
  for (let round = 0; round < 6; round += 1) succeedRound(window);
  assert.ok(window.size >= PACE.knee && window.size < PACE.knee + 4);
});

test("beyond the knee the window grows by about one a round while all is well, and goes back when it is not", () => {
  const window = new PushWindow({ ...PACE, start: PACE.knee });
  for (let round = 0; round < 10; round += 1) succeedRound(window);
  assert.ok(window.size > PACE.knee + 5 && window.size <= PACE.knee + 10, String(window.size));
  succeedRound(window, 5_000);
  assert.equal(window.size, PACE.knee);
});

test("an endpoint that answers slowly but steadily gets the whole window", () => {
  const window = new PushWindow(PACE);
  for (let round = 0; round < 12; round += 1) succeedRound(window, 800);
  assert.ok(window.size >= PACE.knee);
});

test("an endpoint that answers the slower the more it is asked gets no more than it keeps up with", () => {
  for (const msPerRequest of [0.25, 100]) {
    const window = new PushWindow(PACE);
    for (let round = 0; round < 40; round += 1) succeedRound(window, window.size * msPerRequest);
    const most = Math.max(50 / msPerRequest, 8 * 5);
    assert.ok(window.size >= 5 && window.size <= 4 * most, `${window.size} at ${msPerRequest} ms each`);
  }
});

test("a window that is not used does not grow", () => {
  const window = new PushWindow(PACE);
  for (let index = 0; index < 100; index += 1) {
    window.begin();
    window.succeeded(1, 10);
  }
  assert.equal(window.size, 5);
});

test("failures of requests that were out together halve the window once", () => {
  const window = new PushWindow({ ...PACE, start: 100 });
  const tickets = Array.from({ length: 100 }, () => window.begin());
  for (const ticket of tickets) window.failed(ticket);
  assert.equal(window.size, 50);
  window.failed(window.begin());
  assert.equal(window.size, 25);
});

test("the window stays within its bounds whatever happens", () => {
  const answers = fc.array(fc.record({ isOk: fc.boolean(), latencyMs: fc.nat({ max: 600_000 }) }), { maxLength: 400 });
  fc.assert(
    fc.property(answers, fc.integer({ min: 1, max: 40 }), (given, max) => {
      const window = new PushWindow({ start: 1, knee: 10, max });
      for (const { isOk, latencyMs } of given) {
        const ticket = window.begin();
        if (isOk) window.succeeded(window.size, latencyMs);
        else window.failed(ticket);
        assert.ok(window.size >= 1 && window.size <= Math.max(max, 1));
      }
    }),
  );
});
