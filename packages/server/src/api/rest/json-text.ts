import { isUtf8 } from "node:buffer";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { JsonValue } from "@bufbuild/protobuf";
import { invalidPayload } from "./json-refusal.js";
import { scanJson } from "./json-scan.js";

/** Above this a text is worked on in several turns of the event loop, so that others get theirs in between. */
const BIG_TEXT_BYTES = 1024 * 1024;

/** How much of a text an error about it shows. */
const SHOWN_BYTES = 64;

/**
 * Parses the body of a request; an empty one is an empty object.
 *
 * @throws JsonRefusal where it is not JSON, repeats a name in one object, or would take too long to parse.
 */
export async function parseJsonText(bytes: Buffer): Promise<JsonValue> {
  if (bytes.length === 0) return {};
  const isBig = bytes.length > BIG_TEXT_BYTES;
  if (!isUtf8(bytes)) throw invalidPayload("It is not valid UTF-8.");
  const names = scanJson(bytes);
  if (isBig) await nextTurn();
  const value = parse(bytes);
  if (isBig) await nextTurn();
  if (countNames(value) !== names) throw invalidPayload("An object has the same name twice.");
  return value;
}

function parse(bytes: Buffer): JsonValue {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    // The engine's own message is not passed on: it quotes the text, which may hold message data.
    const start = bytes.toString("utf8", 0, 1) === "{" ? "" : ` It begins with ${JSON.stringify(firstOf(bytes))}.`;
    throw invalidPayload(`The text is not JSON.${start}`, { cause: error });
  }
}

function firstOf(bytes: Buffer): string {
  return bytes.toString("utf8", 0, Math.min(bytes.length, SHOWN_BYTES)).slice(0, 1);
}

function countNames(value: JsonValue): number {
  if (typeof value !== "object" || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) count += countNames(item);
    return count;
  }
  const items = Object.values(value);
  for (const item of items) count += countNames(item);
  return count + items.length;
}
