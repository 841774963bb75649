import assert from "node:assert/strict";
import { test } from "node:test";
import { LeaseTable, NO_ACCOUNT } from "./lease-table.js";

test("a lease that ends waits, and is leased again under another generation", () => {
  const leases = new LeaseTable();
  leases.grant(7, 100, 0, 50, 10_000, 10_000);
  const slot = leases.find(7);
  assert.equal(leases.leasedCount, 1);
  leases.end(slot, false);
  assert.equal(leases.leasedCount, 0);
  assert.equal(leases.waitingCount, 1);
  assert.equal(leases.account(slot), NO_ACCOUNT);
  leases.grantAgain(slot, 101, 1, 10_000, 20_000);
  assert.equal(leases.generation(slot), 101);
  assert.equal(leases.sizeBytes(slot), 50);
  assert.equal(leases.waitingCount, 0);
  assert.equal(leases.nextDeadlineAtMs, 20_000);
});

test("a lease that is extended moves to its new deadline, sooner or later", () => {
  const leases = new LeaseTable();
  leases.grant(1, 1, 0, 1, 10, 10);
  leases.grant(2, 1, 0, 1, 10, 10);
  leases.extend(leases.find(1), 1, 30, 30);
  assert.equal(leases.sequence(leases.firstDue), 2);
  leases.extend(leases.find(1), 1, 5, 5);
  assert.equal(leases.sequence(leases.firstDue), 1);
  assert.equal(leases.leaseMs(leases.firstDue), 5);
});

test("the size of a lease from before the start is told once", () => {
  const leases = new LeaseTable();
  leases.grantUnsized(1, 1, 10, 10);
  const slot = leases.find(1);
  assert.equal(leases.unsizedCount, 1);
  assert.equal(leases.sizeBytes(slot), 0);
  assert.throws(() => leases.end(slot, false), /in full/);
  leases.setSize(slot, 33);
  assert.equal(leases.unsizedCount, 0);
  assert.equal(leases.sizeBytes(slot), 33);
  assert.throws(() => leases.setSize(slot, 34), /once/);
});

test("half a million leases of ten minutes, acked at once, leave nothing behind", () => {
  const leases = new LeaseTable();
  for (let batch = 0; batch < 500; batch += 1) {
    const first = batch * 1_000 + 1;
    for (let sequence = first; sequence < first + 1_000; sequence += 1) {
      leases.grant(sequence, batch, 0, 1, 600_000, batch + 600_000);
    }
    for (let sequence = first; sequence < first + 1_000; sequence += 1) leases.remove(leases.find(sequence));
  }
  assert.equal(leases.leasedCount, 0);
  assert.equal(leases.nextDeadlineAtMs, Number.POSITIVE_INFINITY);
  let slots = 0;
  leases.forEachLeased(() => {
    slots += 1;
  });
  assert.equal(slots, 0);
  leases.release();
  assert.equal(leases.find(1), -1);
});
