import { isUtf8 } from "node:buffer";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { JsonValue } from "@bufbuild/protobuf";
import { shown } from "../error-catalogue.js";
import { invalidPayload } from "./json-refusal.js";
import { JsonScan } from "./json-scan.js";

/** A longer text is worked on in several turns of the event loop, so that others get theirs in between. */
const BYTES_PER_TURN = 1024 * 1024;

/**
 * Parses the body of a request; an empty one is an empty object.
 *
 * @throws JsonRefusal where it is not JSON, repeats a name in one object, or would take too long to parse.
 */
export async function parseJsonText(bytes: Buffer): Promise<JsonValue> {
  if (bytes.length === 0) return {};
  const isBig = bytes.length > BYTES_PER_TURN;
  if (!isUtf8(bytes)) throw invalidPayload("It is not valid UTF-8.");
  const scan = new JsonScan(bytes);
  while (!scan.isDone) {
    scan.advance(BYTES_PER_TURN);
    if (isBig) await nextTurn();
  }
  const value = parse(bytes);
  if (isBig) await nextTurn();
  if (countNames(value) !== scan.names) {
    throw invalidPayload(`An object has the name "${shown(repeatedName(bytes.toString("utf8")))}" twice.`);
  }
  return value;
}

function parse(bytes: Buffer): JsonValue {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    // The engine's own message is not passed on, for it quotes the text, which may hold message data: only the place is.
    throw invalidPayload(`The text is not JSON${placeOf(String(error))}.`, { cause: error });
  }
}

function placeOf(message: string): string {
  if (message.includes("Unexpected end of JSON input")) return ": it ends in the middle";
  const [, position] = /in JSON at position (\d+)/.exec(message) ?? [];
  return position === undefined ? "" : `, from character ${Number(position) + 1} on`;
}

function countNames(value: JsonValue): number {
  if (typeof value !== "object" || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) count += countNames(item);
    return count;
  }
  for (const name in value) count += 1 + countNames(value[name]!);
  return count;
}

/** Returns the first name that an object has twice, in a text that is JSON. */
function repeatedName(text: string): string {
  const objects: Set<unknown>[] = [];
  for (const [token, name] of text.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (name !== undefined) {
      const names = objects.at(-1);
      const key: unknown = JSON.parse(name);
      if (names?.has(key)) return String(key);
      names?.add(key);
    } else if (token === "{") objects.push(new Set());
    else if (token === "}") objects.pop();
  }
  return "";
}
