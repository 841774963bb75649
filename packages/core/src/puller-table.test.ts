import assert from "node:assert/strict";
import { test } from "node:test";
import type { Event } from "./events.js";
import { PullerTable } from "./puller-table.js";

function opened(puller: number, change: Partial<Event & { kind: "opened" }> = {}): Event & { kind: "opened" } {
  return {
    kind: "opened",
    puller,
    maxOutstandingMessages: 2,
    maxOutstandingBytes: 100,
    leaseMs: 10_000,
    isOnce: false,
    isKeyExclusive: false,
    clientId: "",
    ...change,
  };
}

test("a puller takes when it is ready and has credit, in the order of becoming ready", () => {
  const table = new PullerTable();
  table.open(opened(1));
  table.open(opened(2));
  assert.equal(table.takerCount, 0);
  table.setReady(table.get(2)!, 10, 1_000);
  table.setReady(table.get(1)!, 10, 1_000);
  assert.equal(table.firstTaker?.id, 2);
  table.charge(table.get(2)!, 1, 10);
  assert.equal(table.firstTaker?.id, 1);
  assert.equal(table.takersFreeMessages(), 2);
});

test("a full window is no credit until a lease ends", () => {
  const table = new PullerTable();
  table.open(opened(1));
  const puller = table.get(1)!;
  table.setReady(puller, 10, 1_000);
  table.charge(puller, 2, 20);
  table.setReady(puller, 10, 1_000);
  assert.equal(table.takerCount, 0);
  assert.equal(table.creditedCount, 0);
  table.release(puller.account.index, 10);
  assert.equal(table.firstTaker, puller);
  assert.equal(table.creditedCount, 1);
});

test("a client that comes back under its id finds what it has out", () => {
  const table = new PullerTable();
  table.open(opened(1, { clientId: "c" }));
  const { account } = table.get(1)!;
  table.charge(table.get(1)!, 2, 20);
  table.close(table.get(1)!);
  table.open(opened(2, { clientId: "other" }));
  table.open(opened(3, { clientId: "c" }));
  assert.equal(table.get(3)!.account, account);
  assert.notEqual(table.get(2)!.account, account);
  assert.equal(table.creditedCount, 1);
});

test("an account ends with its last lease, and its number is used again", () => {
  const table = new PullerTable();
  table.open(opened(1, { isOnce: true }));
  const { index } = table.get(1)!.account;
  table.charge(table.get(1)!, 1, 10);
  table.close(table.get(1)!);
  assert.ok(table.get(1) !== undefined, "what a unary pull was given may come back");
  table.release(index, 10);
  assert.equal(table.get(1), undefined);
  assert.throws(() => table.release(index, 10), /ends once/);
  table.open(opened(2));
  assert.equal(table.get(2)!.account.index, index);
});
