// What a URL's query says: parameters of the transport, which every method takes, and fields of the request.
import type { DescMessage, JsonObject } from "@bufbuild/protobuf";
import { JsonRefusal, unknownName, type Violation } from "./json-refusal.js";
import { fieldsByJsonName } from "./wire-from-json.js";

/** Each may have a `$` before it. Only prettyPrint changes anything here. */
const SYSTEM_PARAMETERS: ReadonlySet<string> = new Set([
  "access_token",
  "alt",
  "callback",
  "fields",
  "key",
  "oauth_token",
  "prettyPrint",
  "quotaUser",
  "uploadType",
  "upload_protocol",
  ".xgafv",
]);

export interface ParsedQuery {
  readonly isPretty: boolean;
  /** The parameters that are fields of the request, by their paths. */
  readonly fields: readonly (readonly [path: string, value: string])[];
}

/** Splits a query (without `?`) into what is for the transport and what is for the request. */
export function parseQuery(query: string): ParsedQuery {
  let isPretty = true;
  const fields: [string, string][] = [];
  for (const [name, value] of new URLSearchParams(query)) {
    const plain = name.startsWith("$") ? name.slice(1) : name;
    if (!SYSTEM_PARAMETERS.has(plain)) fields.push([name, value]);
    else if (plain === "prettyPrint") isPretty = !/^(false|0)$/i.test(value);
  }
  return { isPretty, fields };
}

/**
 * Returns a query's fields as the JSON of a request. Values stay text, which the reader of numbers takes, too.
 *
 * @throws JsonRefusal for a parameter that the request has no field for.
 */
export function queryToJson(desc: DescMessage, query: ParsedQuery): JsonObject {
  const json: JsonObject = {};
  const violations: Violation[] = [];
  for (const [path, value] of query.fields) {
    if (!bind(desc, json, path.split("."), value)) violations.push(unboundParameter(path));
  }
  if (violations.length > 0) throw new JsonRefusal(violations);
  return json;
}

/** @throws JsonRefusal where a query names fields although the method takes none from there. */
export function refuseQueryFields(query: ParsedQuery): void {
  if (query.fields.length > 0) throw new JsonRefusal(query.fields.map(([path]) => unboundParameter(path)));
}

function bind(desc: DescMessage, json: JsonObject, [name = "", ...rest]: string[], value: string): boolean {
  const field = fieldsByJsonName(desc).get(name);
  if (field === undefined) return false;
  if (field.fieldKind === "message" && rest.length > 0) {
    const inner = json[field.jsonName];
    const target: JsonObject = typeof inner === "object" && inner !== null && !Array.isArray(inner) ? inner : {};
    json[field.jsonName] = target;
    return bind(field.message, target, rest, value);
  }
  if (rest.length > 0 || field.fieldKind === "map") return false;
  if (field.fieldKind === "list") {
    const present = json[field.jsonName];
    json[field.jsonName] = Array.isArray(present) ? [...present, value] : [value];
  } else {
    json[field.jsonName] = value;
  }
  return true;
}

function unboundParameter(path: string): Violation {
  return unknownName(path, "", `Cannot bind query parameter. Field '${path}' could not be found in request message.`);
}
