// Reads the small requests of subscribers without a message object: Pull, Acknowledge, ModifyAckDeadline.
//
// google.pubsub.v1: PullRequest { subscription = 1, return_immediately = 2, max_messages = 3 },
// AcknowledgeRequest { subscription = 1, ack_ids = 2 },
// ModifyAckDeadlineRequest { subscription = 1, ack_deadline_seconds = 3, ack_ids = 4 }.
import { AckIdList } from "./ack-id-list.js";
import { readStringField } from "./utf8-text.js";
import { LENGTH_DELIMITED, VARINT, WireReader } from "./wire-reader.js";

const SUBSCRIPTION_TAG = (1 << 3) | LENGTH_DELIMITED;

const RETURN_IMMEDIATELY_TAG = (2 << 3) | VARINT;
const MAX_MESSAGES_TAG = (3 << 3) | VARINT;
const PULL_FIELDS = (1 << 1) | (1 << 2) | (1 << 3);

const ACKNOWLEDGE_ACK_IDS_TAG = (2 << 3) | LENGTH_DELIMITED;
const ACKNOWLEDGE_FIELDS = (1 << 1) | (1 << 2);

const ACK_DEADLINE_SECONDS_TAG = (3 << 3) | VARINT;
const MODIFY_ACK_IDS_TAG = (4 << 3) | LENGTH_DELIMITED;
const MODIFY_FIELDS = (1 << 1) | (1 << 3) | (1 << 4);

export interface PullScan {
  /** The subscription's name as given, not checked for its form. */
  readonly subscription: string;
  readonly returnImmediately: boolean;
  readonly maxMessages: number;
}

export interface AcknowledgeScan {
  /** The subscription's name as given, not checked for its form. */
  readonly subscription: string;
  readonly ackIds: AckIdList;
}

export interface ModifyAckDeadlineScan extends AcknowledgeScan {
  readonly ackDeadlineSeconds: number;
}

/** Reads a serialized PullRequest. Throws WireFormatError if it is not well-formed. */
export function scanPullRequest(bytes: Uint8Array): PullScan {
  const reader = new WireReader(bytes);
  const end = bytes.length;
  let subscription = "";
  let returnImmediately = false;
  let maxMessages = 0;
  while (reader.position < end) {
    const tag = reader.tag(end);
    if (tag === SUBSCRIPTION_TAG) subscription = readStringField(reader, end);
    else if (tag === RETURN_IMMEDIATELY_TAG) returnImmediately = reader.bool(end);
    else if (tag === MAX_MESSAGES_TAG) maxMessages = reader.int32(end);
    else reader.skipUnknown(tag, end, PULL_FIELDS);
  }
  return { subscription, returnImmediately, maxMessages };
}

/** Reads a serialized AcknowledgeRequest. Throws WireFormatError if it is not well-formed. */
export function scanAcknowledgeRequest(bytes: Uint8Array): AcknowledgeScan {
  const reader = new WireReader(bytes);
  const end = bytes.length;
  const ackIds = new AckIdList(bytes);
  let subscription = "";
  while (reader.position < end) {
    const tag = reader.tag(end);
    if (tag === ACKNOWLEDGE_ACK_IDS_TAG) ackIds.add(reader, end);
    else if (tag === SUBSCRIPTION_TAG) subscription = readStringField(reader, end);
    else reader.skipUnknown(tag, end, ACKNOWLEDGE_FIELDS);
  }
  ackIds.assertText();
  return { subscription, ackIds };
}

/** Reads a serialized ModifyAckDeadlineRequest. Throws WireFormatError if it is not well-formed. */
export function scanModifyAckDeadlineRequest(bytes: Uint8Array): ModifyAckDeadlineScan {
  const reader = new WireReader(bytes);
  const end = bytes.length;
  const ackIds = new AckIdList(bytes);
  let subscription = "";
  let ackDeadlineSeconds = 0;
  while (reader.position < end) {
    const tag = reader.tag(end);
    if (tag === MODIFY_ACK_IDS_TAG) ackIds.add(reader, end);
    else if (tag === SUBSCRIPTION_TAG) subscription = readStringField(reader, end);
    else if (tag === ACK_DEADLINE_SECONDS_TAG) ackDeadlineSeconds = reader.int32(end);
    else reader.skipUnknown(tag, end, MODIFY_FIELDS);
  }
  ackIds.assertText();
  return { subscription, ackDeadlineSeconds, ackIds };
}
