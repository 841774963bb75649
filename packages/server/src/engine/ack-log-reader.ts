import type { LogRef } from "@peal/store";
import type { AckLogState } from "./ack-log.js";
import type { TopicLogParts } from "./topic-log.js";

const READ_BYTES = 4 * 1024 * 1024;

/** An ack log as it was read: its records in order, and where to go on. */
export interface AckLogRecords extends AckLogState {
  readonly data: readonly Uint8Array[];
}

/** The ack log of the subscription of that number. */
export function ackLogRef(number: number): LogRef {
  return { kind: "ack", id: String(number), part: 0 };
}

/** Reads all of an ack log. Nobody else writes to it meanwhile. */
export async function readAckLog(ref: LogRef, parts: TopicLogParts): Promise<AckLogRecords> {
  const tail = parts.storage.tail(ref);
  const data: Uint8Array[] = [];
  let after = 0;
  while (after < tail) {
    const from = after;
    const records = await parts.reads.run(() => parts.storage.read(ref, from, { maxBytes: READ_BYTES }));
    if (records.length === 0) break;
    for (const record of records) data.push(record.data);
    after = records[records.length - 1]!.pos;
  }
  const checkpointBytes = data[0]?.byteLength ?? 0;
  const allBytes = data.reduce((sum, record) => sum + record.byteLength, 0);
  return { data, tail, checkpointBytes, stepBytes: allBytes - checkpointBytes };
}
