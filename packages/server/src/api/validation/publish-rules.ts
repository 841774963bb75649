// What the messages of one publish request may be. Works on places in the request's bytes: nothing is decoded.
import { LIMITS, type PublishScan } from "@peal/wire/hot";
import { badArgument, emptyMessage, mixedOrderingKeys, tooLarge, tooSmall } from "../error-catalogue.js";
import type { ProfileRules } from "../profile.js";

/** Numbers per attribute in `PublishScan.attributes`: key offset, key length, value offset, value length. */
const ATTRIBUTE_STRIDE = 4;
const LOWER_CASE_BIT = 0x20;
const RESERVED_PREFIX = Buffer.from("goog");
/** Keys that the official clients write themselves, trace context above all. (S-1.13) */
const CLIENT_PREFIX = Buffer.from("googclient_");

/**
 * Checks the messages of a request: their number, and each one's content, attributes and ordering key.
 *
 * @throws PubSubError INVALID_ARGUMENT, or FAILED_PRECONDITION for mixed ordering keys.
 */
export function checkMessages(rules: ProfileRules, scan: PublishScan): void {
  const { min, max } = LIMITS.publishMessages;
  if (scan.count < min) throw tooSmall("message_count", scan.count, min);
  if (scan.count > max) throw tooLarge("message_count", scan.count, max);
  if (scan.emptyCount > 0) throw emptyMessage();
  if (scan.attributeCount > 0) checkAttributes(rules, scan);
  if (scan.orderedCount > 0) checkOrderingKeys(rules, scan);
}

function checkAttributes(rules: ProfileRules, scan: PublishScan): void {
  const { attributes, attributeCounts } = scan;
  for (let index = 0; index < scan.count; index += 1) {
    const count = attributeCounts[index]!;
    if (count > LIMITS.attributes) throw tooLarge("num_attributes", count, LIMITS.attributes);
  }
  const keyBytes = LIMITS.attributeKeyBytes;
  for (let at = 0; at < attributes.length; at += ATTRIBUTE_STRIDE) {
    const keyOffset = attributes[at]!;
    const keyLength = attributes[at + 1]!;
    const valueLength = attributes[at + 3]!;
    if (keyLength > keyBytes.max) throw tooLarge("attribute_key_size", keyLength, keyBytes.max);
    if (valueLength > LIMITS.attributeValueBytes) {
      throw tooLarge("attribute_value_size", valueLength, LIMITS.attributeValueBytes);
    }
    if (!rules.refusesReservedAttributes) continue;
    if (keyLength < keyBytes.min) throw tooSmall("attribute_key_size", keyLength, keyBytes.min);
    if (isReservedKey(scan.bytes, keyOffset, keyLength)) throw reservedKey(scan.bytes, keyOffset, keyLength);
  }
}

function checkOrderingKeys(rules: ProfileRules, scan: PublishScan): void {
  const { bytes, keyOffsets, keyLengths } = scan;
  for (let index = 0; index < scan.count; index += 1) {
    const length = keyLengths[index]!;
    if (length > LIMITS.orderingKeyBytes) throw tooLarge("ordering_key_size", length, LIMITS.orderingKeyBytes);
  }
  if (!rules.refusesMixedOrderingKeys) return;
  const firstOffset = keyOffsets[0]!;
  const firstLength = keyLengths[0]!;
  for (let index = 1; index < scan.count; index += 1) {
    const isSame = keyLengths[index] === firstLength && areEqual(bytes, firstOffset, keyOffsets[index]!, firstLength);
    if (!isSame) throw mixedOrderingKeys();
  }
}

function isReservedKey(bytes: Uint8Array, offset: number, length: number): boolean {
  if (length < RESERVED_PREFIX.length) return false;
  for (let index = 0; index < RESERVED_PREFIX.length; index += 1) {
    if ((bytes[offset + index]! | LOWER_CASE_BIT) !== RESERVED_PREFIX[index]) return false;
  }
  return !startsWith(bytes, offset, length, CLIENT_PREFIX);
}

function startsWith(bytes: Uint8Array, offset: number, length: number, prefix: Uint8Array): boolean {
  return length >= prefix.length && prefix.every((byte, index) => bytes[offset + index] === byte);
}

function reservedKey(bytes: Uint8Array, offset: number, length: number): Error {
  const key = Buffer.from(bytes.subarray(offset, offset + length)).toString();
  return badArgument(
    `Invalid attributes: the key "${key}" begins with "goog", which is reserved; use a key that begins otherwise`,
  );
}

function areEqual(bytes: Uint8Array, a: number, b: number, length: number): boolean {
  for (let index = 0; index < length; index += 1) {
    if (bytes[a + index] !== bytes[b + index]) return false;
  }
  return true;
}
