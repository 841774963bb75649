import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { PublishRequestSchema, PublishResponseSchema, type PubsubMessageSchema } from "@peal/wire";
import type { Profile } from "@peal/wire/hot";
import { apiFixture, FakeScope } from "../api-fixture.test.support.js";
import { publishMethod } from "./publish.js";

const TOPIC = "projects/p/topics/orders";

type Fields = MessageInitShape<typeof PubsubMessageSchema>;

function fixture(profile: Profile = "service") {
  const { context, engine } = apiFixture(profile);
  engine.topics.set(TOPIC, { name: TOPIC, labels: {} });
  const method = publishMethod(context);
  return {
    engine,
    send: async (bytes: Uint8Array) => fromBinary(PublishResponseSchema, await method.handle(bytes, new FakeScope())),
    publish: async (messages: readonly Fields[], topic = TOPIC) => {
      const bytes = toBinary(PublishRequestSchema, create(PublishRequestSchema, { topic, messages: [...messages] }));
      return fromBinary(PublishResponseSchema, await method.handle(bytes, new FakeScope()));
    },
  };
}

const data = Buffer.from("x");

function times<Value>(count: number, make: (index: number) => Value): Value[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

test("each message gets an id, in order", async () => {
  const { publish, engine } = fixture();
  assert.deepEqual((await publish([{ data }, { data }, { attributes: { a: "b" } }])).messageIds, [
    "1000",
    "1001",
    "1002",
  ]);
  assert.equal(engine.published[0]?.batch.count, 3);
});

test("a request has 1 to 1000 messages", async () => {
  const { publish } = fixture();
  await assert.rejects(publish([]), {
    message: "The value for message_count is too small. You passed 0 in the request, but the minimum value is 1.",
  });
  await assert.rejects(publish(times(1001, () => ({ data }))), {
    message: "The value for message_count is too large. You passed 1001 in the request, but the maximum value is 1000.",
  });
  assert.equal((await publish(times(1000, () => ({ data })))).messageIds.length, 1000);
});

test("a serialized request of 10,000,000 bytes is taken, and one byte more refused", async () => {
  const { publish, engine } = fixture();
  const overhead =
    toBinary(
      PublishRequestSchema,
      create(PublishRequestSchema, { topic: TOPIC, messages: [{ data: Buffer.alloc(9_000_000) }] }),
    ).length - 9_000_000;
  await publish([{ data: Buffer.alloc(10_000_000 - overhead) }]);
  await assert.rejects(publish([{ data: Buffer.alloc(10_000_001 - overhead) }]), {
    code: "INVALID_ARGUMENT",
    message:
      "The value for request_size is too large. You passed 10000001 in the request, but the maximum value is 10000000.",
  });
  assert.equal(engine.published.length, 1);
});

const REFUSED: readonly (readonly [what: string, message: Fields, text: RegExp])[] = [
  [
    "nothing in it",
    {},
    /^One or more messages in the publish request is empty\. Each message must contain either non-empty data, or at least one attribute\.$/,
  ],
  ["an ordering key alone", { orderingKey: "k" }, /^One or more messages in the publish request is empty/],
  [
    "101 attributes",
    { attributes: Object.fromEntries(times(101, (i) => [`k${i}`, ""])) },
    /num_attributes is too large\. You passed 101 in the request, but the maximum value is 100/,
  ],
  [
    "a key of 257 bytes",
    { attributes: { [`${"é".repeat(128)}x`]: "" } },
    /attribute_key_size is too large\. You passed 257/,
  ],
  [
    "a value of 1025 bytes",
    { attributes: { a: "x".repeat(1025) } },
    /attribute_value_size is too large\. You passed 1025/,
  ],
  ["an empty key", { attributes: { "": "x" } }, /attribute_key_size is too small/],
  ["a reserved key", { attributes: { GOOGx: "x" } }, /the key "GOOGx" begins with "goog"/],
  [
    "an ordering key of 1025 bytes",
    { data, orderingKey: "x".repeat(1025) },
    /ordering_key_size is too large\. You passed 1025/,
  ],
];

for (const [what, message, text] of REFUSED) {
  test(`one message with ${what} refuses the whole request`, async () => {
    const { publish, engine } = fixture();
    await assert.rejects(publish([{ data }, message]), { code: "INVALID_ARGUMENT", message: text });
    assert.equal(engine.published.length, 0);
  });
}

test("what is just within the limits is taken", async () => {
  const { publish } = fixture();
  await publish([
    { attributes: Object.fromEntries(times(100, (i) => [`k${i}`, ""])) },
    { attributes: { ["é".repeat(128)]: "x".repeat(1024), googclient_traceparent: "t", goo: "g" } },
  ]);
  await publish([{ data, orderingKey: "x".repeat(1024) }]);
});

test("mixed ordering keys are a failed precondition", async () => {
  const mixed = {
    code: "FAILED_PRECONDITION",
    message:
      "In a single publish request, all messages must have no ordering key or they must all have the same ordering key. [code=539b]",
  };
  const { publish, engine } = fixture();
  await assert.rejects(
    publish([
      { data, orderingKey: "a" },
      { data, orderingKey: "b" },
    ]),
    mixed,
  );
  await assert.rejects(publish([{ data, orderingKey: "a" }, { data }]), mixed);
  await assert.rejects(publish([{ data }, { data, orderingKey: "a" }]), mixed);
  assert.equal(engine.published.length, 0);
  await publish([
    { data, orderingKey: "a" },
    { data, orderingKey: "a" },
  ]);
});

test("the emulator profile takes reserved and empty keys and mixed ordering keys", async () => {
  const { publish } = fixture("emulator");
  await publish([{ attributes: { googx: "", "": "x" }, orderingKey: "a" }, { data }]);
});

test("a topic that is missing or misnamed is refused", async () => {
  const { publish } = fixture();
  await assert.rejects(publish([{ data }], "projects/p/topics/other"), {
    code: "NOT_FOUND",
    message: "Resource not found (resource=other).",
  });
  await assert.rejects(publish([{ data }], "orders"), { code: "INVALID_ARGUMENT" });
  await assert.rejects(fixture("emulator").publish([{ data }], "projects/p/topics/other"), {
    message: "Topic not found",
  });
});
