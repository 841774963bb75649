// Prints a response as proto3 JSON: fields in the order of their numbers, defaults left out, base64 by the native coder.
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  type DescEnum,
  type DescField,
  type DescMessage,
  fromBinary,
  isMessage,
  type JsonObject,
  type JsonValue,
  type Message,
  toJson,
} from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { isObject } from "./wire-from-json.js";

const WELL_KNOWN = "google.protobuf.";
const INDENT = 2;

/** A longer response is worked on in several turns of the event loop, so that others get theirs in between. */
const BYTES_PER_TURN = 256 * 1024;

/** Returns the text for a serialized response: with two spaces of indent unless it is to be compact, and one newline at its end. */
export async function responseText(desc: DescMessage, response: Uint8Array, isPretty: boolean): Promise<string> {
  if (response.length <= BYTES_PER_TURN) return jsonText(messageToJson(desc, fromBinary(desc, response)), isPretty);
  const parts: JsonObject[] = [];
  for (const slice of slicesOf(response)) {
    const part = messageToJson(desc, fromBinary(desc, slice));
    if (isObject(part)) parts.push(part);
    await nextTurn();
  }
  const text = jsonText(merged(parts), isPretty);
  await nextTurn();
  return text;
}

/** Cuts a message into pieces of about BYTES_PER_TURN, each a message of the same type: a message is the sequence of its fields. */
function* slicesOf(message: Uint8Array): Generator<Uint8Array> {
  const reader = new BinaryReader(message);
  let start = 0;
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    reader.skip(wireType, number);
    if (reader.pos - start < BYTES_PER_TURN && reader.pos < reader.len) continue;
    yield message.subarray(start, reader.pos);
    start = reader.pos;
  }
}

/** Puts the pieces of a message together again: lists one behind the other, of everything else the last. */
function merged(parts: readonly JsonObject[]): JsonObject {
  const whole: JsonObject = {};
  for (const part of parts) {
    for (const [name, value] of Object.entries(part)) {
      const present = whole[name];
      whole[name] = Array.isArray(present) && Array.isArray(value) ? present.concat(value) : value;
    }
  }
  return whole;
}

/** The text of a JSON value, with one newline at its end. */
export function jsonText(value: unknown, isPretty: boolean): string {
  return `${JSON.stringify(value, undefined, isPretty ? INDENT : undefined)}\n`;
}

function messageToJson(desc: DescMessage, message: Message): JsonValue {
  if (desc.typeName.startsWith(WELL_KNOWN)) return toJson(desc, message);
  const json: { [name: string]: JsonValue } = {};
  for (const field of fieldsInOrder(desc)) {
    const value = fieldToJson(field, heldIn(message, field));
    if (value !== undefined) json[field.jsonName] = value;
  }
  return json;
}

/** What a message holds in a field: undefined where it is a message, or a member of a oneof, that is not set. */
function heldIn(message: Message, field: DescField): unknown {
  if (field.oneof === undefined) return Reflect.get(message, field.localName);
  const chosen: unknown = Reflect.get(message, field.oneof.localName);
  if (typeof chosen !== "object" || chosen === null || !("case" in chosen) || !("value" in chosen)) return undefined;
  return chosen.case === field.localName ? chosen.value : undefined;
}

/** Undefined where the field is left out. */
function fieldToJson(field: DescField, value: unknown): JsonValue | undefined {
  if (field.fieldKind === "list") {
    if (!Array.isArray(value) || value.length === 0) return undefined;
    return value.map((item: unknown) => valueToJson(field, item));
  }
  if (field.fieldKind === "map") return mapToJson(field, value);
  const isDefault = value === "" || value === 0 || value === 0n || value === false;
  const isEmptyBytes = value instanceof Uint8Array && value.length === 0;
  if (value === undefined || (field.oneof === undefined && (isDefault || isEmptyBytes))) return undefined;
  return valueToJson(field, value);
}

function mapToJson(field: DescField, value: unknown): JsonValue | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const entries = Object.entries(value);
  if (entries.length === 0) return undefined;
  // Without a prototype, so that the key "__proto__" is one like any other.
  const json: { [key: string]: JsonValue } = Object.create(null);
  for (const [key, item] of entries) json[key] = valueToJson(field, item);
  return json;
}

function valueToJson(field: DescField, value: unknown): JsonValue {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return field.enum === undefined ? value : enumName(field.enum, value);
    case "bigint":
      return value.toString();
    default:
      if (value instanceof Uint8Array) return base64(value);
      if (field.message !== undefined && isMessage(value)) return messageToJson(field.message, value);
      throw new TypeError(`the field ${field.toString()} holds ${typeof value}, which JSON cannot show`);
  }
}

function enumName(desc: DescEnum, number: number): JsonValue {
  return desc.value[number]?.name ?? number;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

const orderCache = new WeakMap<DescMessage, readonly DescField[]>();

function fieldsInOrder(desc: DescMessage): readonly DescField[] {
  let fields = orderCache.get(desc);
  if (fields === undefined) {
    fields = [...desc.fields].sort((a, b) => a.number - b.number);
    orderCache.set(desc, fields);
  }
  return fields;
}
