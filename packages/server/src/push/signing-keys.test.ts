import assert from "node:assert/strict";
import test from "node:test";
import { createLocalJWKSet, jwtVerify } from "jose";
import { MemoryKeyStore } from "./push-bed.test.support.js";
import { SigningKeys } from "./signing-keys.js";

test("the key is made once, kept, and verifies after a restart what was signed before", async () => {
  const store = new MemoryKeyStore();
  const keys = new SigningKeys(store);
  const [token] = await Promise.all([keys.sign({ aud: "a" }), keys.sign({ aud: "b" }), keys.publicKeys()]);
  assert.equal(store.writes, 1);
  const restarted = new SigningKeys(store);
  const published = await restarted.publicKeys();
  const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet({ keys: [...published.keys] }));
  assert.equal(payload.aud, "a");
  assert.equal(protectedHeader.alg, "RS256");
  assert.equal(protectedHeader.kid, published.keys[0]!.kid);
  assert.equal(store.writes, 1);
});

test("only the public half is published", async () => {
  const { keys } = await new SigningKeys(new MemoryKeyStore()).publicKeys();
  assert.deepEqual(Object.keys(keys[0]!).sort(), ["alg", "e", "kid", "kty", "n", "use"]);
});

test("a store that fails is asked again the next time", async () => {
  const store = new MemoryKeyStore();
  const read = store.read.bind(store);
  store.read = () => Promise.reject(new Error("the disk is busy"));
  const keys = new SigningKeys(store);
  await assert.rejects(keys.publicKeys(), /the disk is busy/);
  store.read = read;
  assert.equal((await keys.publicKeys()).keys.length, 1);
});

test("a key of a later version, or of another kind, is refused", async () => {
  const store = new MemoryKeyStore();
  store.value = Buffer.from(JSON.stringify({ v: 2 }));
  await assert.rejects(new SigningKeys(store).publicKeys(), /has version 2; this server reads 1/);
  store.value = Buffer.from(JSON.stringify({ v: 1, key: { kty: "oct", k: "AAAA" } }));
  await assert.rejects(new SigningKeys(store).publicKeys(), /no RSA key/);
});
