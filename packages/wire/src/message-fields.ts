// Reads one serialized PubsubMessage where it lies, without a decoder: { data = 1, attributes = 2 (entry: key = 1, value = 2),
// ordering_key = 5 }. Its bytes have passed a PublishScan, so a violation of the format is a bug or damage.
import { readStringField, readText } from "./utf8-text.js";
import { LENGTH_DELIMITED, WireReader } from "./wire-reader.js";

const DATA_TAG = (1 << 3) | LENGTH_DELIMITED;
const ATTRIBUTES_TAG = (2 << 3) | LENGTH_DELIMITED;
const ORDERING_KEY_TAG = (5 << 3) | LENGTH_DELIMITED;
const KEY_TAG = (1 << 3) | LENGTH_DELIMITED;
const VALUE_TAG = (2 << 3) | LENGTH_DELIMITED;

/** What a publisher has put into a message. */
export interface MessageFields {
  /** A view into the bytes it was read from. */
  readonly data: Uint8Array;
  /** In the order of their first appearance. */
  readonly attributes: ReadonlyMap<string, string>;
  /** "": none. */
  readonly orderingKey: string;
}

/**
 * Of a repeated field, or of attributes with one key, the last wins.
 *
 * @throws {WireFormatError} The bytes are not a PubsubMessage.
 */
export function readMessageFields(bytes: Uint8Array, offset: number, length: number): MessageFields {
  const reader = new WireReader(bytes, offset);
  const end = offset + length;
  const attributes = new Map<string, string>();
  let dataOffset = offset;
  let dataLength = 0;
  let orderingKey = "";
  while (reader.position < end) {
    const tag = reader.tag(end);
    if (tag === DATA_TAG) {
      dataLength = reader.length(end);
      dataOffset = reader.position;
      reader.position += dataLength;
    } else if (tag === ATTRIBUTES_TAG) {
      const entryLength = reader.length(end);
      readAttribute(reader, reader.position + entryLength, attributes);
    } else if (tag === ORDERING_KEY_TAG) {
      orderingKey = readStringField(reader, end);
    } else {
      reader.skip(tag, end);
    }
  }
  return { data: bytes.subarray(dataOffset, dataOffset + dataLength), attributes, orderingKey };
}

function readAttribute(reader: WireReader, end: number, attributes: Map<string, string>): void {
  let key = "";
  let value = "";
  while (reader.position < end) {
    const tag = reader.tag(end);
    if (tag !== KEY_TAG && tag !== VALUE_TAG) {
      reader.skip(tag, end);
      continue;
    }
    const length = reader.length(end);
    const text = readText(reader.bytes, reader.position, length);
    reader.position += length;
    if (tag === KEY_TAG) key = text;
    else value = text;
  }
  attributes.set(key, value);
}
