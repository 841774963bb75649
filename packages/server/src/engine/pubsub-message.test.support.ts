/** Real PubsubMessages in bytes, written and read by hand: what the api hands to the engine. */

import type { TestMessage } from "./engine.test.support.js";
import type { PublishBatch } from "./engine-contract.js";

const LENGTH_DELIMITED = 2;

/** A field of a message whose value is bytes. */
export function field(number: number, value: Uint8Array | string): Buffer {
  const content = Buffer.from(value);
  return Buffer.concat([varint(number * 8 + LENGTH_DELIMITED), varint(content.length), content]);
}

export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
  return Buffer.from(bytes);
}

export function messageBytes({ data, attributes = {}, orderingKey }: TestMessage): Buffer {
  return Buffer.concat([
    ...(data === "" ? [] : [field(1, data)]),
    ...Object.entries(attributes).map(([key, value]) => field(2, Buffer.concat([field(1, key), field(2, value)]))),
    ...(orderingKey === undefined ? [] : [field(5, orderingKey)]),
  ]);
}

/** The messages as one request, as a scan of its bytes would find them. */
export function batchOfMessages(messages: readonly TestMessage[]): PublishBatch {
  const pieces: Buffer[] = [];
  const batch = {
    offsets: [] as number[],
    lengths: [] as number[],
    keyOffsets: [] as number[],
    keyLengths: [] as number[],
    attributes: [] as number[],
    attributeCounts: [] as number[],
  };
  let end = 0;
  for (const message of messages) {
    const bytes = messageBytes(message);
    const place = (text: string, from: number): [number, number] => [
      text === "" ? 0 : end + bytes.indexOf(text, from),
      Buffer.byteLength(text),
    ];
    const [keyOffset, keyLength] = place(message.orderingKey ?? "", bytes.length - (message.orderingKey ?? "").length);
    let from = message.data === "" ? 0 : field(1, message.data).length;
    const attributes = Object.entries(message.attributes ?? {});
    for (const [key, value] of attributes) {
      const entry = field(2, Buffer.concat([field(1, key), field(2, value)]));
      const keyPlace = place(key, from);
      batch.attributes.push(...keyPlace, ...place(value, keyPlace[0] - end + keyPlace[1]));
      from += entry.length;
    }
    pieces.push(bytes);
    batch.offsets.push(end);
    batch.lengths.push(bytes.length);
    batch.keyOffsets.push(keyOffset);
    batch.keyLengths.push(keyLength);
    batch.attributeCounts.push(attributes.length);
    end += bytes.length;
  }
  return { bytes: Buffer.concat(pieces), count: messages.length, ...batch };
}

/** A message as it was read back. `unknown`: fields of other numbers. */
export interface ReadBack {
  readonly data: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly orderingKey: string;
  readonly unknown: readonly number[];
}

/** Reads a message that has length-delimited fields only. */
export function readBack(bytes: Uint8Array): ReadBack {
  let data = "";
  let orderingKey = "";
  const attributes: Record<string, string> = {};
  const unknown: number[] = [];
  for (const { number, content } of fieldsOf(bytes)) {
    if (number === 1) data = content.toString();
    else if (number === 5) orderingKey = content.toString();
    else if (number === 2) {
      const entry = new Map(fieldsOf(content).map((part) => [part.number, part.content.toString()]));
      attributes[entry.get(1) ?? ""] = entry.get(2) ?? "";
    } else unknown.push(number);
  }
  return { data, attributes, orderingKey, unknown };
}

function fieldsOf(bytes: Uint8Array): readonly { readonly number: number; readonly content: Buffer }[] {
  const fields: { number: number; content: Buffer }[] = [];
  let at = 0;
  const next = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at]!;
      at += 1;
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const number = Math.floor(next() / 8);
    const length = next();
    fields.push({ number, content: Buffer.from(bytes.subarray(at, at + length)) });
    at += length;
  }
  return fields;
}
