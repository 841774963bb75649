import assert from "node:assert/strict";
import test from "node:test";
import { DeliveryTimes } from "./delivery-times.js";

const START = 3 * 2 ** 32;

function noteAll(times: DeliveryTimes, count: number, outstanding: (noted: number) => number): void {
  for (let index = 1; index <= count; index += 1) times.note(START + index, index, () => outstanding(index));
}

test("the latest batches are remembered, older ones forgotten, unknown ones not made up", () => {
  const times = new DeliveryTimes();
  noteAll(times, 1_000, () => 1);
  assert.equal(times.get(START + 1_000), 1_000);
  assert.equal(times.get(START + 937), 937);
  assert.equal(times.get(START + 936), undefined);
  assert.equal(times.get(START + 1_001), undefined);
  assert.equal(times.get(0), undefined);
});

test("what is outstanding makes room, up to a bound", () => {
  const times = new DeliveryTimes();
  noteAll(times, 10_000, (noted) => noted);
  assert.equal(times.get(START + 10_000), 10_000);
  assert.equal(times.get(START + 10_000 - 2_047), 10_000 - 2_047);
  assert.equal(times.get(START + 10_000 - 2_048), undefined);
});

test("growing forgets nothing that was known", () => {
  const times = new DeliveryTimes();
  noteAll(times, 64, (noted) => noted);
  for (let index = 1; index <= 64; index += 1) assert.equal(times.get(START + index), index);
});

test("batches may go out in another order than they were made", () => {
  const times = new DeliveryTimes();
  for (const index of [2, 1, 5]) times.note(START + index, index, () => 1);
  assert.deepEqual(
    [1, 2, 3, 5].map((index) => times.get(START + index)),
    [1, 2, undefined, 5],
  );
});

test("ages are told once for neighbours of one batch, and not for what is forgotten", () => {
  const times = new DeliveryTimes();
  times.note(START + 1, 10, () => 1);
  times.note(START + 2, 30, () => 1);
  const ages: (readonly [ageMs: number, messages: number])[] = [];
  const acked = [1, 1, 2, 9, 9, 1].map((index) => START + index);
  times.forEachAge(acked, 100, (ageMs, messages) => ages.push([ageMs, messages]));
  assert.deepEqual(ages, [
    [90, 2],
    [70, 1],
    [90, 1],
  ]);
  times.forEachAge([], 100, () => assert.fail("nothing was acked"));
});
