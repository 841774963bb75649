import type { DeliveredBatch } from "../engine/engine-contract.js";

/** A batch of messages with the given data, sequences from 1, ids from 1000, in one run. */
export function batchOf(...data: readonly string[]): DeliveredBatch {
  const messages = data.map((text) => Buffer.concat([Buffer.from([0x0a, text.length]), Buffer.from(text)]));
  const bytes = Buffer.concat(messages);
  const offsets = messages.map((_, index) => messages.slice(0, index).reduce((sum, { length }) => sum + length, 0));
  return {
    messageCount: messages.length,
    sizeBytes: bytes.length,
    runs: [
      {
        bytes,
        firstSequence: 1,
        firstMessageId: 1_000,
        publishTimeMs: 1_700_000_000_123,
        count: messages.length,
        deliveryAttempt: 0,
        offset: (index) => offsets[index]!,
        length: (index) => messages[index]!.length,
      },
    ],
    ackIdLength: 4,
    writeAckId: (sequence, target, at) => {
      target.set(Buffer.from(`ok${String(sequence).padStart(2, "0")}`), at);
    },
  };
}
