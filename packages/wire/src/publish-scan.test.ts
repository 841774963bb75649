import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { PublishRequestSchema, type PubsubMessage, PubsubMessageSchema } from "./gen/google/pubsub/v1/pubsub_pb.js";
import {
  MAX_NOTED_ATTRIBUTES,
  MAX_NOTED_MESSAGES,
  type PublishScan,
  scanPublishRequest,
  scanPubsubMessage,
} from "./publish-scan.js";
import { messageWithoutServerFields } from "./server-fields.js";
import { readText } from "./utf8-text.js";
import { WireFormatError } from "./wire-format-error.js";
import {
  attempt,
  damaged,
  decodeStrictly,
  FUZZ_RUNS,
  knownFieldsOf,
  lengthField,
  messagesOf,
  textFields,
  varintBytes,
  varintField,
  varintFields,
} from "./wire-oracle.test.support.js";

const timestamps = messagesOf(varintFields(1), varintFields(2)).map((bytes) => lengthField(4, bytes));
const entries = knownFieldsOf(textFields(1), textFields(2)).map((bytes) => lengthField(2, bytes));
const dataFields = fc.uint8Array({ maxLength: 20 }).map((bytes) => lengthField(1, bytes));
const plainMessages = messagesOf(dataFields, entries, entries, textFields(5));
const anyMessages = messagesOf(dataFields, entries, entries, textFields(3), timestamps, textFields(5));
const requests = messagesOf(
  textFields(1),
  fc.oneof(plainMessages, anyMessages).map((bytes) => lengthField(2, bytes)),
);

/** What a scan found of one message, as protobuf-es would show it. */
function found(scan: PublishScan, index: number): Partial<PubsubMessage> {
  const firstAttribute = scan.attributeCounts.slice(0, index).reduce((sum, count) => sum + count, 0) * 4;
  const attributes: Record<string, string> = {};
  for (let at = firstAttribute; at < firstAttribute + scan.attributeCounts[index]! * 4; at += 4) {
    const [keyOffset, keyLength, valueOffset, valueLength] = scan.attributes.slice(at, at + 4);
    const key = readText(scan.bytes, keyOffset!, keyLength!);
    assert.ok(!Object.hasOwn(attributes, key), "an attribute key is noted twice");
    attributes[key] = readText(scan.bytes, valueOffset!, valueLength!);
  }
  const dataOffset = scan.dataOffsets[index]!;
  const data = Uint8Array.from(scan.bytes.subarray(dataOffset, dataOffset + scan.dataLengths[index]!));
  return { data, attributes, orderingKey: scan.orderingKey(index) };
}

function assertAgrees(bytes: ArrayLike<number>): void {
  const scan = attempt(scanPublishRequest, bytes, WireFormatError);
  const expected = decodeStrictly(PublishRequestSchema, Uint8Array.from(bytes));
  assert.equal(scan === undefined, expected === undefined, "one of the two refuses, the other does not");
  if (scan === undefined || expected === undefined) return;
  assert.equal(scan.topic, expected.topic);
  assert.equal(scan.count, expected.messages.length);
  expected.messages.forEach((message, index) => {
    const { data, attributes, orderingKey } = message;
    assert.deepEqual(found(scan, index), { data: Uint8Array.from(data), attributes, orderingKey });
    const start = scan.offsets[index]!;
    const slice = fromBinary(
      PubsubMessageSchema,
      Uint8Array.from(scan.bytes.subarray(start, start + scan.lengths[index]!)),
    );
    assert.deepEqual(
      { ...slice, publishTime: slice.publishTime },
      { ...message, messageId: "", publishTime: undefined },
    );
  });
  const { messages } = expected;
  const attributeCounts = messages.map((message) => Object.keys(message.attributes).length);
  assert.equal(
    scan.attributeCount,
    attributeCounts.reduce((sum, count) => sum + count, 0),
  );
  assert.equal(scan.orderedCount, messages.filter((message) => message.orderingKey !== "").length);
  assert.equal(
    scan.emptyCount,
    messages.filter((message, index) => message.data.length === 0 && attributeCounts[index] === 0).length,
  );
}

test("a scan finds in any well-formed publish request what protobuf-es decodes", () => {
  fc.assert(fc.property(requests, assertAgrees), { numRuns: FUZZ_RUNS });
});

test("a scan refuses damaged bytes exactly where a strict decoder does, and else agrees with it", () => {
  fc.assert(fc.property(damaged(requests), assertAgrees), { numRuns: FUZZ_RUNS * 4 });
});

test("a request cut anywhere is refused or scanned as what is left of it", () => {
  const bytes = toBinary(
    PublishRequestSchema,
    create(PublishRequestSchema, {
      topic: "projects/p/topics/täglich",
      messages: [
        { data: new Uint8Array(200), attributes: { a: "1", ключ: "значение" }, orderingKey: "k" },
        { messageId: "7", publishTime: { seconds: 1n, nanos: 2 } },
      ],
    }),
  );
  for (let length = 0; length <= bytes.length; length += 1) assertAgrees(bytes.subarray(0, length));
});

test("an empty request has no topic and no messages", () => {
  const scan = scanPublishRequest(new Uint8Array(0));
  assert.deepEqual([scan.topic, scan.count, scan.offsets], ["", 0, []]);
});

