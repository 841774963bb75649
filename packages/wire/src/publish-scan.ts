// Finds the messages of a PublishRequest without decoding them: where each lies, its attributes and its ordering key.
//
// google.pubsub.v1: PublishRequest { topic = 1, messages = 2 }, PubsubMessage { data = 1, attributes = 2 (entry: key = 1,
// value = 2), message_id = 3, publish_time = 4, ordering_key = 5 }, Timestamp { seconds = 1, nanos = 2 }.
import { dropRepeatedKeys } from "./attribute-keys.js";
import { LIMITS } from "./limits.js";
import { requestWithoutServerFields } from "./server-fields.js";
import { assertUtf8, readStringField, readText } from "./utf8-text.js";
import { WireFormatError } from "./wire-format-error.js";
import { LENGTH_DELIMITED, VARINT, WireReader } from "./wire-reader.js";

const TOPIC_TAG = (1 << 3) | LENGTH_DELIMITED;
const MESSAGES_TAG = (2 << 3) | LENGTH_DELIMITED;
const REQUEST_FIELDS = (1 << 1) | (1 << 2);

const DATA_TAG = (1 << 3) | LENGTH_DELIMITED;
const ATTRIBUTES_TAG = (2 << 3) | LENGTH_DELIMITED;
const MESSAGE_ID_TAG = (3 << 3) | LENGTH_DELIMITED;
const PUBLISH_TIME_TAG = (4 << 3) | LENGTH_DELIMITED;
const ORDERING_KEY_TAG = (5 << 3) | LENGTH_DELIMITED;
const MESSAGE_FIELDS = (1 << 1) | (1 << 2) | (1 << 3) | (1 << 4) | (1 << 5);

const KEY_TAG = (1 << 3) | LENGTH_DELIMITED;
const VALUE_TAG = (2 << 3) | LENGTH_DELIMITED;
const SECONDS_TAG = (1 << 3) | VARINT;
const NANOS_TAG = (2 << 3) | VARINT;
const TIMESTAMP_FIELDS = (1 << 1) | (1 << 2);

/**
 * Messages of one request whose places are noted, and attribute entries of one message: as many messages as a request may
 * have, and more attributes. What is beyond is counted but not looked into, for such a request is refused anyway: made of
 * nothing but tiny fields it costs bounded memory, and no more time than it must.
 */
export const MAX_NOTED_MESSAGES = LIMITS.publishMessages.max;
export const MAX_NOTED_ATTRIBUTES = 2 * LIMITS.attributes;

/**
 * Where things lie in a PublishRequest. Offsets count from the start of `bytes`; parallel arrays have one number per message.
 *
 * Field semantics are protobuf's: of a repeated singular field, or of attributes with one key, the last wins.
 */
export class PublishScan {
  /** The request; a copy of it without message ids and publish times where the publisher had set those. */
  readonly bytes: Uint8Array;
  /** The topic's name as given, not checked for its form. */
  topic = "";
  /** Above MAX_NOTED_MESSAGES all else here is of the first so many. */
  count = 0;
  /** Where each serialized PubsubMessage lies. */
  readonly offsets: number[] = [];
  readonly lengths: number[] = [];
  /** Where each message's data lies; length 0: none. */
  readonly dataOffsets: number[] = [];
  readonly dataLengths: number[] = [];
  /** Where each message's ordering key lies; length 0: none. */
  readonly keyOffsets: number[] = [];
  readonly keyLengths: number[] = [];
  /**
   * How many attributes each message has. Above MAX_NOTED_ATTRIBUTES it is the number of entries, repeated keys included,
   * and only the first so many are noted in `attributes`.
   */
  readonly attributeCounts: number[] = [];
  /** Attributes of all messages in order, four numbers each: key offset, key length, value offset, value length. */
  readonly attributes: number[] = [];
  /** Messages with neither data nor attributes. */
  emptyCount = 0;
  /** Messages with an ordering key. */
  orderedCount = 0;
  /** Attributes of all messages, as `attributeCounts` counts them. */
  attributeCount = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** The ordering key of a message, "" for none. */
  orderingKey(index: number): string {
    return readText(this.bytes, this.keyOffsets[index] ?? 0, this.keyLengths[index] ?? 0);
  }
}

/**
 * Scans a serialized PublishRequest.
 *
 * A message id or publish time set by the publisher is taken out: then `bytes` of the result is a new buffer. Otherwise, and
 * where there are too many messages for any request, it is the buffer given, which must not change while the result is in use.
 *
 * @throws WireFormatError if the bytes are not a well-formed PublishRequest.
 */
