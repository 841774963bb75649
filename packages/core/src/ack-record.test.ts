import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type AckRecordVisitor, encodeCheckpoint, encodeStep, readAckRecord } from "./ack-record.js";
import { Cursor } from "./cursor.js";
import { LeaseTable } from "./lease-table.js";
import { RunList } from "./run-list.js";

function told(record: Uint8Array): unknown[] {
  const list: unknown[] = [];
  const visitor: AckRecordVisitor = {
    onStep: () => list.push("step"),
    onCheckpoint: () => list.push("checkpoint"),
    onFloor: (floor) => list.push(["floor", floor]),
    onGeneration: (generation) => list.push(["generation", generation]),
    onAcked: (first, last) => list.push(["acked", first, last]),
    onLease: (sequence, generation, leaseMs) => list.push(["lease", sequence, generation, leaseMs]),
  };
  readAckRecord(record, visitor);
  return list;
}

test("a Step tells its generation and its acked runs", () => {
  const acked = new RunList();
  acked.add(5, 5);
  acked.add(2 ** 50, 2 ** 50 + 3);
  const generation = 3 * 2 ** 32 + 7;
  assert.deepEqual(told(encodeStep(acked, generation, 3)), [
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
  const leases = new LeaseTable();
  leases.grant(1_003, 70, 0, 10, 20_000, 900);
  leases.grant(1_001, 71, 0, 10, 10_000, 800);
  leases.grant(1_002, 71, 0, 10, 10_000, 300);
  leases.grant(1_004, 71, 0, 10, 10_000, 900);
  leases.end(leases.find(1_004), false);
  assert.deepEqual(told(encodeCheckpoint(cursor, 71, leases, 300)), [
    "checkpoint",
    ["floor", 1_000],
    ["generation", 71],
    ["acked", 1_005, 1_009],
    ["lease", 1_001, 71, 10_000],
    ["lease", 1_003, 70, 20_000],
  ]);
  assert.deepEqual(told(encodeCheckpoint(cursor, 71, undefined, 300)).length, 4);
});

test("a thousand acks in order take a handful of bytes", () => {
  const acked = new RunList();
  acked.add(1_700_000_000, 1_700_000_999);
  assert.ok(encodeStep(acked, 2 ** 33, 0).length <= 24);
});

test("what a newer server wrote is refused by the number of its section", () => {
  assert.throws(() => told(Uint8Array.of(1, 1, 99, 0)), /unknown tag 99/);
  assert.throws(() => told(Uint8Array.of(2, 1)), /format version 2/);
  assert.throws(() => told(Uint8Array.of(1, 9)), /unknown kind 9/);
});

test("a record cut short or damaged is an error, never a hang or a wild number", () => {
  const acked = new RunList();
  acked.add(3, 9);
  acked.add(20, 2_000);
  const record = encodeStep(acked, 2 ** 40, 0);
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
