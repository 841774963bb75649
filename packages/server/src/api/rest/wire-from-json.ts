// Turns proto3 JSON into the serialized message, with no message object in between: ten megabytes of base64, or a hundred
// thousand attributes, are written straight to where the gRPC methods read them. Its errors are those of the service.
import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescOneof,
  fromJson,
  type JsonObject,
  type JsonValue,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { invalidValue, JsonRefusal, unknownName, type Violation } from "./json-refusal.js";
import { base64Length, int32Of, int64Of, isText, maskPaths } from "./json-scalar.js";
import { WireBuilder } from "./wire-builder.js";

const VARINT = 0;
const BIT64 = 1;
const LENGTH_DELIMITED = 2;
const WELL_KNOWN = "google.protobuf.";
const MAX_VIOLATIONS = 32;
const KEY_NUMBER = 1;
const VALUE_NUMBER = 2;

/**
 * Serializes a message given as JSON.
 *
 * @param sizeHint - About how many bytes it takes; more are found where needed.
 * @throws JsonRefusal with the names that are unknown, or the first value that does not fit.
 */
export function wireFromJson(desc: DescMessage, json: JsonValue, sizeHint = 256): Uint8Array {
  const transcoder = new Transcoder(sizeHint);
  transcoder.message(desc, json, "");
  if (transcoder.violations.length > 0) throw new JsonRefusal(transcoder.violations);
  return transcoder.builder.finish();
}

class Transcoder {
  readonly builder: WireBuilder;
  readonly violations: Violation[] = [];

  constructor(sizeHint: number) {
    this.builder = new WireBuilder(sizeHint);
  }

  message(desc: DescMessage, json: JsonValue, path: string): void {
    if (desc.typeName.startsWith(WELL_KNOWN)) {
      this.#wellKnown(desc, json, path);
      return;
    }
    if (!isObject(json)) throw refused(invalidValue(path, typeUrl(desc), json));
    const fields = fieldsByJsonName(desc);
    const seen: (DescField | DescOneof)[] = [];
    for (const name in json) {
      const value = json[name];
      const field = fields.get(name);
      if (field === undefined) {
        if (this.violations.length < MAX_VIOLATIONS) this.violations.push(unknownName(name, path));
        continue;
      }
      if (seen.includes(field)) {
        throw refused(unknownName(name, path, "The field is set already, under its other name."));
      }
      seen.push(field);
      if (value === null || value === undefined) continue;
      if (field.oneof !== undefined) checkOneof(field, field.oneof, seen, path);
      this.#field(field, value, path);
    }
  }

