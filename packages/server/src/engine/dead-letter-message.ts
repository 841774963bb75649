/**
 * What becomes of a message on its way to a dead-letter topic: the same bytes, but for the attributes that say where it
 * comes from (S-18.2).
 *
 * A stored message is a PubsubMessage as its publisher sent it. It is edited field by field, so that what this server does
 * not know of it goes along.
 */
import type { PublishBatch } from "./engine-contract.js";

const FIELD_ATTRIBUTES = 2;
const FIELD_ORDERING_KEY = 5;
const ENTRY_KEY = 1;
const ENTRY_VALUE = 2;

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const GROUP_START = 3;
const GROUP_END = 4;
const FIXED32 = 5;

const SOURCE = "CloudPubSubDeadLetterSource";

/** A message to be forwarded, with the places of its texts as `PublishBatch` has them, counted from its own start. */
export interface ForwardedMessage {
  readonly bytes: Uint8Array;
  readonly keyOffset: number;
  readonly keyLength: number;
  /** Four numbers per attribute. */
  readonly attributes: readonly number[];
}

/** What the attributes tell. */
export interface DeadLetterSourceInfo {
  /** Full name. */
  readonly subscription: string;
  /** Deliveries that failed. */
  readonly deliveryCount: number;
  readonly publishTimeMs: number;
}

/**
 * The message with the source's attributes; those of an earlier hop are replaced.
 *
 * @param message - A serialized PubsubMessage. Not kept.
 * @throws Error where it is none.
 */
export function deadLetterMessage(message: Uint8Array, source: DeadLetterSourceInfo): ForwardedMessage {
  const added = sourceAttributes(source);
  const editor = new MessageEditor(message, new Set(added.map(([key]) => key)));
  return editor.edit(added);
}

/** The messages as one request. */
export function deadLetterBatch(messages: readonly ForwardedMessage[]): PublishBatch {
  const offsets: number[] = [];
  const keyOffsets: number[] = [];
  const attributes: number[] = [];
  let end = 0;
  for (const message of messages) {
    offsets.push(end);
    keyOffsets.push(end + message.keyOffset);
    for (let at = 0; at < message.attributes.length; at += 2) {
      attributes.push(end + message.attributes[at]!, message.attributes[at + 1]!);
    }
    end += message.bytes.byteLength;
  }
  return {
    bytes: Buffer.concat(messages.map((message) => message.bytes)),
    count: messages.length,
    offsets,
    lengths: messages.map((message) => message.bytes.byteLength),
    keyOffsets,
    keyLengths: messages.map((message) => message.keyLength),
    attributes,
    attributeCounts: messages.map((message) => message.attributes.length / 4),
  };
}

function sourceAttributes(source: DeadLetterSourceInfo): readonly (readonly [key: string, value: string])[] {
  const [, project = "", , id = ""] = source.subscription.split("/");
  return [
    [`${SOURCE}DeliveryCount`, String(source.deliveryCount)],
    [`${SOURCE}Subscription`, id],
    [`${SOURCE}SubscriptionProject`, project],
    [`${SOURCE}TopicPublishTime`, new Date(source.publishTimeMs).toISOString().replace("Z", "+00:00")],
  ];
}

/** Copies a message field by field, and notes where its ordering key and attributes come to lie. */
class MessageEditor {
  readonly #message: Uint8Array;
  readonly #left: ReadonlySet<string>;
  readonly #pieces: Uint8Array[] = [];
  readonly #attributes: number[] = [];
  #keyOffset = 0;
  #keyLength = 0;
  /** Bytes in `#pieces`. */
  #length = 0;
  /** Up to here the message is copied or left out. */
  #taken = 0;

  /** @param left - Keys of attributes that are left out. */
  constructor(message: Uint8Array, left: ReadonlySet<string>) {
    this.#message = message;
    this.#left = left;
  }

