/**
 * The publishes of one topic on their way into its log.
 *
 * A request goes out at the end of the turn it came in, with what else came in that turn. What arrives while a commit
 * is under way waits for its end and shares blocks, unless a whole block has gathered and the store is not far behind:
 * then it goes too, so that the next group is packed while the disk is busy with this one.
 */
import type { Write } from "@peal/store";
import type { Activity } from "./activity.js";
import { Block } from "./block.js";
import { packBlock } from "./block-writer.js";
import type { Clock } from "./clock.js";
import type { CommitLine } from "./commit-line.js";
import type { PublishBatch } from "./engine-contract.js";
import { fromStorage } from "./engine-errors.js";
import type { EngineLimits } from "./engine-limits.js";
import type { ForwardTarget, PackedBlock } from "./forward-target.js";
import type { MessageIds } from "./message-ids.js";
import type { TopicLog } from "./topic-log.js";
import type { WaitingBudget } from "./waiting-budget.js";

export interface PublishQueueParts {
  readonly commits: CommitLine;
  readonly ids: MessageIds;
  readonly clock: Clock;
  readonly activity: Activity;
  readonly waiting: WaitingBudget;
  readonly limits: EngineLimits;
}

interface Request {
  readonly batch: PublishBatch;
  readonly resolve: (firstMessageId: number) => void;
  readonly reject: (error: Error) => void;
}

/** Blocks handed to the store and not yet durable; what comes behind them waits, full block or not. */
const BLOCKS_IN_FLIGHT_MAX = 4;

export class PublishQueue implements ForwardTarget {
  readonly #name: string;
  readonly #log: TopicLog;
  readonly #parts: PublishQueueParts;
  readonly #onStored: (messageCount: number) => void;
  #waiting: Request[] = [];
  #waitingBytes = 0;
  #commitsInFlight = 0;
  #isScheduled = false;
  #isPaused = false;
  #drained: (() => void)[] = [];

  /**
   * @param name - The topic's, for errors.
   * @param onStored - Told after each block how many messages it holds.
   */
  constructor(name: string, log: TopicLog, parts: PublishQueueParts, onStored: (messageCount: number) => void) {
    this.#name = name;
    this.#log = log;
    this.#parts = parts;
    this.#onStored = onStored;
  }

  /** Resolves with the first message's id when the batch is durable and its topic's followers know of it. */
  publish(batch: PublishBatch): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#parts.waiting.take(batch.bytes.byteLength);
      this.#waiting.push({ batch, resolve, reject });
      this.#waitingBytes += batch.bytes.byteLength;
      if (this.#isScheduled || this.#isPaused) return;
      if (this.#commitsInFlight === 0) this.#schedule();
      else this.#flushFull();
    });
  }

  /** Resolves when every publish so far has its answer. */
  drained(): Promise<void> {
    if (this.#waiting.length === 0 && this.#commitsInFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  whenReady(count: number): Promise<void> | undefined {
    return this.#log.learnPublishTime() ?? this.#parts.ids.reserve(count);
  }

  pack(batch: PublishBatch): PackedBlock {
    const { write, data } = this.#pack([batch], batch.count);
    return {
      write,
      stored: (position) => {
        this.#log.appended(new Block(position, data));
        this.#onStored(batch.count);
      },
    };
  }

  #schedule(): void {
    this.#isScheduled = true;
    this.#parts.activity.defer(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  /** Sends what has gathered, if it fills a block or nothing is under way. */
  #flushFull(): void {
    if (this.#commitsInFlight === 0 || this.#waitingBytes >= this.#parts.limits.blockBytes) this.#flush();
  }

  #flush(): void {
    if (this.#isPaused) return;
    while (this.#waiting.length > 0 && this.#commitsInFlight < BLOCKS_IN_FLIGHT_MAX) {
      const pause = this.#pause();
      if (pause !== undefined) {
        this.#waitFor(pause);
        return;
      }
      this.#commit(this.#takeGroup());
    }
  }

  /** What the next block must wait for: ids that the store knows of, the last publish time. */
  #pause(): Promise<void> | undefined {
    const countMax = Math.max(this.#parts.limits.blockMessages, this.#waiting[0]!.batch.count);
    return this.whenReady(countMax);
  }

  #waitFor(pause: Promise<void>): void {
    this.#isPaused = true;
    const resume = (): void => {
      this.#isPaused = false;
      this.#flush();
    };
    const fail = (error: unknown): void => {
      this.#isPaused = false;
      const refused = this.#waiting;
      this.#waiting = [];
      this.#waitingBytes = 0;
      this.#refuse(refused, error);
    };
    void this.#parts.activity.track(pause.then(resume, fail));
  }

  /** The oldest requests that fit one block; one at least. */
  #takeGroup(): Request[] {
    const { blockBytes, blockMessages } = this.#parts.limits;
    let bytes = 0;
    let messages = 0;
    let end = 0;
    for (; end < this.#waiting.length; end += 1) {
      const { batch } = this.#waiting[end]!;
      bytes += batch.bytes.byteLength;
      messages += batch.count;
      if (end > 0 && (bytes > blockBytes || messages > blockMessages)) break;
    }
    const group = end === this.#waiting.length ? this.#waiting : this.#waiting.slice(0, end);
    this.#waiting = end === this.#waiting.length ? [] : this.#waiting.slice(end);
    for (const request of group) this.#waitingBytes -= request.batch.bytes.byteLength;
    return group;
  }

  #commit(group: Request[]): void {
    let count = 0;
    for (const request of group) count += request.batch.count;
    let packed: { readonly write: Write; readonly data: Uint8Array };
    try {
      const batches = group.map((request) => request.batch);
      packed = this.#pack(batches, count);
    } catch (error) {
      this.#refuse(group, error);
      return;
    }
    const { write, data } = packed;
    this.#commitsInFlight += 1;
    this.#parts.commits.commit([write]).then(
      (positions) => this.#stored(group, new Block(positions[0]!, data)),
      (error: unknown) => {
        this.#commitsInFlight -= 1;
        this.#refuse(group, error);
        this.#flushFull();
      },
    );
  }

  #pack(batches: readonly PublishBatch[], count: number): { readonly write: Write; readonly data: Uint8Array } {
    const timeMs = this.#log.nextPublishTimeMs(Math.floor(this.#parts.clock.wallMs()));
    const data = packBlock(batches, this.#parts.ids.take(count), timeMs);
    return { write: { kind: "append", log: this.#log.ref, data, count, timeMs }, data };
  }

  #stored(group: readonly Request[], block: Block): void {
    this.#commitsInFlight -= 1;
    // The disk first: it works while the followers and the callers are told.
    this.#flushFull();
    this.#log.appended(block);
    let id = block.firstMessageId;
    for (const request of group) {
      this.#parts.waiting.give(request.batch.bytes.byteLength);
      request.resolve(id);
      id += request.batch.count;
    }
    this.#onStored(block.count);
    this.#tellDrained();
  }

  #refuse(group: readonly Request[], error: unknown): void {
    for (const request of group) {
      this.#parts.waiting.give(request.batch.bytes.byteLength);
      request.reject(fromStorage(error, this.#name));
    }
    this.#tellDrained();
  }

  #tellDrained(): void {
    if (this.#waiting.length > 0 || this.#commitsInFlight > 0) return;
    const drained = this.#drained;
    this.#drained = [];
    for (const resolve of drained) resolve();
  }
}
