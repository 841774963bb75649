import assert from "node:assert/strict";
import test from "node:test";
import { suggest } from "./suggestion.js";

const KEYS = ["host", "port", "data", "log-level", "tls-cert", "tls-key"];

test("a slip of a few letters finds the word that was meant", () => {
  assert.equal(suggest("prot", KEYS), "port");
  assert.equal(suggest("hosts", KEYS), "host");
  assert.equal(suggest("LOG_LEVEL", KEYS), "log-level");
  assert.equal(suggest("tlsKey", KEYS), "tls-key");
});

test("a word unlike all others suggests nothing", () => {
  assert.equal(suggest("zebra", KEYS), undefined);
  assert.equal(suggest("x", KEYS), undefined);
});
