import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Block } from "./block.js";
import { packBlock } from "./block-writer.js";
import { deadLetterBatch, deadLetterMessage } from "./dead-letter-message.js";
import { field, messageBytes, readBack, varint } from "./pubsub-message.test.support.js";

const SOURCE = {
  subscription: "projects/some-project/subscriptions/some-sub",
  deliveryCount: 5,
  publishTimeMs: Date.UTC(2020, 9, 31, 7, 8, 9, 45),
};
const SOURCE_ATTRIBUTES = {
  CloudPubSubDeadLetterSourceDeliveryCount: "5",
  CloudPubSubDeadLetterSourceSubscription: "some-sub",
  CloudPubSubDeadLetterSourceSubscriptionProject: "some-project",
  CloudPubSubDeadLetterSourceTopicPublishTime: "2020-10-31T07:08:09.045+00:00",
};

test("a dead letter has the message's data, attributes and key, and says where it comes from", () => {
  const bytes = messageBytes({ data: "data", attributes: { a: "1", b: "" }, orderingKey: "key" });
  assert.deepEqual(readBack(deadLetterMessage(bytes, SOURCE).bytes), {
    data: "data",
    attributes: { a: "1", b: "", ...SOURCE_ATTRIBUTES },
    orderingKey: "key",
    unknown: [],
  });
});

test("what an earlier hop said is replaced, and nothing else", () => {
  const attributes = {
    CloudPubSubDeadLetterSourceDeliveryCount: "9",
    CloudPubSubDeadLetterSourceDeliveryErrorMessage: "kept",
    own: "1",
    CloudPubSubDeadLetterSourceTopicPublishTime: "long ago",
  };
  const { bytes } = deadLetterMessage(messageBytes({ data: "", attributes }), SOURCE);
  const read = readBack(bytes);
  assert.deepEqual(read.attributes, {
    CloudPubSubDeadLetterSourceDeliveryErrorMessage: "kept",
    own: "1",
    ...SOURCE_ATTRIBUTES,
  });
  assert.equal(Buffer.from(bytes).toString("latin1").split("DeliveryCount").length, 2);
});

test("fields that this server does not know go along", () => {
  const bytes = Buffer.concat([
    field(100, "unknown"),
    messageBytes({ data: "x", attributes: { a: "1" } }),
    field(7, "7"),
  ]);
  const read = readBack(deadLetterMessage(bytes, SOURCE).bytes);
  assert.deepEqual(read, {
    data: "x",
    attributes: { a: "1", ...SOURCE_ATTRIBUTES },
    orderingKey: "",
    unknown: [100, 7],
  });
  // A varint, eight bytes, a group that nests, four bytes.
  const others = Buffer.concat([
    varint(20 * 8),
    varint(2 ** 40),
    varint(21 * 8 + 1),
    Buffer.alloc(8),
    varint(22 * 8 + 3),
    varint(22 * 8 + 3),
    field(2, "not an attribute"),
    varint(22 * 8 + 4),
    varint(22 * 8 + 4),
    varint(23 * 8 + 5),
    Buffer.alloc(4),
  ]);
  const edited = deadLetterMessage(Buffer.concat([others, messageBytes({ data: "x" })]), SOURCE);
  assert.deepEqual(Buffer.from(edited.bytes.subarray(0, others.length)), others);
  assert.equal(edited.attributes.length, 16);
});

test("a message that ends within a field is an error", () => {
  const bytes = messageBytes({ data: "data", attributes: { a: "1" } });
  for (const cut of [1, 3, bytes.length - 1]) {
    assert.throws(() => deadLetterMessage(bytes.subarray(0, cut), SOURCE), /ends within the field/);
  }
});

test("the block of dead letters finds their attributes and keys where a filter and an order look for them", () => {
  const texts = fc.string({ maxLength: 8, unit: "binary" });
  const messages = fc.record({
    data: texts,
    attributes: fc.dictionary(texts, texts, { maxKeys: 5 }),
    orderingKey: fc.option(texts, { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(messages, { minLength: 1, maxLength: 5 }), (given) => {
      const forwarded = given.map(({ orderingKey, ...message }) =>
        deadLetterMessage(messageBytes(orderingKey === undefined ? message : { ...message, orderingKey }), SOURCE),
      );
      const block = new Block(1, packBlock([deadLetterBatch(forwarded)], 1, 0));
      given.forEach((message, index) => {
        assert.equal(block.orderingKey(index), message.orderingKey ?? "");
        for (const [key, value] of Object.entries({ ...message.attributes, ...SOURCE_ATTRIBUTES })) {
          const place = block.findAttribute(index, Buffer.from(key));
          assert.notEqual(place, -1);
          assert.equal(block.valueEquals(place, Buffer.from(value)), true);
        }
        const at = block.offset(index);
        const read = readBack(block.bytes.subarray(at, at + block.sizeBytes(index)));
        assert.deepEqual(read.attributes, { ...message.attributes, ...SOURCE_ATTRIBUTES });
      });
    }),
  );
});
