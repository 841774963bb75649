import { isUtf8 } from "node:buffer";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { JsonValue } from "@bufbuild/protobuf";
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
  if (countNames(value) !== scan.names) throw invalidPayload("An object has the same name twice.");
  return value;
}

function parse(bytes: Buffer): JsonValue {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    // The engine's own message is not passed on: it quotes the text, which may hold message data.
    const [first = ""] = bytes.toString("utf8", 0, MAX_CHARACTER_BYTES);
    const beginning = first === "{" ? "" : ` It begins with ${JSON.stringify(first)}.`;
    throw invalidPayload(`The text is not JSON.${beginning}`, { cause: error });
  }
}

const MAX_CHARACTER_BYTES = 4;

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
