/**
 * `PEAL_STORE_DEBUG`: JSON for harnesses that kill the server, never for use: `{"segmentBytes": 65536, "delayDivisor": 20}`
 * makes segments fill, checkpoints run and garbage go many times a second. It is no setting: no flag, no key in a file.
 */
import type { StoreTuning } from "@peal/server";
import { SettingsError } from "./settings-error.js";

const SEGMENT_BYTES_MIN = 4_096;
const NAME = "PEAL_STORE_DEBUG";

/**
 * Reads the variable.
 *
 * @returns Undefined where it is not set.
 * @throws {SettingsError} It is set to something else.
 */
export function readStoreTuning(text: string | undefined): StoreTuning | undefined {
  if (text === undefined || text === "") return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw refused(text);
  }
  if (typeof parsed !== "object" || parsed === null) throw refused(text);
  const { segmentBytes, delayDivisor, ...rest } = parsed as Record<string, unknown>;
  if (Object.keys(rest).length > 0) throw refused(text);
  return {
    ...(segmentBytes === undefined ? {} : { segmentBytes: atLeast(segmentBytes, SEGMENT_BYTES_MIN, text) }),
    ...(delayDivisor === undefined ? {} : { delayDivisor: atLeast(delayDivisor, 1, text) }),
  };
}

function atLeast(value: unknown, min: number, text: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < min) throw refused(text);
  return value;
}

function refused(text: string): SettingsError {
  return new SettingsError([
    `${NAME} is ${JSON.stringify(text)}; use JSON like {"segmentBytes": 65536, "delayDivisor": 20}, or leave it out: it is for tests`,
  ]);
}
