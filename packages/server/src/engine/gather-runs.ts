/** Finds the bytes of what the core wants delivered: blocks at hand, or read again. */
import type { DeliveryRun } from "@peal/core";
import { Block } from "./block.js";
import { extractBlock } from "./block-writer.js";
import { BlockRun } from "./delivered-runs.js";
import type { TopicLog } from "./topic-log.js";

/** A block read for a redelivery is kept whole up to this size, or where a fair share of it is delivered. */
const KEPT_WHOLE_BYTES = 16 * 1024;
const KEPT_SHARE = 4;

/**
 * The runs with their blocks, at once where all blocks are in memory. Messages that the log no longer has (trimmed
 * while they were on their way: settled or past retention) are left out.
 *
 * @param tellsAttempts - Whether the messages say which attempt at their delivery this is.
 */
export function gatherRuns(
  runs: readonly DeliveryRun[],
  log: TopicLog,
  tellsAttempts: boolean,
): readonly BlockRun[] | Promise<readonly BlockRun[]> {
  return new RunGatherer(runs, log, tellsAttempts).gather();
}

class RunGatherer {
  readonly #runs: readonly DeliveryRun[];
  readonly #log: TopicLog;
  readonly #tellsAttempts: boolean;
  readonly #gathered: BlockRun[] = [];
  #index = 0;
  /** Where to go on within the run at hand; 0: at its beginning. */
  #next = 0;
  /** The block read last, and where in `#gathered` its runs begin. */
  #read: Block | undefined;
  #readFrom = 0;

  constructor(runs: readonly DeliveryRun[], log: TopicLog, tellsAttempts: boolean) {
    this.#runs = runs;
    this.#log = log;
    this.#tellsAttempts = tellsAttempts;
  }

  gather(): readonly BlockRun[] | Promise<readonly BlockRun[]> {
    while (this.#index < this.#runs.length) {
      const run = this.#runs[this.#index]!;
      const next = Math.max(this.#next, run.first);
      const found = this.#blockOf(run, next);
      if (found instanceof Promise) return this.#goOn(found, run, next);
      this.#take(found, run, next);
    }
    this.#releaseRead();
    return this.#gathered;
  }

  async #goOn(reading: Promise<Block | undefined>, run: DeliveryRun, next: number): Promise<readonly BlockRun[]> {
    this.#releaseRead();
    const block = await reading;
    this.#read = block;
    this.#readFrom = this.#gathered.length;
    this.#take(block, run, next);
    return this.gather();
  }

  #blockOf(run: DeliveryRun, next: number): Block | undefined | Promise<Block | undefined> {
    if (run.block !== undefined) return ownBlock(run.block);
    const read = this.#read;
    if (read !== undefined && read.first <= next && next <= read.last) return read;
    return this.#log.find(next);
  }

  /** Adds the block's part of the run from `next` on. */
  #take(block: Block | undefined, run: DeliveryRun, next: number): void {
    const last = run.first + run.count - 1;
    let end = last;
    if (block !== undefined && block.first <= last) {
      const from = Math.max(next, block.first);
      end = Math.min(last, block.last);
      if (end < from) throw new Error(`the core delivers ${from} from a block that ends at ${block.last}`);
      const attempt = this.#tellsAttempts ? run.failures + 1 : 0;
      this.#gathered.push(new BlockRun(block, from, end - from + 1, attempt));
    }
    this.#next = end + 1;
    if (end === last) {
      this.#index += 1;
      this.#next = 0;
    }
  }

  /**
   * Of a big block that was read for a few messages only these are kept: a batch may take one message from each of a
   * thousand blocks.
   */
  #releaseRead(): void {
    const block = this.#read;
    this.#read = undefined;
    if (block === undefined || block.bytes.byteLength < KEPT_WHOLE_BYTES) return;
    let count = 0;
    for (let index = this.#readFrom; index < this.#gathered.length; index += 1) {
      if (this.#gathered[index]!.block === block) count += this.#gathered[index]!.count;
    }
    if (count * KEPT_SHARE >= block.count) return;
    for (let index = this.#readFrom; index < this.#gathered.length; index += 1) {
      const run = this.#gathered[index]!;
      if (run.block !== block) continue;
      const kept = extractBlock(block, run.firstSequence, run.count);
      this.#gathered[index] = new BlockRun(kept, run.firstSequence, run.count, run.deliveryAttempt);
    }
  }
}

function ownBlock(view: NonNullable<DeliveryRun["block"]>): Block {
  if (!(view instanceof Block)) throw new Error("the core answered with a block that is not the engine's");
  return view;
}
