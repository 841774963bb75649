import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { KeyTable } from "./key-table.js";
import { NO_ACCOUNT } from "./lease-table.js";

const A = 0;
const B = 1;

test("a key goes to one account while something of it is out, and to anybody afterwards", () => {
  const keys = new KeyTable();
  assert.ok(keys.accepts(7, A, false));
  keys.addOut(0, 7, A);
  assert.ok(keys.accepts(7, A, false));
  assert.ok(!keys.accepts(7, B, false));
  assert.ok(!keys.accepts(7, A, true));
  keys.addWaiting(1, 7);
  assert.ok(!keys.accepts(7, A, false));
  assert.deepEqual([keys.nextFor(A, false), keys.nextFor(B, false), keys.nextFor(A, true)], [1, -1, -1]);
  keys.remove(0, true);
  assert.deepEqual([keys.nextFor(B, false), keys.nextFor(A, true)], [1, 1]);
  keys.remove(1, false);
  assert.equal(keys.keyCount, 0);
});

test("a failure sends everything behind it back to wait, in order", () => {
  const keys = new KeyTable();
  for (const slot of [4, 2, 9]) keys.addOut(slot, 7, A);
  keys.addWaiting(1, 7);
  const ended: number[] = [];
  keys.fail(2, (slot) => ended.push(slot));
  assert.deepEqual(ended, [2, 9]);
  assert.equal(keys.waitingCount, 3);
  assert.equal(keys.nextFor(B, false), -1);
  for (const slot of [2, 9, 1]) {
    assert.equal(keys.nextFor(A, false), slot);
    keys.takeOut(slot, A);
  }
  assert.equal(keys.waitingCount, 0);
});

test("what is held back holds only its own key back", () => {
  const keys = new KeyTable();
  keys.addWaiting(0, 7);
  keys.addWaiting(1, 7);
  keys.addWaiting(2, 8);
  keys.setBlocked(0, true);
  assert.equal(keys.nextFor(A, false), 2);
  keys.takeOut(2, A);
  assert.equal(keys.nextFor(A, false), -1);
  keys.setBlocked(0, false);
  assert.equal(keys.nextFor(A, false), 0);
  keys.setBlocked(0, true);
  keys.remove(0, false);
  assert.equal(keys.nextFor(A, false), 1);
});

test("what follows a lease that counts against nobody waits for its end", () => {
  const keys = new KeyTable();
  keys.addWaiting(0, 7);
  keys.addWaiting(1, 7);
  keys.takeOut(0, NO_ACCOUNT);
  assert.deepEqual([keys.nextFor(A, false), keys.nextFor(B, false)], [-1, -1]);
  keys.remove(0, true);
  assert.equal(keys.nextFor(A, false), 1);
});

interface ModelMessage {
  readonly slot: number;
  readonly key: number;
  holder: number | undefined;
  isBlocked: boolean;
}

/** The same from the rules: a list of all messages. */
class Model {
  messages: ModelMessage[] = [];

  of(key: number): ModelMessage[] {
    return this.messages.filter((message) => message.key === key);
  }

  /** Whom the first waiting message of a key may go to: an account, "anybody", or nobody at all. */
  nextOf(key: number): { readonly slot: number; readonly to: number | "anybody" } | undefined {
    const messages = this.of(key);
    const next = messages.find(({ holder }) => holder === undefined);
    if (next === undefined || next.isBlocked) return undefined;
    const out = messages.filter(({ holder }) => holder !== undefined);
    if (out.length === 0) return { slot: next.slot, to: "anybody" };
    return { slot: next.slot, to: out.at(-1)!.holder! };
  }

  nextsFor(account: number): number[] {
    const nexts = [1, 2, 3].flatMap((key) => this.nextOf(key) ?? []);
    const bound = nexts.filter(({ to }) => to === account);
    return (bound.length > 0 ? bound : nexts.filter(({ to }) => to === "anybody")).map(({ slot }) => slot);
  }
}

test("whatever happens to messages, keys do as a list of all messages says", () => {
  const commands = fc.array(
    fc.tuple(fc.constantFrom("add", "take", "fail", "block", "remove"), fc.nat(99), fc.nat(1)),
    {
      maxLength: 200,
      size: "max",
    },
  );
  fc.assert(
    fc.property(commands, (list) => {
      const keys = new KeyTable();
      const model = new Model();
      let slots = 0;
      for (const [command, which, account] of list) {
        const message = model.messages[which % Math.max(1, model.messages.length)];
        if (command === "add") {
          const key = (which % 3) + 1;
          const isOut = keys.accepts(key, account, false);
          const behind = model.of(key);
          const maySend = behind.length === 0 || behind.every(({ holder }) => holder !== undefined);
          assert.equal(isOut, maySend && (behind.length === 0 || behind.at(-1)!.holder === account));
          if (isOut) keys.addOut(slots, key, account);
          else keys.addWaiting(slots, key);
          model.messages.push({ slot: slots, key, holder: isOut ? account : undefined, isBlocked: false });
          slots += 1;
        } else if (command === "take") {
          const slot = keys.nextFor(account, false);
          const nexts = model.nextsFor(account);
          if (slot === -1) assert.deepEqual(nexts, []);
          else {
            assert.ok(nexts.includes(slot));
            keys.takeOut(slot, account);
            model.messages.find((taken) => taken.slot === slot)!.holder = account;
          }
        } else if (message === undefined) continue;
        else if (command === "fail" && message.holder !== undefined) {
          const ended: number[] = [];
          keys.fail(message.slot, (slot) => ended.push(slot));
          const behind = model
            .of(message.key)
            .filter(({ slot, holder }) => slot >= message.slot && holder !== undefined);
          assert.deepEqual(
            ended,
            behind.map(({ slot }) => slot),
          );
          for (const each of behind) each.holder = undefined;
        } else if (command === "block" && message.holder === undefined) {
          message.isBlocked = !message.isBlocked;
          keys.setBlocked(message.slot, message.isBlocked);
        } else if (command === "remove") {
          keys.remove(message.slot, message.holder !== undefined);
          model.messages = model.messages.filter((kept) => kept !== message);
        }
        for (const { slot, key } of model.messages) assert.equal(keys.isFirst(slot), model.of(key)[0]?.slot === slot);
        assert.equal(keys.keyCount, new Set(model.messages.map(({ key }) => key)).size);
        assert.equal(keys.waitingCount, model.messages.filter(({ holder }) => holder === undefined).length);
      }
    }),
    { numRuns: 300 },
  );
});
