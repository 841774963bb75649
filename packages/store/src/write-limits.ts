import { type LogRef, STORAGE_LIMITS, type Write } from "./storage.js";

const LOG_ID = /^[A-Za-z0-9_-]{1,64}$/;
const KEY = /^[\x21-\x7e]{1,1024}$/;
const PART_MAX = 0xffff_ffff;

/**
 * Checks the writes of one commit against `STORAGE_LIMITS`.
 *
 * @returns The bytes of all data and values.
 * @throws {RangeError} naming the write, the value and the rule.
 */
export function checkWrites(writes: readonly Write[]): number {
  if (writes.length > STORAGE_LIMITS.writesPerCommit) {
    throw new RangeError(`a commit has ${writes.length} writes; the limit is ${STORAGE_LIMITS.writesPerCommit}`);
  }
  let bytes = 0;
  for (let index = 0; index < writes.length; index += 1) bytes += checkWrite(writes[index]!);
  if (bytes > STORAGE_LIMITS.commitBytes) {
    throw new RangeError(`a commit has ${bytes} bytes; the limit is ${STORAGE_LIMITS.commitBytes}`);
  }
  return bytes;
}

/** Checks the name of a log that the engine meets for the first time. */
export function checkLogRef(log: LogRef): void {
  if (!LOG_ID.test(log.id)) {
    throw new RangeError(`log id is ${JSON.stringify(log.id)}; use 1 to 64 characters of [A-Za-z0-9_-]`);
  }
  if (!Number.isInteger(log.part) || log.part < 0 || log.part > PART_MAX) {
    throw new RangeError(`log part is ${log.part}; use an integer from 0 to ${PART_MAX}`);
  }
}

function checkWrite(write: Write): number {
  switch (write.kind) {
    case "append":
      checkInteger("count", write.count, 1, STORAGE_LIMITS.recordCount);
      return checkRecord(write.data, write.timeMs);
    case "appendIf":
      checkInteger("previous", write.previous, 0, Number.MAX_SAFE_INTEGER);
      return checkRecord(write.data, write.timeMs);
    case "put":
      return checkPut(write.key, write.value);
    case "trim":
      checkInteger("upTo", write.upTo, 0, Number.MAX_SAFE_INTEGER);
      return 0;
    case "drop":
      return 0;
  }
}

function checkRecord(data: Uint8Array, timeMs: number): number {
  if (data.byteLength > STORAGE_LIMITS.recordBytes) {
    throw new RangeError(`a record has ${data.byteLength} bytes; the limit is ${STORAGE_LIMITS.recordBytes}`);
  }
  checkInteger("timeMs", timeMs, 0, Number.MAX_SAFE_INTEGER);
  return data.byteLength;
}

function checkPut(key: string, value: Uint8Array | null): number {
  if (!KEY.test(key)) {
    throw new RangeError(`key is ${JSON.stringify(key.slice(0, 80))}; use 1 to 1024 printable ASCII characters`);
  }
  const bytes = value === null ? 0 : value.byteLength;
  if (bytes > STORAGE_LIMITS.valueBytes) {
    throw new RangeError(`the value of ${key} has ${bytes} bytes; the limit is ${STORAGE_LIMITS.valueBytes}`);
  }
  return bytes;
}

function checkInteger(name: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${name} is ${value}; use an integer from ${min} to ${max}`);
  }
}
