// google.pubsub.v1.StreamingPullResponse { received_messages = 1, modify_ack_deadline_confirmation = 3,
// subscription_properties = 4, acknowledge_confirmation = 5 }.
import { encodeReceivedMessages, type ReceivedBatch } from "./received-messages.js";
import { LENGTH_DELIMITED, VARINT } from "./wire-reader.js";
import { varintSize, writeVarint } from "./wire-writer.js";

const MODIFY_CONFIRMATION = 3;
const SUBSCRIPTION_PROPERTIES = 4;
const ACKNOWLEDGE_CONFIRMATION = 5;

/** What a subscriber is told of its subscription. Sent even where both are false. */
export interface SubscriptionProperties {
  readonly exactlyOnceDeliveryEnabled: boolean;
  readonly messageOrderingEnabled: boolean;
}

/** How acks ended, by ack id. */
export interface AcknowledgeConfirmation {
  readonly ackIds?: readonly string[];
  /** Malformed or expired. */
  readonly invalidAckIds?: readonly string[];
  /** Acked before an earlier message of their ordering key. */
  readonly unorderedAckIds?: readonly string[];
  /** To be tried again. */
  readonly temporaryFailedAckIds?: readonly string[];
}

/** How changes of ack deadlines ended, by ack id. */
export type ModifyAckDeadlineConfirmation = Omit<AcknowledgeConfirmation, "unorderedAckIds">;

export interface StreamingPullResponseParts {
  readonly received?: ReceivedBatch;
  readonly subscriptionProperties?: SubscriptionProperties;
  readonly acknowledgeConfirmation?: AcknowledgeConfirmation;
  readonly modifyAckDeadlineConfirmation?: ModifyAckDeadlineConfirmation;
}

const NOTHING_RECEIVED: ReceivedBatch = {
  messageCount: 0,
  runs: [],
  ackIdLength: 0,
  writeAckId() {
    throw new RangeError("an empty batch has no ack ids");
  },
};

/** Serializes a StreamingPullResponse; with no parts it is empty, which answers a keepalive. */
export function encodeStreamingPullResponse(parts: StreamingPullResponseParts): Uint8Array {
  const fields: Uint8Array[] = [];
  const { modifyAckDeadlineConfirmation: modify, acknowledgeConfirmation: acknowledge } = parts;
  if (modify !== undefined) {
    fields.push(
      encodeIdLists(MODIFY_CONFIRMATION, [modify.ackIds, modify.invalidAckIds, modify.temporaryFailedAckIds]),
    );
  }
  if (parts.subscriptionProperties !== undefined) fields.push(encodeProperties(parts.subscriptionProperties));
  if (acknowledge !== undefined) {
    const { ackIds, invalidAckIds, unorderedAckIds, temporaryFailedAckIds } = acknowledge;
    fields.push(
      encodeIdLists(ACKNOWLEDGE_CONFIRMATION, [ackIds, invalidAckIds, unorderedAckIds, temporaryFailedAckIds]),
    );
  }
  const suffix = fields.length === 1 ? fields[0] : Buffer.concat(fields);
  return encodeReceivedMessages(parts.received ?? NOTHING_RECEIVED, suffix);
}

function encodeProperties(properties: SubscriptionProperties): Uint8Array {
  const content: number[] = [];
  if (properties.exactlyOnceDeliveryEnabled) content.push((1 << 3) | VARINT, 1);
  if (properties.messageOrderingEnabled) content.push((2 << 3) | VARINT, 1);
  return Uint8Array.of((SUBSCRIPTION_PROPERTIES << 3) | LENGTH_DELIMITED, content.length, ...content);
}

/** Serializes field `number` of a response: a message whose fields 1, 2, 3 … are lists of strings. */
function encodeIdLists(number: number, lists: readonly (readonly string[] | undefined)[]): Uint8Array {
  let size = 0;
  for (const ids of lists) {
    for (const id of ids ?? []) {
      const length = Buffer.byteLength(id, "utf8");
      size += 1 + varintSize(length) + length;
    }
  }
  const target = Buffer.allocUnsafe(1 + varintSize(size) + size);
  target[0] = (number << 3) | LENGTH_DELIMITED;
  let at = writeVarint(target, 1, size);
  lists.forEach((ids, index) => {
    for (const id of ids ?? []) {
      target[at] = ((index + 1) << 3) | LENGTH_DELIMITED;
      at = writeVarint(target, at + 1, Buffer.byteLength(id, "utf8"));
      at += target.write(id, at, "utf8");
    }
  });
  return target;
}
