// Reads what a subscriber sends on a streaming pull, without a message object.
//
// google.pubsub.v1.StreamingPullRequest { subscription = 1, ack_ids = 2, modify_deadline_seconds = 3 (repeated int32),
// modify_deadline_ack_ids = 4, stream_ack_deadline_seconds = 5, client_id = 6, max_outstanding_messages = 7,
// max_outstanding_bytes = 8, protocol_version = 10 }.
import { AckIdList } from "./ack-id-list.js";
import { readStringField } from "./utf8-text.js";
import { LENGTH_DELIMITED, VARINT, WireReader } from "./wire-reader.js";

const SUBSCRIPTION_TAG = (1 << 3) | LENGTH_DELIMITED;
const ACK_IDS_TAG = (2 << 3) | LENGTH_DELIMITED;
const MODIFY_DEADLINE_SECONDS_TAG = (3 << 3) | VARINT;
const MODIFY_DEADLINE_SECONDS_PACKED_TAG = (3 << 3) | LENGTH_DELIMITED;
const MODIFY_DEADLINE_ACK_IDS_TAG = (4 << 3) | LENGTH_DELIMITED;
const STREAM_ACK_DEADLINE_SECONDS_TAG = (5 << 3) | VARINT;
const CLIENT_ID_TAG = (6 << 3) | LENGTH_DELIMITED;
const MAX_OUTSTANDING_MESSAGES_TAG = (7 << 3) | VARINT;
const MAX_OUTSTANDING_BYTES_TAG = (8 << 3) | VARINT;
const PROTOCOL_VERSION_TAG = (10 << 3) | VARINT;
const FIELDS = (1 << 1) | (1 << 2) | (1 << 3) | (1 << 4) | (1 << 5) | (1 << 6) | (1 << 7) | (1 << 8) | (1 << 10);

/** A StreamingPullRequest. An int64 beyond the safe integers shows as the nearest safe one. */
export class StreamingPullScan {
  /** The subscription's name as given, not checked for its form; "" in all but the first request. */
  subscription = "";
  readonly ackIds: AckIdList;
  /** Goes with `modifyDeadlineAckIds`; whether both have the same length is for the caller to check. */
  readonly modifyDeadlineSeconds: number[] = [];
  readonly modifyDeadlineAckIds: AckIdList;
  streamAckDeadlineSeconds = 0;
  clientId = "";
  maxOutstandingMessages = 0;
  maxOutstandingBytes = 0;
  protocolVersion = 0;

  constructor(bytes: Uint8Array) {
    this.ackIds = new AckIdList(bytes);
    this.modifyDeadlineAckIds = new AckIdList(bytes);
  }
}

/** Reads a serialized StreamingPullRequest. Throws WireFormatError if it is not well-formed. */
export function scanStreamingPullRequest(bytes: Uint8Array): StreamingPullScan {
  const scan = new StreamingPullScan(bytes);
  const reader = new WireReader(bytes);
  const end = bytes.length;
  while (reader.position < end) scanField(reader, reader.tag(end), end, scan);
  scan.ackIds.assertText();
  scan.modifyDeadlineAckIds.assertText();
  return scan;
}

function scanField(reader: WireReader, tag: number, end: number, scan: StreamingPullScan): void {
  switch (tag) {
    case ACK_IDS_TAG:
      scan.ackIds.add(reader, end);
      break;
    case MODIFY_DEADLINE_ACK_IDS_TAG:
      scan.modifyDeadlineAckIds.add(reader, end);
      break;
    case MODIFY_DEADLINE_SECONDS_PACKED_TAG: {
      const length = reader.length(end);
      const packedEnd = reader.position + length;
      while (reader.position < packedEnd) scan.modifyDeadlineSeconds.push(reader.int32(packedEnd));
      break;
    }
    case MODIFY_DEADLINE_SECONDS_TAG:
      scan.modifyDeadlineSeconds.push(reader.int32(end));
      break;
    case SUBSCRIPTION_TAG:
      scan.subscription = readStringField(reader, end);
      break;
    case STREAM_ACK_DEADLINE_SECONDS_TAG:
      scan.streamAckDeadlineSeconds = reader.int32(end);
      break;
    case CLIENT_ID_TAG:
      scan.clientId = readStringField(reader, end);
      break;
    case MAX_OUTSTANDING_MESSAGES_TAG:
      scan.maxOutstandingMessages = reader.int64(end);
      break;
    case MAX_OUTSTANDING_BYTES_TAG:
      scan.maxOutstandingBytes = reader.int64(end);
      break;
    case PROTOCOL_VERSION_TAG:
      scan.protocolVersion = reader.int64(end);
      break;
    default:
      reader.skipUnknown(tag, end, FIELDS);
  }
}
