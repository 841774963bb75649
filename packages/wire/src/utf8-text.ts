// Text inside messages: proto3 strings must be valid UTF-8, and readers that find they are not must fail.
import { isUtf8 } from "node:buffer";
import { WireFormatError } from "./wire-format-error.js";
import type { WireReader } from "./wire-reader.js";

/** Up to here a loop is faster than a native call. */
const LOOP_MAX_BYTES = 96;

/** Throws WireFormatError unless the bytes are valid UTF-8. They must lie within `bytes`. */
export function assertUtf8(bytes: Uint8Array, offset: number, length: number): void {
  if (length <= LOOP_MAX_BYTES && isShortAscii(bytes, offset, offset + length)) return;
  if (!isUtf8(bytes.subarray(offset, offset + length))) {
    throw new WireFormatError(`a string field holds invalid UTF-8 (byte ${offset})`);
  }
}

/** Reads text that is known to be valid UTF-8, such as a key or value that a scan has found. */
export function readText(bytes: Uint8Array, offset: number, length: number): string {
  if (length === 0) return "";
  return asBuffer(bytes).toString("utf8", offset, offset + length);
}

/** Reads text, and throws WireFormatError unless it is valid UTF-8. */
export function readCheckedText(bytes: Uint8Array, offset: number, length: number): string {
  assertUtf8(bytes, offset, length);
  return readText(bytes, offset, length);
}

/** Reads the string field whose tag `reader` has just read. Throws WireFormatError unless it is valid UTF-8. */
export function readStringField(reader: WireReader, end: number): string {
  const length = reader.length(end);
  const text = readCheckedText(reader.bytes, reader.position, length);
  reader.position += length;
  return text;
}

/** The same bytes as a Buffer, without copying them. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function isShortAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) if (bytes[at]! > 0x7f) return false;
  return true;
}
