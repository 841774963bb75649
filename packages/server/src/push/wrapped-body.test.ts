import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import type { PushMessage } from "./push-message.js";
import { encodeWrappedBody } from "./wrapped-body.js";

function message(change: Partial<PushMessage["fields"]>, deliveryAttempt = 0): PushMessage {
  return {
    subscription: "projects/p/subscriptions/s",
    messageId: 2_070_443_601_311_540,
    publishTimeMs: Date.UTC(2021, 1, 26, 19, 13, 55, 749),
    deliveryAttempt,
    fields: { data: new Uint8Array(), attributes: new Map(), orderingKey: "", ...change },
  };
}

function encode(given: PushMessage, version?: string): unknown {
  return JSON.parse(Buffer.from(encodeWrappedBody(given, version)).toString("utf8"));
}

test("a body has all that is known of the message, ids and times in both spellings (PUSH-001)", () => {
  const fields = { data: Buffer.from("Hi?>"), attributes: new Map([["k", "v"]]), orderingKey: "key" };
  assert.deepEqual(encode(message(fields, 5), "v1"), {
    deliveryAttempt: 5,
    message: {
      attributes: { k: "v" },
      data: "SGk/Pg==",
      messageId: "2070443601311540",
      message_id: "2070443601311540",
      orderingKey: "key",
      publishTime: "2021-02-26T19:13:55.749Z",
      publish_time: "2021-02-26T19:13:55.749Z",
    },
    subscription: "projects/p/subscriptions/s",
  });
});

test("what is empty is left out: attempt, attributes, data, key (PUSH-008, PUSH-013)", () => {
  const time = "2021-02-26T19:13:55Z";
  const id = "2070443601311540";
  const given = { ...message({}), publishTimeMs: Date.UTC(2021, 1, 26, 19, 13, 55) };
  assert.deepEqual(encode(given), {
    message: { messageId: id, message_id: id, publishTime: time, publish_time: time },
    subscription: "projects/p/subscriptions/s",
  });
});

test("any text and any data come back from the body as they were", () => {
  const text = fc.string({ unit: "binary" });
  fc.assert(
    fc.property(fc.uint8Array(), fc.array(fc.tuple(text, text)), text, (data, entries, orderingKey) => {
      const attributes = new Map(entries);
      const body = encode(message({ data, attributes, orderingKey })) as { message: Record<string, unknown> };
      assert.deepEqual(Buffer.from(String(body.message["data"] ?? ""), "base64"), Buffer.from(data));
      assert.deepEqual(new Map(Object.entries(body.message["attributes"] ?? {})), attributes);
      assert.equal(body.message["orderingKey"] ?? "", orderingKey);
    }),
  );
});

test("the legacy format has labels and the short form of the subscription (S-14.16)", () => {
  const fields = { data: Buffer.from("x"), attributes: new Map([["k", "v"]]), orderingKey: "" };
  assert.deepEqual(encode(message(fields), "v1beta1"), {
    message: { data: "eA==", label: [{ key: "k", strValue: "v" }], messageId: "2070443601311540" },
    subscription: "/subscriptions/p/s",
  });
  assert.deepEqual(encode(message(fields), "v1beta2"), encode(message(fields), "v1"));
});
