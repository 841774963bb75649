/** Turns the core's delivery into a batch of bytes: blocks at hand, or read again. */
import type { DeliveryRun } from "@peal/core";
import { ACK_ID_LENGTH, type AckIdWriter } from "./ack-id.js";
import { Block } from "./block.js";
import type { DeliveredBatch, DeliveredRun } from "./engine-contract.js";
import type { TopicLog } from "./topic-log.js";

/**
 * The runs with their blocks, at once where all blocks are in memory. Messages that the log no longer has (trimmed
 * while they were on their way: settled or past retention) are left out.
 */
export function gatherRuns(
  runs: readonly DeliveryRun[],
  log: TopicLog,
): readonly BlockRun[] | Promise<readonly BlockRun[]> {
  const gathered: BlockRun[] = [];
  for (let index = 0; index < runs.length; index += 1) {
    const run = runs[index]!;
    if (run.block !== undefined) {
      gathered.push(new BlockRun(ownBlock(run.block), run.first, run.count));
      continue;
    }
    const rest = gatherRun(run.first, run.first + run.count - 1, log, gathered);
    if (rest !== undefined) return gatherLater(rest, runs, index + 1, log, gathered);
  }
  return gathered;
}

async function gatherLater(
  pending: Promise<void>,
  runs: readonly DeliveryRun[],
  from: number,
  log: TopicLog,
  gathered: BlockRun[],
): Promise<readonly BlockRun[]> {
  await pending;
  for (let index = from; index < runs.length; index += 1) {
    const run = runs[index]!;
    if (run.block === undefined) await gatherRun(run.first, run.first + run.count - 1, log, gathered);
    else gathered.push(new BlockRun(ownBlock(run.block), run.first, run.count));
  }
  return gathered;
}

/** Finds the blocks of `first … last`; undefined when that needed no read. */
function gatherRun(first: number, last: number, log: TopicLog, gathered: BlockRun[]): Promise<void> | undefined {
  let next = first;
  while (next <= last) {
    const before = gathered[gathered.length - 1]?.block;
    const found = before !== undefined && before.first <= next && next <= before.last ? before : log.find(next);
    if (found instanceof Promise) {
      return found.then((block) => {
        const after = takePart(block, next, last, gathered);
        return after > last ? undefined : gatherRun(after, last, log, gathered);
      });
    }
    next = takePart(found, next, last, gathered);
  }
  return undefined;
}

/** Adds the block's part of `next … last`; answers where to go on. */
function takePart(block: Block | undefined, next: number, last: number, gathered: BlockRun[]): number {
  if (block === undefined || block.first > last) return last + 1;
  const from = Math.max(next, block.first);
  const to = Math.min(last, block.last);
  gathered.push(new BlockRun(block, from, to - from + 1));
  return to + 1;
}

function ownBlock(view: NonNullable<DeliveryRun["block"]>): Block {
  if (!(view instanceof Block)) throw new Error("the core answered with a block that is not the engine's");
  return view;
}

/** Consecutive messages of one block. */
export class BlockRun implements DeliveredRun {
  readonly block: Block;
  readonly firstSequence: number;
  readonly count: number;
  readonly #skip: number;

  constructor(block: Block, first: number, count: number) {
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
