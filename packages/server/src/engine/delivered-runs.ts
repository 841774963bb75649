/** What a sink is given: runs of messages in their blocks. */
import { ACK_ID_LENGTH, type AckIdWriter } from "./ack-id.js";
import type { Block } from "./block.js";
import type { DeliveredBatch, DeliveredRun } from "./engine-contract.js";

/** Consecutive messages of one block. */
export class BlockRun implements DeliveredRun {
  readonly block: Block;
  readonly firstSequence: number;
  readonly count: number;
  readonly deliveryAttempt: number;
  readonly #skip: number;

  /** @param deliveryAttempt - 0 where it is not told. */
  constructor(block: Block, first: number, count: number, deliveryAttempt = 0) {
    this.deliveryAttempt = deliveryAttempt;
    this.block = block;
    this.firstSequence = first;
    this.count = count;
    this.#skip = first - block.first;
  }

  get bytes(): Uint8Array {
    return this.block.bytes;
  }

  get firstMessageId(): number {
    return this.block.firstMessageId + this.#skip;
  }

  get publishTimeMs(): number {
    return this.block.publishTimeMs;
  }

  offset(index: number): number {
    return this.block.offset(this.#skip + index);
  }

  length(index: number): number {
    return this.block.sizeBytes(this.#skip + index);
  }
}

/** What a sink gets: every message's bytes, and ids to ack them by. */
export class RunBatch implements DeliveredBatch {
  readonly runs: readonly BlockRun[];
  readonly messageCount: number;
  readonly sizeBytes: number;
  readonly ackIdLength = ACK_ID_LENGTH;
  readonly #ackIds: AckIdWriter;

  constructor(runs: readonly BlockRun[], ackIds: AckIdWriter) {
    let messageCount = 0;
    let sizeBytes = 0;
    for (const run of runs) {
      messageCount += run.count;
      for (let index = 0; index < run.count; index += 1) sizeBytes += run.length(index);
    }
    this.runs = runs;
    this.messageCount = messageCount;
    this.sizeBytes = sizeBytes;
    this.#ackIds = ackIds;
  }

  writeAckId(sequence: number, target: Uint8Array, at: number): void {
    this.#ackIds.write(sequence, target, at);
  }
}
