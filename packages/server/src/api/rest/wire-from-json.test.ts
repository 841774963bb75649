import assert from "node:assert/strict";
import { test } from "node:test";
import { type DescMessage, fromBinary, fromJson, type JsonObject, toBinary, toJson } from "@bufbuild/protobuf";
import {
  CreateSchemaRequestSchema,
  PublishRequestSchema,
  SeekRequestSchema,
  StreamingPullRequestSchema,
  SubscriptionSchema,
  TopicSchema,
  UpdateSubscriptionRequestSchema,
} from "@peal/wire";
import fc from "fast-check";
import { wireFromJson } from "./wire-from-json.js";

/** What protobuf-es makes of the same JSON. */
function oracle(desc: DescMessage, json: JsonObject) {
  return toJson(desc, fromJson(desc, json));
}

function ours(desc: DescMessage, json: JsonObject) {
  return toJson(desc, fromBinary(desc, wireFromJson(desc, json, 1)));
}

const bytes = fc.uint8Array({ maxLength: 300 }).map((value) => Buffer.from(value).toString("base64"));
const text = fc.string({ unit: "grapheme", maxLength: 200 });
const message = fc.record(
  { data: bytes, attributes: fc.dictionary(text, text, { noNullPrototype: true }), orderingKey: text },
  { requiredKeys: [] },
);

test("any publish request becomes the bytes that protobuf-es makes of it", () => {
  fc.assert(
    fc.property(fc.record({ topic: text, messages: fc.array(message, { maxLength: 20 }) }), (request) => {
      // A key "__proto__" is lost by protobuf-es' own plain objects.
      for (const { attributes } of request.messages) Reflect.deleteProperty(attributes ?? {}, "__proto__");
      const expected = toBinary(PublishRequestSchema, fromJson(PublishRequestSchema, request));
      const wire = wireFromJson(PublishRequestSchema, request, 1);
      assert.equal(wire.length, expected.length);
      assert.deepEqual(ours(PublishRequestSchema, request), oracle(PublishRequestSchema, request));
    }),
  );
});

const CASES: readonly (readonly [DescMessage, JsonObject])[] = [
  [
    SubscriptionSchema,
    {
      name: "n",
      ack_deadline_seconds: "30",
      retainAckedMessages: true,
      messageRetentionDuration: "600.500s",
      expirationPolicy: {},
      labels: { a: "b", c: "" },
      deadLetterPolicy: { maxDeliveryAttempts: 7 },
      state: "ACTIVE",
      pushConfig: { oidcToken: { audience: "" }, noWrapper: { writeMetadata: true } },
      cloudStorageConfig: { maxBytes: "9007199254740993", avroConfig: {} },
    },
  ],
  [
    TopicSchema,
    { messageStoragePolicy: { allowedPersistenceRegions: ["a", "b"] }, messageTransforms: [{}, { disabled: true }] },
  ],
  [
    TopicSchema,
    {
      state: 2,
      schemaSettings: null,
      messageTransforms: [{ aiInference: { unstructuredInference: { parameters: { a: [1, "x", null] } } } }],
    },
  ],
  [SeekRequestSchema, { time: "2026-09-10T08:00:00.123Z" }],
  [StreamingPullRequestSchema, { modifyDeadlineSeconds: [-1, 0, 600], maxOutstandingMessages: "-9223372036854775808" }],
  [CreateSchemaRequestSchema, { schema: { type: "AVRO", definition: "é".repeat(1000) } }],
  [UpdateSubscriptionRequestSchema, { updateMask: "ackDeadlineSeconds,pushConfig.pushEndpoint" }],
];

for (const [desc, json] of CASES) {
  test(`${desc.name} ${JSON.stringify(json).slice(0, 50)} is read as protobuf-es reads it`, () => {
    assert.deepEqual(ours(desc, json), oracle(desc, json));
  });
}

test("a field mask is taken in the proto's spelling, too", () => {
  const json = { updateMask: "ack_deadline_seconds,labels,*" };
  const request = fromBinary(UpdateSubscriptionRequestSchema, wireFromJson(UpdateSubscriptionRequestSchema, json));
  assert.deepEqual(request.updateMask?.paths, ["ack_deadline_seconds", "labels", "*"]);
});

test("any JSON is read or refused, but never crashes", () => {
  const names = fc.constantFrom(
    "topic",
    "messages",
    "data",
    "attributes",
    "orderingKey",
    "ordering_key",
    "publishTime",
    "x",
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      tie("leaf"),
      fc.array(tie("tree")),
      fc.dictionary(names, tie("tree"), { noNullPrototype: true }),
    ),
    leaf: fc.oneof(
      fc.string(),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.constant(null),
    ),
  }));
  fc.assert(
    fc.property(tree, (json) => {
      try {
        fromBinary(PublishRequestSchema, wireFromJson(PublishRequestSchema, JSON.parse(JSON.stringify(json))));
      } catch (error) {
        assert.equal(error instanceof Error && "code" in error && error.code, "INVALID_ARGUMENT", String(error));
      }
    }),
  );
});

test("text that UTF-8 cannot hold and base64 that is none are refused", () => {
  const refused: readonly JsonObject[] = [
    { topic: "\ud800" },
    { messages: [{ attributes: { "\udc00": "" } }] },
    ...["a", "ab c", "ab=c", "=", "a===", "ab\u0000d", "ab*d"].map((data) => ({ messages: [{ data }] })),
  ];
  for (const json of refused) {
    assert.throws(() => wireFromJson(PublishRequestSchema, json), { code: "INVALID_ARGUMENT" }, JSON.stringify(json));
  }
});
