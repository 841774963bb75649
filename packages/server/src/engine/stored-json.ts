/** Small stored values are JSON with a version, readable with any tool. */
import { StorageError } from "@peal/store";

const VERSION = 1;

export function encodeJson(value: object): Uint8Array {
  return Buffer.from(JSON.stringify({ v: VERSION, ...value }), "utf8");
}

/**
 * @param key - Where the bytes come from, for the error.
 * @throws {StorageError} `Corrupt` where they are not JSON of this version.
 */
export function decodeJson<T extends object>(key: string, bytes: Uint8Array): T {
  let value: T & { readonly v?: number };
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));
  } catch (error) {
    throw new StorageError("Corrupt", `the value of ${key} is not JSON`, { cause: error });
  }
  if (value.v !== VERSION) {
    throw new StorageError("Corrupt", `the value of ${key} has version ${value.v}; this server reads ${VERSION}`);
  }
  return value;
}