export function scanPublishRequest(bytes: Uint8Array): PublishScan {
  const scan = new PublishScan(bytes);
  const reader = new WireReader(bytes);
  const end = bytes.length;
  let hasServerFields = false;
  while (reader.position < end) {
    const tag = reader.tag(end);
    if (tag === MESSAGES_TAG) {
      const length = reader.length(end);
      if (scan.count >= MAX_NOTED_MESSAGES) {
        scan.count += 1;
        reader.position += length;
      } else if (scanMessage(reader, reader.position + length, scan)) hasServerFields = true;
    } else if (tag === TOPIC_TAG) {
      scan.topic = readStringField(reader, end);
    } else {
      reader.skipUnknown(tag, end, REQUEST_FIELDS);
    }
  }
  if (!hasServerFields || scan.count > MAX_NOTED_MESSAGES) return scan;
  return scanPublishRequest(requestWithoutServerFields(scan.topic, bytes, scan.offsets, scan.lengths));
}

/**
 * Scans one serialized PubsubMessage: the result holds that message alone, without topic. Unlike a request's, its bytes are
 * left as they are.
 *
 * @throws WireFormatError if the bytes are not a well-formed PubsubMessage.
 */
export function scanPubsubMessage(bytes: Uint8Array, offset = 0, length = bytes.length - offset): PublishScan {
  const scan = new PublishScan(bytes);
  scanMessage(new WireReader(bytes, offset), offset + length, scan);
  return scan;
}

/** Scans the message from the reader's position to `end`; true if the publisher set what only the server may set. */
function scanMessage(reader: WireReader, end: number, scan: PublishScan): boolean {
  const bytes = reader.bytes;
  const start = reader.position;
  let dataOffset = 0;
  let dataLength = 0;
  let keyOffset = 0;
  let keyLength = 0;
  let attributeCount = 0;
  let hasServerFields = false;
  while (reader.position < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case DATA_TAG:
        dataLength = reader.length(end);
        dataOffset = reader.position;
        reader.position += dataLength;
        break;
      case ATTRIBUTES_TAG: {
        const length = reader.length(end);
        attributeCount += 1;
        if (attributeCount <= MAX_NOTED_ATTRIBUTES) scanAttribute(reader, length, scan.attributes);
        else reader.position += length;
        break;
      }
      case ORDERING_KEY_TAG:
        keyLength = reader.length(end);
        keyOffset = reader.position;
        assertUtf8(bytes, keyOffset, keyLength);
        reader.position += keyLength;
        break;
      case MESSAGE_ID_TAG: {
        const length = reader.length(end);
        assertUtf8(bytes, reader.position, length);
        reader.position += length;
        hasServerFields = true;
        break;
      }
      case PUBLISH_TIME_TAG:
        scanTimestamp(reader, reader.length(end));
        hasServerFields = true;
        break;
      default:
        reader.skipUnknown(tag, end, MESSAGE_FIELDS);
    }
  }
  if (attributeCount > 1 && attributeCount <= MAX_NOTED_ATTRIBUTES) {
    attributeCount = dropRepeatedKeys(bytes, scan.attributes, attributeCount);
  }
  scan.count += 1;
  scan.offsets.push(start);
  scan.lengths.push(end - start);
  scan.dataOffsets.push(dataOffset);
  scan.dataLengths.push(dataLength);
  scan.keyOffsets.push(keyOffset);
  scan.keyLengths.push(keyLength);
  scan.attributeCounts.push(attributeCount);
  scan.attributeCount += attributeCount;
  if (keyLength > 0) scan.orderedCount += 1;
  if (dataLength === 0 && attributeCount === 0) scan.emptyCount += 1;
  return hasServerFields;
}

/** Scans one entry of the attributes map and adds its four numbers to `found`. An absent key or value is the empty string. */
function scanAttribute(reader: WireReader, length: number, found: number[]): void {
  const bytes = reader.bytes;
  const end = reader.position + length;
  let keyOffset = end;
  let keyLength = 0;
  let valueOffset = end;
  let valueLength = 0;
  while (reader.position < end) {
    const tag = reader.tag(end);
    if (tag === KEY_TAG) {
      keyLength = reader.length(end);
      keyOffset = reader.position;
      assertUtf8(bytes, keyOffset, keyLength);
      reader.position += keyLength;
    } else if (tag === VALUE_TAG) {
      valueLength = reader.length(end);
      valueOffset = reader.position;
      assertUtf8(bytes, valueOffset, valueLength);
      reader.position += valueLength;
    } else {
      // No encoder makes such an entry, and readers differ: protobuf-es loses its place in it.
      throw new WireFormatError(`an attribute holds more than a key and a value (byte ${reader.position})`);
    }
  }
  found.push(keyOffset, keyLength, valueOffset, valueLength);
}

/** Passes over a Timestamp, whose value does not matter, but which must be well-formed. */
function scanTimestamp(reader: WireReader, length: number): void {
  const end = reader.position + length;
  while (reader.position < end) {
    const tag = reader.tag(end);
    if (tag === SECONDS_TAG || tag === NANOS_TAG) reader.int64(end);
    else reader.skipUnknown(tag, end, TIMESTAMP_FIELDS);
  }
}
