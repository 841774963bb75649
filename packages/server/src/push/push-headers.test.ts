import assert from "node:assert/strict";
import { validateHeaderName, validateHeaderValue } from "node:http";
import test from "node:test";
import fc from "fast-check";
import { unwrappedHeaders, wrappedHeaders } from "./push-headers.js";
import type { PushMessage } from "./push-message.js";

function message(data: string | Uint8Array, attributes: Record<string, string> = {}, orderingKey = ""): PushMessage {
  return {
    subscription: "projects/p/subscriptions/s",
    messageId: 12,
    publishTimeMs: Date.UTC(2021, 1, 26, 19, 13, 55, 749),
    deliveryAttempt: 3,
    fields: { data: Buffer.from(data), attributes: new Map(Object.entries(attributes)), orderingKey },
  };
}

const COMMON = wrappedHeaders();

test("a wrapped push is JSON, and says who sends it (S-14.5)", () => {
  assert.equal(COMMON["Content-Type"], "application/json");
  assert.equal(COMMON["User-Agent"], "CloudPubSub-Google");
});

test("metadata are headers of an unwrapped push where asked for (PUSH-005, PUSH-006)", () => {
  const given = message("x", { Colour: "red", "x-b": "" }, "key");
  assert.deepEqual(unwrappedHeaders(given, true), {
    ...COMMON,
    "Content-Type": "application/octet-stream",
    Colour: "red",
    "x-b": "",
    "x-goog-pubsub-subscription-name": "projects/p/subscriptions/s",
    "x-goog-pubsub-message-id": "12",
    "x-goog-pubsub-publish-time": "2021-02-26T19:13:55.749Z",
    "x-goog-pubsub-ordering-key": "key",
  });
  assert.deepEqual(unwrappedHeaders(given, false), { ...COMMON, "Content-Type": "application/octet-stream" });
  assert.equal("x-goog-pubsub-ordering-key" in unwrappedHeaders(message("x"), true), false);
});

test("data that is JSON is said to be", () => {
  const type = (data: string | Uint8Array): string | undefined =>
    unwrappedHeaders(message(data), false)["Content-Type"];
  for (const data of ['{"a":1}', "[]", "12", ' "x" ']) assert.equal(type(data), "application/json", data);
  for (const data of ["", "{", "text", "{}{}"]) assert.equal(type(data), "application/octet-stream", data);
  assert.equal(type(Uint8Array.from([0x22, 0xff, 0x22])), "application/octet-stream");
  assert.equal(type(`"${"x".repeat(2 * 1024 * 1024)}"`), "application/octet-stream");
});

test("attributes that cannot be headers, or would replace what the request needs, are left out (S-14.3)", () => {
  const attributes = {
    ...{ "has space": "1", "a:b": "1", naïve: "1", newline: "a\r\nX-Evil: 1", unicode: "é", bell: "\u0007" },
    ...{ Host: "evil", "content-length": "0", "Transfer-Encoding": "chunked", Connection: "close", TE: "x" },
    ...{ authorization: "Bearer x", "Content-Type": "text/html", "X-Goog-Pubsub-Message-Id": "1", "": "x" },
    "x-fine": "yes",
  };
  const headers = unwrappedHeaders(message("x", attributes, "bad\nkey"), true);
  assert.deepEqual(headers, {
    ...COMMON,
    "Content-Type": "application/octet-stream",
    "x-fine": "yes",
    "x-goog-pubsub-subscription-name": "projects/p/subscriptions/s",
    "x-goog-pubsub-message-id": "12",
    "x-goog-pubsub-publish-time": "2021-02-26T19:13:55.749Z",
  });
});

test("whatever a publisher writes, every header is one that Node sends", () => {
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.string(), fc.constantFrom("__proto__", "constructor"));
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text)), text, (entries, orderingKey) => {
      const given = message("x", {}, orderingKey);
      const fields = { ...given.fields, attributes: new Map(entries) };
      for (const [name, value] of Object.entries(unwrappedHeaders({ ...given, fields }, true))) {
        validateHeaderName(name);
        validateHeaderValue(name, value);
      }
    }),
  );
});
