import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DeadlineTable, type Expirable } from "./deadline-table.js";
import { ManualTime } from "./manual-time.test.support.js";

/** A call that notes when it expired. */
class Noted implements Expirable {
  readonly expiredAtMs: number[] = [];
  readonly #time: ManualTime;

  constructor(time: ManualTime) {
    this.#time = time;
  }

  expire(): void {
    this.expiredAtMs.push(this.#time.nowMs());
  }
}

test("a call expires once, not before its deadline and within 10 ms of it", () => {
  const time = new ManualTime(123.4);
  const table = new DeadlineTable(time);
  const call = new Noted(time);
  table.add(time.nowMs() + 25, call);
  time.advance(24.9);
  assert.deepEqual(call.expiredAtMs, []);
  time.advance(1_000);
  assert.equal(call.expiredAtMs.length, 1);
  assert.ok(call.expiredAtMs[0]! >= 148.4 && call.expiredAtMs[0]! <= 160, `expired at ${call.expiredAtMs[0]}`);
  assert.equal(table.size, 0);
});

test("a removed call never expires, and leaves nothing behind", () => {
  const time = new ManualTime();
  const table = new DeadlineTable(time);
  const [gone, kept] = [new Noted(time), new Noted(time)];
  const key = table.add(50, gone);
  table.add(50, kept);
  table.remove(key, gone);
  assert.equal(table.size, 1);
  time.advance(100);
  assert.deepEqual([gone.expiredAtMs.length, kept.expiredAtMs.length], [0, 1]);
  table.remove(key, kept);
  assert.deepEqual([table.size, time.pending], [0, 0]);
});

test("an earlier deadline that comes later is not overslept", () => {
  const time = new ManualTime();
  const table = new DeadlineTable(time);
  const [late, early] = [new Noted(time), new Noted(time)];
  table.add(5_000, late);
  table.add(20, early);
  time.advance(20);
  assert.deepEqual([early.expiredAtMs, late.expiredAtMs], [[20], []]);
  time.advance(4_980);
  assert.deepEqual(late.expiredAtMs, [5_000]);
});

test("a deadline beyond what a timer can hold is kept", () => {
  const time = new ManualTime();
  const table = new DeadlineTable(time);
  const call = new Noted(time);
  const monthMs = 30 * 86_400_000;
  table.add(monthMs, call);
  time.advance(monthMs - 1);
  assert.deepEqual(call.expiredAtMs, []);
  time.advance(1);
  assert.deepEqual(call.expiredAtMs, [monthMs]);
});

test("a deadline that has passed already expires at the next turn, not at once", () => {
  const time = new ManualTime(1_000);
  const table = new DeadlineTable(time);
  const call = new Noted(time);
  table.add(10, call);
  assert.deepEqual(call.expiredAtMs, []);
  time.advance(0);
  assert.deepEqual(call.expiredAtMs, [1_000]);
});

test("a closed table waits for nothing", () => {
  const time = new ManualTime();
  const table = new DeadlineTable(time);
  const call = new Noted(time);
  table.add(10, call);
  table.close();
  assert.deepEqual([table.size, time.pending], [0, 0]);
  time.advance(100);
  assert.deepEqual(call.expiredAtMs, []);
});

test("a call that expires may add and remove others", () => {
  const time = new ManualTime();
  const table = new DeadlineTable(time);
  const [next, neighbour] = [new Noted(time), new Noted(time)];
  let key = 0;
  table.add(10, {
    expire: () => {
      table.remove(key, neighbour);
      table.add(30, next);
    },
  });
  key = table.add(20, neighbour);
  time.advance(15);
  assert.equal(table.size, 1);
  time.advance(100);
  assert.deepEqual([next.expiredAtMs, neighbour.expiredAtMs], [[30], []]);
});

test("in whatever order calls come, go and time passes, each expires as a plain list says", () => {
  const action = fc.oneof(
    fc.record({ kind: fc.constant("add" as const), delayMs: fc.double({ min: 0, max: 500, noNaN: true }) }),
    fc.record({ kind: fc.constant("remove" as const), which: fc.nat(50) }),
    fc.record({ kind: fc.constant("advance" as const), byMs: fc.nat(200) }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const time = new ManualTime(7.5);
      const table = new DeadlineTable(time);
      const calls: { call: Noted; atMs: number; key: number; isRemoved: boolean }[] = [];
      for (const each of actions) {
        if (each.kind === "add") {
          const [call, atMs] = [new Noted(time), time.nowMs() + each.delayMs];
          calls.push({ call, atMs, key: table.add(atMs, call), isRemoved: false });
        } else if (each.kind === "remove") {
          const picked = calls[each.which];
          if (picked === undefined || picked.call.expiredAtMs.length > 0) continue;
          table.remove(picked.key, picked.call);
          picked.isRemoved = true;
        } else time.advance(each.byMs);
      }
      const waiting = calls.filter(({ call, isRemoved }) => !isRemoved && call.expiredAtMs.length === 0);
      assert.equal(table.size, waiting.length);
      for (const { atMs } of waiting) assert.ok(atMs > time.nowMs() - 11, "none is overslept");
      time.advance(1_000);
      for (const { call, atMs, isRemoved } of calls) {
        assert.equal(call.expiredAtMs.length, isRemoved ? 0 : 1);
        if (!isRemoved) assert.ok(call.expiredAtMs[0]! >= atMs && call.expiredAtMs[0]! <= atMs + 11);
      }
    }),
  );
});
