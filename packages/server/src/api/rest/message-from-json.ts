// Reads proto3 JSON into a message. protobuf-es could do it, but its base64 is a loop over characters, which ten megabytes
// must not wait for, and its errors are not those of the service. Well-known types are left to it.
import {
  create,
  type DescEnum,
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  ScalarType,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { invalidValue, JsonRefusal, unknownName, type Violation } from "./json-refusal.js";

const INT32 = { min: -2_147_483_648, max: 2_147_483_647 };
const INT64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };
const INTEGER = /^-?(0|[1-9]\d*)$/;
const LONE_SURROGATE = /\p{Surrogate}/u;
const WELL_KNOWN = "google.protobuf.";
const MAX_VIOLATIONS = 32;

/**
 * Reads a message.
 *
 * @throws JsonRefusal with all names that are unknown, or the first value that does not fit.
 */
export function messageFromJson(desc: DescMessage, json: JsonValue): ReflectMessage {
  const violations: Violation[] = [];
  const message = new JsonReader(violations).message(desc, json, "");
  if (violations.length > 0) throw new JsonRefusal(violations);
  return message;
}

class JsonReader {
  constructor(readonly violations: Violation[]) {}

  message(desc: DescMessage, json: JsonValue, path: string): ReflectMessage {
    if (desc.typeName.startsWith(WELL_KNOWN)) return wellKnown(desc, json, path);
    if (!isObject(json)) throw refused(invalidValue(path, typeUrl(desc), json));
    const message = reflect(desc, create(desc), false);
    const seen = new Set<DescField>();
    for (const [name, value] of Object.entries(json)) {
      const field = fieldsByJsonName(desc).get(name);
      if (field === undefined) {
        if (this.violations.length < MAX_VIOLATIONS) this.violations.push(unknownName(name, path));
        continue;
      }
      if (seen.has(field)) throw refused(unknownName(name, path, "The field is set already, under its other name."));
      seen.add(field);
      if (value !== null) this.#field(message, field, value, path);
    }
    return message;
  }

  #field(message: ReflectMessage, field: DescField, json: JsonValue, parent: string): void {
    const path = parent === "" ? field.name : `${parent}.${field.name}`;
    if (field.oneof !== undefined && message.oneofCase(field.oneof) !== undefined) {
      throw refused({
        field: path,
        description: `Invalid value at '${path}' (oneof), oneof field '${field.oneof.name}' is already set. Cannot set '${field.jsonName}'`,
      });
    }
    if (field.fieldKind === "list") this.#list(message, field, json, path);
    else if (field.fieldKind === "map") this.#map(message, field, json, path);
    else if (Array.isArray(json)) {
      throw refused(unknownName(field.jsonName, parent, "Proto field is not repeating, cannot start list."));
    } else message.set(field, this.#value(field, json, path));
  }

  #list(message: ReflectMessage, field: DescField & { fieldKind: "list" }, json: JsonValue, path: string): void {
    if (!Array.isArray(json)) throw refused(invalidValue(path, `repeated ${typeName(field)}`, json));
    const list = message.get(field);
    json.forEach((item, index) => {
      list.add(this.#value(field, item, `${path}[${index}]`));
    });
  }

  #map(message: ReflectMessage, field: DescField & { fieldKind: "map" }, json: JsonValue, path: string): void {
    if (!isObject(json)) throw refused(invalidValue(path, "map", json));
    const map = message.get(field);
    for (const [key, item] of Object.entries(json)) {
      map.set(text(key, path), this.#value(field, item, `${path}[${key}]`));
    }
  }

  /** One value of a field, whatever may hold many of them. */
  #value(field: DescField, json: JsonValue, path: string): unknown {
    if (field.message !== undefined) return this.message(field.message, json, path);
    if (field.enum !== undefined) return enumNumber(field.enum, json, path);
    return scalar(field.scalar ?? ScalarType.STRING, json, path);
  }
}

