// Builds the responses that carry messages to subscribers, from the publishers' own bytes.
//
// google.pubsub.v1: StreamingPullResponse and PullResponse { received_messages = 1 }, ReceivedMessage { ack_id = 1,
// message = 2, delivery_attempt = 3 }, PubsubMessage { message_id = 3, publish_time = 4 }. The fields of a message may come
// in any order, so what the server adds is appended to what the publisher sent. Publish times have both of their fields even
// where one is 0: a reader that merges must find nothing of the publisher's left.
import { DecimalCounter, decimalLength } from "./decimal-counter.js";
import { LENGTH_DELIMITED, VARINT } from "./wire-reader.js";
import { varintSize, writeVarint } from "./wire-writer.js";

const RECEIVED_MESSAGES_TAG = (1 << 3) | LENGTH_DELIMITED;
const ACK_ID_TAG = (1 << 3) | LENGTH_DELIMITED;
const MESSAGE_TAG = (2 << 3) | LENGTH_DELIMITED;
const DELIVERY_ATTEMPT_TAG = (3 << 3) | VARINT;
const MESSAGE_ID_TAG = (3 << 3) | LENGTH_DELIMITED;
const PUBLISH_TIME_TAG = (4 << 3) | LENGTH_DELIMITED;
const SECONDS_TAG = (1 << 3) | VARINT;
const NANOS_TAG = (2 << 3) | VARINT;
const NANOS_PER_MS = 1_000_000;

/** Up to here a loop copies faster than a native call with its view. */
const LOOP_MAX_BYTES = 24;

/** Consecutive messages of one publish, in the bytes that hold them. */
export interface ReceivedRun {
  /** Each message lies in it as a serialized PubsubMessage without id and time. */
  readonly bytes: Uint8Array;
  readonly firstSequence: number;
  /** A safe integer; the others follow by one each. */
  readonly firstMessageId: number;
  /** Milliseconds since 1970, not negative. */
  readonly publishTimeMs: number;
  readonly count: number;
  /** Where message i of the run lies in `bytes`. */
  offset(index: number): number;
  length(index: number): number;
  /** Of each of the run's messages, counted from 1; 0, or left out: not told. */
  readonly deliveryAttempt?: number;
}

/** What one response delivers. */
export interface ReceivedBatch {
  readonly messageCount: number;
  readonly runs: readonly ReceivedRun[];
  /** Every ack id has this many ASCII characters. */
  readonly ackIdLength: number;
  /** Writes the ack id of one of the batch's messages. */
  writeAckId(sequence: number, target: Uint8Array, at: number): void;
}

/**
 * Returns how many bytes one message adds to a response, to the byte.
 *
 * @param messageBytes - Size of the message as the publisher sent it.
 * @param deliveryAttempt - 0 where it is not told.
 */
export function receivedMessageSize(
  messageBytes: number,
  ackIdLength: number,
  messageId: number,
  publishTimeMs: number,
  deliveryAttempt = 0,
): number {
  const ackIdField = 1 + varintSize(ackIdLength) + ackIdLength;
  const added = messageIdFieldSize(decimalLength(messageId)) + publishTimeFieldSize(publishTimeMs);
  return fieldSize(receivedSize(messageBytes + added, ackIdField, deliveryAttempt));
}

/** Serializes a PullResponse. */
export function encodePullResponse(batch: ReceivedBatch): Uint8Array {
  return encodeReceivedMessages(batch, undefined);
}

/** Serializes a batch as `received_messages`, with `suffix` (further serialized fields of the response) behind it. */
export function encodeReceivedMessages(batch: ReceivedBatch, suffix: Uint8Array | undefined): Uint8Array {
  const { runs } = batch;
  let size = suffix?.length ?? 0;
  for (let index = 0; index < runs.length; index += 1) size += runSize(runs[index]!, batch.ackIdLength);
  const target = Buffer.allocUnsafe(size);
  let at = 0;
  for (let index = 0; index < runs.length; index += 1) at = writeRun(target, at, batch, runs[index]!);
  if (suffix !== undefined) {
    target.set(suffix, at);
    at += suffix.length;
  }
  if (at !== size)
    throw new RangeError(`a response of ${size} bytes was filled with ${at}: a message changed its length`);
  return target;
}