test("the result shares the request's bytes unless the publisher set an id or a time", () => {
  const plain = Uint8Array.from(lengthField(2, lengthField(1, [1])));
  assert.equal(scanPublishRequest(plain).bytes, plain);
  const withId = Uint8Array.from(lengthField(2, [...lengthField(1, [1]), ...lengthField(3, [0x37])]));
  assert.deepEqual(scanPublishRequest(withId).bytes, Buffer.concat([Uint8Array.of(10, 0), plain]));
});

test("a message that is scanned alone keeps its id and time, and can be freed of them", () => {
  const message = create(PubsubMessageSchema, {
    data: Uint8Array.of(1),
    attributes: { a: "b" },
    messageId: "7",
    publishTime: { seconds: 5n, nanos: 0 },
    orderingKey: "k",
  });
  const bytes = Buffer.concat([Buffer.alloc(3), toBinary(PubsubMessageSchema, message), Buffer.alloc(3)]);
  const scan = scanPubsubMessage(bytes, 3, bytes.length - 6);
  assert.deepEqual([scan.count, scan.offsets, scan.lengths], [1, [3], [bytes.length - 6]]);
  assert.deepEqual(found(scan, 0), { data: Uint8Array.of(1), attributes: { a: "b" }, orderingKey: "k" });
  const freed = fromBinary(PubsubMessageSchema, messageWithoutServerFields(bytes, 3, bytes.length - 6));
  assert.deepEqual([freed.messageId, freed.publishTime, freed.orderingKey], ["", undefined, "k"]);
});

test("of a repeated attribute key the last value counts, however many attributes there are", () => {
  for (const count of [2, 16, 17, 200]) {
    const fields: number[] = [];
    for (let index = 0; index < count; index += 1) {
      const key = Buffer.from(`key-${index % Math.ceil(count / 2)}`);
      fields.push(...lengthField(2, [...lengthField(1, key), ...lengthField(2, Buffer.from(String(index)))]));
    }
    assertAgrees(lengthField(2, fields));
  }
});

test("a message of nothing but attributes is counted in full and noted in part", () => {
  const entry = lengthField(2, lengthField(1, [0x61]));
  const count = MAX_NOTED_ATTRIBUTES + 500;
  const message = new Array<number[]>(count).fill(entry).flat();
  const scan = scanPublishRequest(Uint8Array.from(lengthField(2, message)));
  assert.deepEqual(scan.attributeCounts, [count]);
  assert.equal(scan.attributes.length, MAX_NOTED_ATTRIBUTES * 4);
});

test("a request of nothing but messages is counted in full and noted in part", () => {
  const message = lengthField(2, [...lengthField(2, lengthField(1, [0x61])), ...lengthField(3, [0x37])]);
  const bytes = Uint8Array.from(new Array<number[]>(MAX_NOTED_MESSAGES + 1).fill(message).flat());
  const scan = scanPublishRequest(bytes);
  assert.equal(scan.count, MAX_NOTED_MESSAGES + 1);
  assert.equal(scan.attributeCount, MAX_NOTED_MESSAGES);
  for (const { length } of [scan.offsets, scan.keyLengths, scan.attributeCounts])
    assert.equal(length, MAX_NOTED_MESSAGES);
  assert.equal(scan.attributes.length, MAX_NOTED_MESSAGES * 4);
  assertAgrees(bytes.subarray(0, message.length * MAX_NOTED_MESSAGES));
});

test("what readers could understand in different ways is refused", () => {
  const groups = (depth: number): number[] => [
    ...new Array<number>(depth).fill(13 * 8 + 3),
    ...new Array<number>(depth).fill(13 * 8 + 4),
  ];
  const refused: Record<string, number[]> = {
    "a field that runs past its message": [0x12, 0x02, 0x0a, 0x05, 1, 2, 3, 4, 5],
    "data as a varint": lengthField(2, varintField(1, 5n)),
    "a topic as a group": [0x0b, 0x0c],
    "a length of more than 32 bits": [0x0a, 0x81, 0x80, 0x80, 0x80, 0x10, 0x61],
    "a length of six bytes": [0x0a, ...varintBytes(1n, 5), 0x61],
    "a tag of six bytes": [...varintBytes(0x0an, 5), 1, 0x61],
    "a varint of eleven bytes": [0x60, ...varintBytes(1n, 10)],
    "groups deeper than readers may follow": groups(33),
    "text that is not UTF-8": lengthField(1, [0xc3, 0x28]),
    "text that is not UTF-8, and long": lengthField(1, [...new Array<number>(200).fill(0x61), 0xff]),
    "a surrogate in UTF-8": lengthField(1, [0xed, 0xa0, 0x80]),
    "an unknown field in an attribute": lengthField(2, lengthField(2, varintField(11, 1n))),
    "field number 0": [0x02, 0x00],
    "wire type 6": [0x66],
    "a group that is not begun": [0x64],
    "a group that ends as another": [0x63, 0x6c],
  };
  for (const [what, bytes] of Object.entries(refused)) {
    assert.throws(() => scanPublishRequest(Uint8Array.from(bytes)), WireFormatError, what);
    assert.equal(decodeStrictly(PublishRequestSchema, Uint8Array.from(bytes)), undefined, what);
  }
  assert.equal(scanPublishRequest(Uint8Array.from(groups(32))).count, 0);
});
