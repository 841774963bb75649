import assert from "node:assert/strict";
import test from "node:test";
import { type BudgetShare, PushBudget } from "./push-budget.js";

const newShare = (): BudgetShare => ({ outstanding: 0, bytes: 0 });

function takeAll(budget: PushBudget, share: BudgetShare, bytes = 1): number {
  let taken = 0;
  while (budget.credit(share) > 0) {
    budget.take(share, bytes);
    taken += 1;
  }
  return taken;
}

test("one subscription gets half of the budget, and whoever comes next half of what is left by then", () => {
  const budget = new PushBudget({ outstanding: 1_000, outstandingBytes: 1_000_000 });
  assert.equal(takeAll(budget, newShare()), 500);
  assert.equal(takeAll(budget, newShare()), 250);
  assert.equal(takeAll(budget, newShare()), 125);
});

test("whoever has nothing outstanding gets one, however little is left", () => {
  const budget = new PushBudget({ outstanding: 10, outstandingBytes: 1_000_000 });
  const shares = Array.from({ length: 50 }, newShare);
  for (const share of shares) takeAll(budget, share);
  for (const share of shares) assert.ok(share.outstanding >= 1);
  assert.ok(budget.outstanding <= 60);
});

test("bytes count too: a big message goes, a second one waits", () => {
  const budget = new PushBudget({ outstanding: 1_000, outstandingBytes: 100 });
  const share = newShare();
  assert.equal(takeAll(budget, share, 80), 1);
  assert.equal(takeAll(budget, newShare(), 80), 1);
  budget.release(share, 80);
  assert.equal(budget.credit(share) > 0, true);
});

test("what is given back can be taken again, to the last one", () => {
  const budget = new PushBudget({ outstanding: 100, outstandingBytes: 100 });
  const share = newShare();
  const taken = takeAll(budget, share);
  for (let index = 0; index < taken; index += 1) budget.release(share, 1);
  assert.deepEqual([budget.outstanding, share], [0, newShare()]);
  assert.equal(takeAll(budget, share), taken);
});
