import assert from "node:assert/strict";
import type { LookupAddress, LookupOptions } from "node:dns";
import test from "node:test";
import { guardedLookup } from "./guarded-lookup.js";
import type { Address } from "./name-resolver.js";

const MIXED: readonly Address[] = [
  { address: "10.0.0.1", family: 4 },
  { address: "8.8.8.8", family: 4 },
  { address: "::1", family: 6 },
  { address: "2606:4700::1111", family: 6 },
];

function look(addresses: readonly Address[], allowsPrivate: boolean, options: LookupOptions): Promise<unknown> {
  const lookup = guardedLookup(async () => addresses, allowsPrivate);
  return new Promise((resolve, reject) => {
    lookup("push.test", options, (error, found: string | LookupAddress[], family) => {
      if (error !== null) reject(error);
      else resolve(typeof found === "string" ? [found, family] : found);
    });
  });
}

test("of the addresses of a name the private ones are left out", async () => {
  assert.deepEqual(await look(MIXED, false, { all: true }), [MIXED[1], MIXED[3]]);
  assert.deepEqual(await look(MIXED, false, {}), ["8.8.8.8", 4]);
});

test("a name with private addresses only is refused", async () => {
  const refusal = { code: "ADDRESS_REFUSED", message: "push.test has no public address" };
  await assert.rejects(look([MIXED[0]!, MIXED[2]!], false, { all: true }), refusal);
});

test("where private addresses are allowed none is left out", async () => {
  assert.deepEqual(await look(MIXED, true, { all: true }), MIXED);
});
