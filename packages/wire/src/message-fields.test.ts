import assert from "node:assert/strict";
import test from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { PubsubMessageSchema } from "./gen/google/pubsub/v1/pubsub_pb.js";
import { readMessageFields } from "./message-fields.js";
import { WireFormatError } from "./wire-format-error.js";

const messages = fc.record({
  data: fc.uint8Array({ maxLength: 40 }),
  attributes: fc.dictionary(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), { maxKeys: 5 }),
  messageId: fc.constantFrom("", "7"),
  orderingKey: fc.string({ unit: "binary", maxLength: 10 }),
});

test("the fields of a message are read as protobuf-es reads them, wherever it lies", () => {
  fc.assert(
    fc.property(messages, fc.nat({ max: 9 }), (message, gap) => {
      const encoded = toBinary(PubsubMessageSchema, create(PubsubMessageSchema, message));
      const bytes = Buffer.concat([Buffer.alloc(gap, 0xff), encoded, Buffer.alloc(3, 0xff)]);
      const fields = readMessageFields(bytes, gap, encoded.length);
      assert.deepEqual(Buffer.from(fields.data), Buffer.from(message.data));
      assert.deepEqual(new Map(fields.attributes), new Map(Object.entries(message.attributes)));
      assert.equal(fields.orderingKey, message.orderingKey);
    }),
  );
});

test("of repeated fields the last one counts, and fields of later versions are passed over", () => {
  const entry = (key: string, value: string): number[] => [
    0x12,
    key.length + value.length + 4,
    ...[0x0a, key.length, ...Buffer.from(key), 0x12, value.length, ...Buffer.from(value)],
  ];
  const bytes = Uint8Array.from([
    ...[0x0a, 1, 0x61, 0x0a, 1, 0x62],
    ...[...entry("k", "1"), ...entry("k", "22")],
    ...[0x78, 5, 0x2a, 1, 0x7a],
  ]);
  const { data, attributes, orderingKey } = readMessageFields(bytes, 0, bytes.length);
  assert.equal(Buffer.from(data).toString(), "b");
  assert.deepEqual([...attributes], [["k", "22"]]);
  assert.equal(orderingKey, "z");
});

test("damaged bytes are refused", () => {
  assert.throws(() => readMessageFields(Uint8Array.from([0x0a, 9, 1]), 0, 3), WireFormatError);
});
