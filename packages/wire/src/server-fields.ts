// A message's id and publish time are the server's to set. Where a publisher has set them they are taken out, so that the
// server can append its own: fields may come in any order.
import { LENGTH_DELIMITED, WireReader } from "./wire-reader.js";
import { varintSize, writeVarint } from "./wire-writer.js";

const TOPIC_TAG = (1 << 3) | LENGTH_DELIMITED;
const MESSAGES_TAG = (2 << 3) | LENGTH_DELIMITED;
const MESSAGE_ID = 3;
const PUBLISH_TIME = 4;

/** Returns a copy of a well-formed serialized PubsubMessage without its message id and publish time. */
export function messageWithoutServerFields(bytes: Uint8Array, offset: number, length: number): Uint8Array {
  const kept: Uint8Array[] = [];
  const reader = new WireReader(bytes, offset);
  const end = offset + length;
  while (reader.position < end) {
    const start = reader.position;
    const tag = reader.tag(end);
    reader.skip(tag, end);
    const fieldNumber = tag >>> 3;
    if (fieldNumber !== MESSAGE_ID && fieldNumber !== PUBLISH_TIME) kept.push(bytes.subarray(start, reader.position));
  }
  return Buffer.concat(kept);
}

/** Serializes a PublishRequest for `topic` with the messages that lie in `bytes`, less their message ids and publish times. */
export function requestWithoutServerFields(
  topic: string,
  bytes: Uint8Array,
  offsets: readonly number[],
  lengths: readonly number[],
): Uint8Array {
  const parts: Uint8Array[] = [];
  const add = (tag: number, content: Uint8Array): void => {
    const header = Buffer.alloc(1 + varintSize(content.length));
    header[0] = tag;
    writeVarint(header, 1, content.length);
    parts.push(header, content);
  };
  add(TOPIC_TAG, Buffer.from(topic, "utf8"));
  for (let index = 0; index < offsets.length; index += 1) {
    add(MESSAGES_TAG, messageWithoutServerFields(bytes, offsets[index]!, lengths[index]!));
  }
  return Buffer.concat(parts);
}
