import assert from "node:assert/strict";
import test from "node:test";
import { parseEndpoint } from "./post-request.js";

test("an endpoint is read into what a request needs, with its query (S-14.1)", () => {
  assert.deepEqual(parseEndpoint("https://a.example/b/c?d=e&f#g"), {
    url: "https://a.example/b/c?d=e&f#g",
    isSecure: true,
    host: "a.example",
    port: 443,
    path: "/b/c?d=e&f",
    credentials: undefined,
  });
  const plain = parseEndpoint("http://u%3A:p%zz@[::1]:8080");
  assert.deepEqual([plain?.isSecure, plain?.host, plain?.port, plain?.path], [false, "::1", 8080, "/"]);
  assert.equal(plain?.credentials, "u::p%zz");
  assert.equal(parseEndpoint("http://0x7f.1/")?.host, "127.0.0.1");
});

test("what is no http or https URL is no endpoint", () => {
  for (const text of ["", "example.com", "ftp://example.com", "https://", "unix:/run/x", "javascript:alert(1)"]) {
    assert.equal(parseEndpoint(text), undefined, text);
  }
});