function scalar(type: ScalarType, json: JsonValue, path: string): unknown {
  switch (type) {
    case ScalarType.STRING:
      return text(json, path);
    case ScalarType.BYTES:
      return bytes(json, path);
    case ScalarType.BOOL:
      if (json === true || json === "true") return true;
      if (json === false || json === "false") return false;
      throw refused(invalidValue(path, "TYPE_BOOL", json));
    case ScalarType.INT32:
      return int32(json, path);
    case ScalarType.INT64:
      return int64(json, path);
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      if (typeof json === "number") return json;
      throw refused(invalidValue(path, "TYPE_DOUBLE", json));
    default:
      // No message of the API has another type.
      throw refused(invalidValue(path, scalarName(type), json));
  }
}

function text(json: JsonValue, path: string): string {
  if (typeof json !== "string" || LONE_SURROGATE.test(json)) throw refused(invalidValue(path, "TYPE_STRING", json));
  return json;
}

/** Standard and URL-safe base64, with padding or without. */
function bytes(json: JsonValue, path: string): Uint8Array {
  if (typeof json !== "string") throw refused(invalidValue(path, "TYPE_BYTES", json));
  let digits = json.length;
  while (digits > 0 && json.length - digits < 2 && json.charCodeAt(digits - 1) === PADDING) digits -= 1;
  const decoded = Buffer.from(json, "base64");
  // Node passes over what is no base64; the length tells that it did.
  if (digits % 4 === 1 || decoded.length !== Math.floor((digits * 3) / 4)) {
    throw refused({
      field: path,
      description: `Invalid value at '${path}' (TYPE_BYTES), Base64 decoding failed for a text of ${json.length} characters`,
    });
  }
  return decoded;
}

const PADDING = "=".charCodeAt(0);

function int32(json: JsonValue, path: string): number {
  const value = typeof json === "string" && INTEGER.test(json) ? Number(json) : json;
  if (typeof value === "number" && Number.isInteger(value) && value >= INT32.min && value <= INT32.max) return value;
  throw refused(invalidValue(path, "TYPE_INT32", json));
}

function int64(json: JsonValue, path: string): bigint {
  const isNumber = typeof json === "number" && Number.isSafeInteger(json);
  const isText = typeof json === "string" && json.length < 32 && INTEGER.test(json);
  if (isNumber || isText) {
    const value = BigInt(json);
    if (value >= INT64.min && value <= INT64.max) return value;
  }
  throw refused(invalidValue(path, "TYPE_INT64", json));
}

function enumNumber(desc: DescEnum, json: JsonValue, path: string): number {
  const value = typeof json === "number" ? desc.value[json] : desc.values.find(({ name }) => name === json);
  if (value === undefined) throw refused(invalidValue(path, typeUrl(desc), json));
  return value.number;
}

function wellKnown(desc: DescMessage, json: JsonValue, path: string): ReflectMessage {
  if (desc.typeName === FieldMaskSchema.typeName) return fieldMask(json, path);
  try {
    return reflect(desc, fromJson(desc, json), false);
  } catch (error) {
    throw refused(invalidValue(path, typeUrl(desc), json), { cause: error });
  }
}

/** Paths in lowerCamelCase or as the proto has them. */
function fieldMask(json: JsonValue, path: string): ReflectMessage {
  if (typeof json !== "string") throw refused(invalidValue(path, typeUrl(FieldMaskSchema), json));
  const paths = json
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => part.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
  return reflect(FieldMaskSchema, create(FieldMaskSchema, { paths }), false);
}

const fieldsCache = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>();

/** The fields of a message by both of their names. */
export function fieldsByJsonName(desc: DescMessage): ReadonlyMap<string, DescField> {
  let fields = fieldsCache.get(desc);
  if (fields === undefined) {
    fields = new Map(desc.fields.flatMap((field) => [[field.jsonName, field] as const, [field.name, field] as const]));
    fieldsCache.set(desc, fields);
  }
  return fields;
}

function isObject(json: JsonValue): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function typeUrl(desc: DescMessage | DescEnum): string {
  return `type.googleapis.com/${desc.typeName}`;
}

function typeName(field: DescField): string {
  const desc = field.message ?? field.enum;
  return desc === undefined ? scalarName(field.scalar ?? ScalarType.STRING) : typeUrl(desc);
}

function scalarName(type: ScalarType): string {
  return `TYPE_${ScalarType[type]}`;
}

function refused(violation: Violation, options?: ErrorOptions): JsonRefusal {
  return new JsonRefusal([violation], options);
}
