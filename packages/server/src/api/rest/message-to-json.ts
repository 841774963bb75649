// Prints a message as proto3 JSON: fields in the order of their numbers, defaults left out, base64 by the native coder.
import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type JsonValue,
  ScalarType,
  toJson,
} from "@bufbuild/protobuf";
import { isReflectMessage, type ReflectMessage } from "@bufbuild/protobuf/reflect";

const WELL_KNOWN = "google.protobuf.";
const INDENT = 2;

/** The text of a response: two spaces of indent unless it is to be compact, and one newline at its end. */
export function jsonText(value: unknown, isPretty: boolean): string {
  return `${JSON.stringify(value, undefined, isPretty ? INDENT : undefined)}\n`;
}

/** Turns a message into what JSON.stringify prints as its proto3 JSON. */
export function messageToJson(message: ReflectMessage): JsonValue {
  if (message.desc.typeName.startsWith(WELL_KNOWN)) return toJson(message.desc, message.message);
  const json: { [name: string]: JsonValue } = {};
  for (const field of fieldsInOrder(message.desc)) {
    if (message.isSet(field)) json[field.jsonName] = fieldToJson(message, field);
  }
  return json;
}

function fieldToJson(message: ReflectMessage, field: DescField): JsonValue {
  if (field.fieldKind === "list") return Array.from(message.get(field), (item) => valueToJson(field, item));
  if (field.fieldKind === "map") return mapToJson(message, field);
  return valueToJson(field, message.get(field));
}

function mapToJson(message: ReflectMessage, field: DescField & { fieldKind: "map" }): JsonValue {
  // Without a prototype, so that the key "__proto__" is one like any other.
  const json: { [key: string]: JsonValue } = Object.create(null);
  for (const [key, value] of message.get(field)) json[String(key)] = valueToJson(field, value);
  return json;
}

function valueToJson(field: DescField, value: unknown): JsonValue {
  if (isReflectMessage(value)) return messageToJson(value);
  if (field.enum !== undefined) return enumName(field.enum, Number(value));
  switch (typeof value) {
    case "bigint":
      return value.toString();
    case "string":
    case "boolean":
    case "number":
      return value;
    default:
      if (field.scalar === ScalarType.BYTES && value instanceof Uint8Array) return base64(value);
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
