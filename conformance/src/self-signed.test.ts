import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { makeSelfSigned } from "./self-signed.js";

test("a self-signed certificate is its own authority and is for this machine", () => {
  const { cert, key } = makeSelfSigned();
  const read = new X509Certificate(cert);
  assert.ok(read.verify(read.publicKey));
  assert.ok(read.ca);
  assert.ok(read.checkPrivateKey(createPrivateKey(key)));
  assert.equal(read.checkHost("localhost"), "localhost");
  assert.equal(read.checkIP("127.0.0.1"), "127.0.0.1");
  assert.equal(read.checkHost("example.com"), undefined);
  assert.ok(new Date(read.validFrom).getTime() < Date.now() && Date.now() < new Date(read.validTo).getTime());
});
