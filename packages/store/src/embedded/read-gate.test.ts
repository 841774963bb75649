import assert from "node:assert/strict";
import { test } from "node:test";
import { ReadGate } from "./read-gate.js";

test("no more reads run than the gate lets in, and each of them ends", async () => {
  const gate = new ReadGate(2);
  let running = 0;
  let most = 0;
  const read = async (number: number) => {
    running += 1;
    most = Math.max(most, running);
    await new Promise(setImmediate);
    running -= 1;
    if (number % 3 === 0) throw new Error(`${number} fails`);
    return number;
  };
  const settled = await Promise.allSettled(Array.from({ length: 20 }, (_, number) => gate.run(() => read(number))));
  assert.equal(most, 2);
  assert.deepEqual(
    settled.map((result) => result.status),
    settled.map((_, number) => (number % 3 === 0 ? "rejected" : "fulfilled")),
  );
  assert.equal(await gate.run(async () => "later"), "later");
});
