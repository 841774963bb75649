import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type AckRecordVisitor, encodeCheckpoint, encodeStep, readAckRecord } from "./ack-record.js";
import { AckedMemory } from "./acked-memory.js";
import { Cursor } from "./cursor.js";
import { type DeliveryRules, PLAIN_RULES } from "./delivery-rules.js";
import { KeyTable } from "./key-table.js";
import { LeaseTable } from "./lease-table.js";
import { DEFAULT_LIMITS } from "./limits.js";
import { PullerTable } from "./puller-table.js";
import { ReadAhead } from "./read-ahead.js";
import type { SubscriptionParts } from "./subscription-parts.js";
import { Unrecorded } from "./unrecorded.js";

function partsOf(cursor = new Cursor(0), rules: DeliveryRules = PLAIN_RULES): SubscriptionParts {
  return {
    cursor,
    rules,
    voidGeneration: 0,
    leases: new LeaseTable(),
    keys: new KeyTable(),
    pullers: new PullerTable(),
    readAhead: new ReadAhead(0, DEFAULT_LIMITS),
    unrecorded: new Unrecorded(),
    ackedMemory: new AckedMemory(10),
    limits: DEFAULT_LIMITS,
  };
}

function told(record: Uint8Array): unknown[] {
  const list: unknown[] = [];
  const visitor: AckRecordVisitor = {
    onStep: () => list.push("step"),
    onCheckpoint: () => list.push("checkpoint"),
    onFloor: (floor) => list.push(["floor", floor]),
    onGeneration: (generation) => list.push(["generation", generation]),
    onAcked: (first, last) => list.push(["acked", first, last]),
    onLease: (sequence, generation, leaseMs) => list.push(["lease", sequence, generation, leaseMs]),
    onGrant: (first, last, generation, leaseMs) => list.push(["grant", first, last, generation, leaseMs]),
    onGrantEnded: (first, last) => list.push(["ended", first, last]),
    onFailures: (sequence, failures, delayMs) => list.push(["failures", sequence, failures, delayMs]),
    onVoid: (generation) => list.push(["void", generation]),
    onDiscardBefore: (timeMs) => list.push(["discard", timeMs]),
  };
  readAckRecord(record, visitor);
  return list;
}

test("a Step tells its generation and its acked runs", () => {
  const parts = partsOf();
  parts.unrecorded.acked.add(5, 5);
  parts.unrecorded.acked.add(2 ** 50, 2 ** 50 + 3);
  const generation = 3 * 2 ** 32 + 7;
  assert.deepEqual(told(encodeStep(parts, generation, 3)), [
    "step",
    ["floor", 3],
    ["generation", generation],
    ["acked", 5, 5],
    ["acked", 2 ** 50, 2 ** 50 + 3],
  ]);
});

test("a Checkpoint tells floor, runs and the leases that still run", () => {
  const cursor = new Cursor(1_000);
  cursor.settle(1_005, 1_009);
  const parts = partsOf(cursor);
  const { leases } = parts;
  leases.grant(1_003, 70, 0, 10, 20_000, 900);
  leases.grant(1_001, 71, 0, 10, 10_000, 800);
  leases.grant(1_002, 71, 0, 10, 10_000, 300);
  leases.grant(1_004, 71, 0, 10, 10_000, 900);
  leases.end(leases.find(1_004), false);
  assert.deepEqual(told(encodeCheckpoint(parts, { generation: 71, discardBeforeMs: 0 }, true, 300)), [
    "checkpoint",
    ["floor", 1_000],
    ["generation", 71],
    ["acked", 1_005, 1_009],
    ["lease", 1_001, 71, 10_000],
    ["lease", 1_003, 70, 20_000],
  ]);
  assert.deepEqual(told(encodeCheckpoint(parts, { generation: 71, discardBeforeMs: 0 }, false, 300)).length, 4);
});

test("a Step tells leases that hold, those that have ended, and failures with their delays", () => {
  const parts = partsOf(new Cursor(0), { ...PLAIN_RULES, isExactlyOnce: true });
  const { leases, unrecorded } = parts;
  for (let sequence = 11; sequence <= 15; sequence += 1) leases.grant(sequence, 70, 0, 10, 20_000, 900);
  leases.extend(leases.find(13), 70, 60_000, 1_000);
  leases.end(leases.find(15), true);
  leases.countFailure(leases.find(15));
  leases.delay(leases.find(15), 4_000, 5_000);
  leases.grant(20, 71, 0, 10, 20_000, 900);
  unrecorded.leases.add(11, 15);
  unrecorded.leases.add(20, 20);
  unrecorded.failed.add(15, 15);
  assert.deepEqual(told(encodeStep(parts, 71, 0)), [
    "step",
    ["generation", 71],
    ["grant", 11, 12, 70, 20_000],
    ["grant", 13, 13, 70, 60_000],
    ["grant", 14, 14, 70, 20_000],
    ["grant", 20, 20, 71, 20_000],
    ["ended", 15, 15],
    ["failures", 15, 1, 4_000],
  ]);
});

test("a thousand acks in order take a handful of bytes", () => {
  const parts = partsOf();
  parts.unrecorded.acked.add(1_700_000_000, 1_700_000_999);
  assert.ok(encodeStep(parts, 2 ** 33, 0).length <= 24);
});

test("what a newer server wrote is refused by the number of its section", () => {
  assert.throws(() => told(Uint8Array.of(1, 1, 99, 0)), /unknown tag 99/);
  assert.throws(() => told(Uint8Array.of(2, 1)), /format version 2/);
  assert.throws(() => told(Uint8Array.of(1, 9)), /unknown kind 9/);
});

test("a record cut short or damaged is an error, never a hang or a wild number", () => {
  const parts = partsOf();
  parts.unrecorded.acked.add(3, 9);
  parts.unrecorded.acked.add(20, 2_000);
  const record = encodeStep(parts, 2 ** 40, 0);
  for (let length = 0; length < record.length; length += 1) {
    try {
      assert.ok(told(record.subarray(0, length)).length < 4);
    } catch (error) {
      assert.match(String(error), /ends at|goes past/);
    }
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        for (const entry of told(bytes)) assert.ok(Array.isArray(entry) || typeof entry === "string");
      } catch (error) {
        assert.match(String(error), /record|section|number/);
      }
    }),
  );
});