  edit(added: readonly (readonly [key: string, value: string])[]): ForwardedMessage {
    const reader = new FieldReader(this.#message, 0, this.#message.byteLength);
    while (reader.next()) {
      if (reader.wireType !== LENGTH_DELIMITED) continue;
      if (reader.field === FIELD_ATTRIBUTES) this.#takeAttribute(reader);
      else if (reader.field === FIELD_ORDERING_KEY) {
        this.#keyOffset = this.#length + reader.contentAt - this.#taken;
        this.#keyLength = reader.end - reader.contentAt;
      }
    }
    this.#copyUpTo(this.#message.byteLength);
    for (const [key, value] of added) this.#add(Buffer.from(key), Buffer.from(value));
    return {
      bytes: Buffer.concat(this.#pieces, this.#length),
      keyOffset: this.#keyOffset,
      keyLength: this.#keyLength,
      attributes: this.#attributes,
    };
  }

  #takeAttribute(reader: FieldReader): void {
    const place = { keyAt: 0, keyLength: 0, valueAt: 0, valueLength: 0 };
    const entry = new FieldReader(this.#message, reader.contentAt, reader.end);
    while (entry.next()) {
      if (entry.wireType !== LENGTH_DELIMITED) continue;
      const length = entry.end - entry.contentAt;
      if (entry.field === ENTRY_KEY) {
        place.keyAt = entry.contentAt;
        place.keyLength = length;
      } else if (entry.field === ENTRY_VALUE) {
        place.valueAt = entry.contentAt;
        place.valueLength = length;
      }
    }
    const key = Buffer.from(this.#message.subarray(place.keyAt, place.keyAt + place.keyLength)).toString("utf8");
    if (this.#left.has(key)) {
      this.#copyUpTo(reader.start);
      this.#taken = reader.end;
      return;
    }
    const shift = this.#length - this.#taken;
    this.#attributes.push(place.keyAt + shift, place.keyLength, place.valueAt + shift, place.valueLength);
  }

  #copyUpTo(end: number): void {
    if (end > this.#taken) this.#put(this.#message.subarray(this.#taken, end));
    this.#taken = end;
  }

  /** The source's attributes are short: each length is one byte. */
  #add(key: Uint8Array, value: Uint8Array): void {
    const entry = Buffer.concat([
      lengthDelimited(ENTRY_KEY, key.byteLength),
      key,
      lengthDelimited(ENTRY_VALUE, value.byteLength),
      value,
    ]);
    this.#put(lengthDelimited(FIELD_ATTRIBUTES, entry.byteLength));
    const valueAt = this.#length + entry.byteLength - value.byteLength;
    const keyAt = this.#length + lengthDelimited(ENTRY_KEY, key.byteLength).byteLength;
    this.#put(entry);
    this.#attributes.push(keyAt, key.byteLength, valueAt, value.byteLength);
  }

  #put(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#length += piece.byteLength;
  }
}

/** The tag and the length of a field. */
function lengthDelimited(field: number, length: number): Uint8Array {
  const bytes = [(field << 3) | LENGTH_DELIMITED];
  let rest = length;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/** Walks over the fields of a stretch of bytes. */
class FieldReader {
  field = 0;
  wireType = 0;
  /** Where the field's tag begins. */
  start = 0;
  /** Where the content of a length-delimited field begins. */
  contentAt = 0;
  /** The field's end. */
  end: number;
  readonly #bytes: Uint8Array;
  readonly #limit: number;
  #at: number;

  constructor(bytes: Uint8Array, from: number, to: number) {
    this.#bytes = bytes;
    this.#at = from;
    this.#limit = to;
    this.end = from;
  }

  /** @returns Whether there was a further field. */
  next(): boolean {
    if (this.#at >= this.#limit) return false;
    this.start = this.#at;
    this.#readTag();
    const { field, wireType } = this;
    if (wireType === GROUP_START) this.#skipGroup();
    else this.#skipValue(wireType);
    this.field = field;
    this.wireType = wireType;
    this.end = this.#at;
    return true;
  }

  #readTag(): void {
    const tag = this.#varint();
    this.field = Math.floor(tag / 8);
    this.wireType = tag % 8;
  }

  #skipValue(wireType: number): void {
    if (wireType === VARINT) this.#varint();
    else if (wireType === FIXED64) this.#skip(8);
    else if (wireType === FIXED32) this.#skip(4);
    else if (wireType === LENGTH_DELIMITED) {
      const length = this.#varint();
      this.contentAt = this.#at;
      this.#skip(length);
    } else throw new Error(`a stored message has a field of wire type ${wireType} at ${this.start}`);
  }

  /** However deep groups nest, none recurses. */
  #skipGroup(): void {
    for (let depth = 1; depth > 0; ) {
      this.#readTag();
      if (this.wireType === GROUP_START) depth += 1;
      else if (this.wireType === GROUP_END) depth -= 1;
      else this.#skipValue(this.wireType);
    }
  }

  #skip(length: number): void {
    this.#at += length;
    if (this.#at > this.#limit) throw new Error(`a stored message ends within the field at ${this.start}`);
  }

  /** Exact up to 53 bits; what is longer is only skipped. */
  #varint(): number {
    let value = 0;
    let factor = 1;
    for (;;) {
      if (this.#at >= this.#limit) throw new Error(`a stored message ends within the field at ${this.start}`);
      const byte = this.#bytes[this.#at]!;
      this.#at += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
  }
}
