// google.pubsub.v1.PublishResponse { message_ids = 1 }: with consecutive ids, digits are counted up in place.
import { DecimalCounter, decimalLength } from "./decimal-counter.js";
import { LENGTH_DELIMITED } from "./wire-reader.js";

const MESSAGE_IDS_TAG = (1 << 3) | LENGTH_DELIMITED;

/**
 * Serializes a PublishResponse with `count` consecutive message ids.
 *
 * @param firstMessageId - A safe integer; so must be the last id.
 */
export function encodePublishResponse(firstMessageId: number, count: number): Uint8Array {
  const id = new DecimalCounter(firstMessageId);
  const target = Buffer.allocUnsafe(idsSize(firstMessageId, count));
  let at = 0;
  for (let index = 0; index < count; index += 1) {
    target[at] = MESSAGE_IDS_TAG;
    target[at + 1] = id.length;
    at = id.write(target, at + 2);
    id.increment();
  }
  return target;
}

/** Serializes a PublishResponse with any message ids: decimal digits, fewer than 128 of them each. */
export function encodePublishResponseOf(messageIds: readonly string[]): Uint8Array {
  let size = 0;
  for (const id of messageIds) size += 2 + id.length;
  const target = Buffer.allocUnsafe(size);
  let at = 0;
  for (const id of messageIds) {
    target[at] = MESSAGE_IDS_TAG;
    target[at + 1] = id.length;
    at += 2 + target.write(id, at + 2, "latin1");
  }
  return target;
}

function idsSize(first: number, count: number): number {
  const last = first + count - 1;
  const digits = decimalLength(first);
  if (count === 0 || decimalLength(last) === digits) return count * (2 + digits);
  let size = 0;
  for (let index = 0; index < count; index += 1) size += 2 + decimalLength(first + index);
  return size;
}
