// Single values of proto3 JSON.
import type { JsonValue } from "@bufbuild/protobuf";

const INT32 = { min: -2_147_483_648, max: 2_147_483_647 };
const INT64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };
const INTEGER = /^-?(0|[1-9]\d*)$/;
const LONE_SURROGATE = /\p{Surrogate}/u;
const MAX_INT64_DIGITS = 20;
const PADDING = "=".charCodeAt(0);

/** Is it a string that UTF-8 can hold? */
export function isText(json: JsonValue): json is string {
  return typeof json === "string" && !LONE_SURROGATE.test(json);
}

/** A number, or one in a string; undefined where it is no int32. */
export function int32Of(json: JsonValue): number | undefined {
  const value = typeof json === "string" && INTEGER.test(json) ? Number(json) : json;
  const isInt32 = typeof value === "number" && Number.isInteger(value) && value >= INT32.min && value <= INT32.max;
  return isInt32 ? value : undefined;
}

/** A number, or one in a string; undefined where it is no int64, or a number that JSON cannot hold exactly. */
export function int64Of(json: JsonValue): bigint | undefined {
  const isNumber = typeof json === "number" && Number.isSafeInteger(json);
  const isDigits = typeof json === "string" && json.length <= MAX_INT64_DIGITS && INTEGER.test(json);
  if (!isNumber && !isDigits) return undefined;
  const value = BigInt(json);
  return value >= INT64.min && value <= INT64.max ? value : undefined;
}

/**
 * Returns how many bytes a base64 text stands for; undefined where no base64 text has its length.
 * Whether its characters are base64 shows when it is decoded.
 */
export function base64Length(text: string): number | undefined {
  let digits = text.length;
  while (digits > 0 && text.length - digits < 2 && text.charCodeAt(digits - 1) === PADDING) digits -= 1;
  const isPaddedWrong = digits < text.length && text.length % 4 !== 0;
  return isPaddedWrong || digits % 4 === 1 ? undefined : Math.floor((digits * 3) / 4);
}

/** The paths of a field mask, which JSON has in lowerCamelCase or as the proto has them. */
export function maskPaths(mask: string): string[] {
  return mask
    .split(",")
    .map((path) => path.trim())
    .filter((path) => path !== "")
    .map((path) => path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
}