function runSize(run: ReceivedRun, ackIdLength: number): number {
  const ackIdField = 1 + varintSize(ackIdLength) + ackIdLength;
  const timeField = publishTimeFieldSize(run.publishTimeMs);
  const idLength = decimalLength(run.firstMessageId);
  const attempt = run.deliveryAttempt ?? 0;
  const isIdLengthFixed = decimalLength(run.firstMessageId + run.count - 1) === idLength;
  let size = 0;
  for (let index = 0; index < run.count; index += 1) {
    const digits = isIdLengthFixed ? idLength : decimalLength(run.firstMessageId + index);
    const messageSize = run.length(index) + messageIdFieldSize(digits) + timeField;
    size += fieldSize(receivedSize(messageSize, ackIdField, attempt));
  }
  return size;
}

function writeRun(target: Uint8Array, start: number, batch: ReceivedBatch, run: ReceivedRun): number {
  const { ackIdLength } = batch;
  const ackIdField = 1 + varintSize(ackIdLength) + ackIdLength;
  // A plain view makes cheaper views than a Buffer does.
  const source = new Uint8Array(run.bytes.buffer, run.bytes.byteOffset, run.bytes.byteLength);
  const timeField = encodePublishTimeField(run.publishTimeMs);
  const id = new DecimalCounter(run.firstMessageId);
  const attempt = run.deliveryAttempt ?? 0;
  let at = start;
  for (let index = 0; index < run.count; index += 1) {
    const length = run.length(index);
    const messageSize = length + messageIdFieldSize(id.length) + timeField.length;
    target[at] = RECEIVED_MESSAGES_TAG;
    at = writeVarint(target, at + 1, receivedSize(messageSize, ackIdField, attempt));
    target[at] = ACK_ID_TAG;
    at = writeVarint(target, at + 1, ackIdLength);
    batch.writeAckId(run.firstSequence + index, target, at);
    at += ackIdLength;
    target[at] = MESSAGE_TAG;
    at = writeVarint(target, at + 1, messageSize);
    at = copyBytes(target, at, source, run.offset(index), length);
    target[at] = MESSAGE_ID_TAG;
    target[at + 1] = id.length;
    at = id.write(target, at + 2);
    id.increment();
    at = copyBytes(target, at, timeField, 0, timeField.length);
    if (attempt > 0) {
      target[at] = DELIVERY_ATTEMPT_TAG;
      at = writeVarint(target, at + 1, attempt);
    }
  }
  return at;
}

/** Size of a ReceivedMessage's content. */
function receivedSize(messageSize: number, ackIdField: number, deliveryAttempt: number): number {
  const attemptField = deliveryAttempt > 0 ? 1 + varintSize(deliveryAttempt) : 0;
  return ackIdField + fieldSize(messageSize) + attemptField;
}

/** Size of a length-delimited field with a one-byte tag. */
function fieldSize(length: number): number {
  return 1 + varintSize(length) + length;
}

function messageIdFieldSize(digits: number): number {
  return 2 + digits;
}

function publishTimeFieldSize(publishTimeMs: number): number {
  return 2 + timestampSize(publishTimeMs);
}

function timestampSize(timeMs: number): number {
  return 1 + varintSize(Math.floor(timeMs / 1000)) + 1 + varintSize((timeMs % 1000) * NANOS_PER_MS);
}

function encodePublishTimeField(publishTimeMs: number): Uint8Array {
  const field = new Uint8Array(publishTimeFieldSize(publishTimeMs));
  field[0] = PUBLISH_TIME_TAG;
  field[1] = timestampSize(publishTimeMs);
  field[2] = SECONDS_TAG;
  const at = writeVarint(field, 3, Math.floor(publishTimeMs / 1000));
  field[at] = NANOS_TAG;
  writeVarint(field, at + 1, (publishTimeMs % 1000) * NANOS_PER_MS);
  return field;
}

function copyBytes(target: Uint8Array, at: number, source: Uint8Array, offset: number, length: number): number {
  if (length > LOOP_MAX_BYTES) target.set(source.subarray(offset, offset + length), at);
  else for (let index = 0; index < length; index += 1) target[at + index] = source[offset + index]!;
  return at + length;
}