  #field(field: DescField, json: JsonValue, parent: string): void {
    const path = parent === "" ? field.name : `${parent}.${field.name}`;
    if (field.fieldKind === "list") this.#list(field, json, path);
    else if (field.fieldKind === "map") this.#map(field, json, path);
    else if (Array.isArray(json)) {
      throw refused(unknownName(field.jsonName, parent, "Proto field is not repeating, cannot start list."));
    } else this.#value(field, field.number, json, path, field.oneof !== undefined || field.fieldKind === "message");
  }

  #list(field: DescField, json: JsonValue, path: string): void {
    if (!Array.isArray(json)) throw refused(invalidValue(path, `repeated ${typeName(field)}`, json));
    for (let index = 0; index < json.length; index += 1) {
      this.#value(field, field.number, json[index]!, `${path}[${index}]`, true);
    }
  }

  /** Each entry is a message of its own. */
  #map(field: DescField, json: JsonValue, path: string): void {
    if (!isObject(json)) throw refused(invalidValue(path, "map", json));
    const { builder } = this;
    for (const key in json) {
      const at = `${path}[${key}]`;
      if (!isText(key)) throw refused(invalidValue(path, "TYPE_STRING", key));
      builder.tag(field.number, LENGTH_DELIMITED);
      const start = builder.open();
      builder.tag(KEY_NUMBER, LENGTH_DELIMITED);
      builder.text(key);
      this.#value(field, VALUE_NUMBER, json[key]!, at, true);
      builder.close(start);
    }
  }

  /** Writes one value under `number`. Without `keepsDefault` nothing is written for what is the default anyway. */
  #value(field: DescField, number: number, json: JsonValue, path: string, keepsDefault: boolean): void {
    const { builder } = this;
    if (field.message !== undefined) {
      builder.tag(number, LENGTH_DELIMITED);
      const start = builder.open();
      this.message(field.message, json, path);
      builder.close(start);
    } else if (field.enum !== undefined) {
      this.#integer(number, enumNumber(field.enum, json, path), keepsDefault);
    } else {
      this.#scalar(field.scalar ?? ScalarType.STRING, number, json, path, keepsDefault);
    }
  }

  #scalar(type: ScalarType, number: number, json: JsonValue, path: string, keepsDefault: boolean): void {
    switch (type) {
      case ScalarType.STRING:
        if (!isText(json)) throw refused(invalidValue(path, "TYPE_STRING", json));
        if (json === "" && !keepsDefault) return;
        this.builder.tag(number, LENGTH_DELIMITED);
        this.builder.text(json);
        return;
      case ScalarType.BYTES:
        this.#bytes(number, json, path, keepsDefault);
        return;
      case ScalarType.BOOL: {
        const value = json === true || json === "true";
        if (!value && json !== false && json !== "false") throw refused(invalidValue(path, "TYPE_BOOL", json));
        this.#integer(number, value ? 1 : 0, keepsDefault);
        return;
      }
      case ScalarType.INT32:
      case ScalarType.INT64: {
        const value = type === ScalarType.INT32 ? int32Of(json) : int64Of(json);
        if (value === undefined) throw refused(invalidValue(path, scalarName(type), json));
        this.#integer(number, value, keepsDefault);
        return;
      }
      case ScalarType.DOUBLE:
        if (typeof json !== "number") throw refused(invalidValue(path, scalarName(type), json));
        this.builder.tag(number, BIT64);
        this.builder.double(json);
        return;
      default:
        throw new TypeError(`no message of the API has fields of the type ${scalarName(type)}`);
    }
  }

  #integer(number: number, value: number | bigint, keepsDefault: boolean): void {
    if (!keepsDefault && Number(value) === 0) return;
    this.builder.tag(number, VARINT);
    this.builder.int64(value);
  }

  #bytes(number: number, json: JsonValue, path: string, keepsDefault: boolean): void {
    if (typeof json !== "string") throw refused(invalidValue(path, "TYPE_BYTES", json));
    if (json === "" && !keepsDefault) return;
    const length = base64Length(json);
    if (length !== undefined) {
      this.builder.tag(number, LENGTH_DELIMITED);
      if (this.builder.base64(json, length)) return;
    }
    throw refused({
      field: path,
      description: `Invalid value at '${path}' (TYPE_BYTES), Base64 decoding failed for a text of ${json.length} characters`,
    });
  }

  #wellKnown(desc: DescMessage, json: JsonValue, path: string): void {
    if (desc.typeName === FieldMaskSchema.typeName) {
      if (!isText(json)) throw refused(invalidValue(path, typeUrl(desc), json));
      for (const maskPath of maskPaths(json)) {
        this.builder.tag(1, LENGTH_DELIMITED);
        this.builder.text(maskPath);
      }
      return;
    }
    try {
      this.builder.raw(toBinary(desc, fromJson(desc, json)));
    } catch (error) {
      throw refused(invalidValue(path, typeUrl(desc), json), { cause: error });
    }
  }
}

function checkOneof(field: DescField, oneof: DescOneof, seen: (DescField | DescOneof)[], parent: string): void {
  const path = parent === "" ? field.name : `${parent}.${field.name}`;
  if (seen.includes(oneof)) {
    throw refused({
      field: path,
      description: `Invalid value at '${path}' (oneof), oneof field '${oneof.name}' is already set. Cannot set '${field.jsonName}'`,
    });
  }
  seen.push(oneof);
}

function enumNumber(desc: DescEnum, json: JsonValue, path: string): number {
  const value = typeof json === "number" ? desc.value[json] : desc.values.find(({ name }) => name === json);
  if (value === undefined) throw refused(invalidValue(path, typeUrl(desc), json));
  return value.number;
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

/** Is it an object with fields, as a message is? */
export function isObject(json: JsonValue | undefined): json is JsonObject {
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
