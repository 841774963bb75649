/**
 * Forwards a subscription's dying messages to its dead-letter topic.
 *
 *   dying ──read, edited──▶ job of the ack log: block in the target's log + Step that acks ──▶ forwarded
 *                             │
 *                             └──no topic, no space──▶ failed: delivered again, tried again with the next failure
 *
 * One commit for both, so a crash neither loses a message nor forwards it twice. What is under way holds about one
 * block of messages in memory.
 */
import type { PubSubError } from "@peal/core";
import type { AckLogCommit, AckLogJob, AckLogPositions } from "./ack-log-job.js";
import type { Activity } from "./activity.js";
import type { Block } from "./block.js";
import { deadLetterBatch, deadLetterMessage, type ForwardedMessage } from "./dead-letter-message.js";
import { Deque } from "./deque.js";
import type { EngineLog } from "./engine-log.js";
import type { ForwardTarget, PackedBlock } from "./forward-target.js";
import type { TopicLog } from "./topic-log.js";

/** Forwarded with one commit at most. */
const MESSAGES_PER_COMMIT = 1_000;
const BYTES_PER_COMMIT = 1024 * 1024;

export interface ForwardingParts {
  readonly activity: Activity;
  readonly log: EngineLog;
  /** Undefined: there is no such topic, or it is being deleted. */
  readonly findTarget: (topic: string) => ForwardTarget | undefined;
  /** Whether the messages of a subscription may go to a topic; both full names. */
  readonly mayForward: (subscription: string, topic: string) => boolean;
}

/** The subscription whose messages die. */
export interface DeadLetterSource {
  readonly name: string;
  readonly log: TopicLog;
  /** The dead-letter topic as the settings name it now; undefined: there is none any more. */
  readonly deadLetterTopic: () => string | undefined;
  /** Those of the sequences that were not settled meanwhile. */
  readonly stillDying: (sequences: readonly number[]) => readonly number[];
  /** A Step that acks them. */
  readonly deadLetterStep: (sequences: readonly number[]) => Uint8Array;
  readonly run: (job: AckLogJob) => void;
  /** They are forwarded and acked, durably. */
  readonly forwarded: (sequences: readonly number[]) => void;
  readonly failed: (sequences: readonly number[]) => void;
}

interface DyingMessage {
  readonly sequence: number;
  readonly failures: number;
}

interface ReadMessage {
  readonly sequence: number;
  /** Undefined where the log has none: it is acked alone. */
  readonly message: ForwardedMessage | undefined;
}

export class DeadLetters {
  readonly #source: DeadLetterSource;
  readonly #parts: ForwardingParts;
  readonly #waiting = new Deque<DyingMessage>();
  /** Whether it was said that there is no topic to forward to; once, until there is. */
  #isMissingTold = false;
  #isRunning = false;
  /** The block read last: dying messages often lie side by side. */
  #block: Block | undefined;

  constructor(source: DeadLetterSource, parts: ForwardingParts) {
    this.#source = source;
    this.#parts = parts;
  }

  /** Whether something is on its way. */
  get isBusy(): boolean {
    return this.#isRunning;
  }

  /** Takes dying messages; each is told `forwarded` or `failed`, unless it is settled before. Rising sequences. */
  forward(sequences: readonly number[], failures: readonly number[]): void {
    for (let index = 0; index < sequences.length; index += 1) {
      this.#waiting.push({ sequence: sequences[index]!, failures: failures[index]! });
    }
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#parts.activity.track(this.#run());
  }

  /** The subscription has ended: what waits is nobody's any more. */
  stop(): void {
    this.#take(this.#waiting.length);
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const chunk = this.#peek();
      try {
        const read = await this.#read(chunk);
        this.#take(read.length);
        await this.#forward(read);
      } catch (error) {
        this.#take(chunk.length);
        this.#parts.log.error({ subscription: this.#source.name, err: error }, "dying messages could not be read");
        this.#source.failed(chunk.map(({ sequence }) => sequence));
      }
    }
    this.#block = undefined;
    this.#isRunning = false;
  }

  /** Those that come next. */
  #peek(): readonly DyingMessage[] {
    const count = Math.min(this.#waiting.length, MESSAGES_PER_COMMIT);
    return Array.from({ length: count }, (_, index) => this.#waiting.at(index)!);
  }

  #take(count: number): void {
    for (let left = count; left > 0; left -= 1) this.#waiting.shift();
  }

  /** The first messages of the chunk, edited: as many as fit one commit, one at least. */
  async #read(chunk: readonly DyingMessage[]): Promise<readonly ReadMessage[]> {
    const read: ReadMessage[] = [];
    let bytes = 0;
    for (const dying of chunk) {
      const message = await this.#edit(dying);
      bytes += message?.bytes.byteLength ?? 0;
      if (read.length > 0 && bytes > BYTES_PER_COMMIT) break;
      read.push({ sequence: dying.sequence, message });
    }
    return read;
  }

  async #edit({ sequence, failures }: DyingMessage): Promise<ForwardedMessage | undefined> {
    let block = this.#block;
    if (block === undefined || sequence < block.first || sequence > block.last) {
      block = await this.#source.log.find(sequence);
      this.#block = block;
    }
    if (block === undefined || sequence < block.first) return undefined;
    const index = sequence - block.first;
    const at = block.offset(index);
    return deadLetterMessage(block.bytes.subarray(at, at + block.sizeBytes(index)), {
      subscription: this.#source.name,
      deliveryCount: failures,
      publishTimeMs: block.publishTimeMs,
    });
  }

  async #forward(read: readonly ReadMessage[]): Promise<void> {
    for (;;) {
      const target = this.#target();
      if (target === undefined) {
        this.#tellMissing();
        this.#source.failed(read.map(({ sequence }) => sequence));
        return;
      }
      try {
        await target.whenReady(read.length);
      } catch (error) {
        this.#refused(read, error);
        return;
      }
      if (await this.#commit(read, target)) return;
    }
  }

  /** Whoever set the policy should know that messages go round and round. */
  #tellMissing(): void {
    const topic = this.#source.deadLetterTopic();
    if (this.#isMissingTold || topic === undefined) return;
    this.#isMissingTold = true;
    const names = { subscription: this.#source.name, topic };
    this.#parts.log.warn(
      names,
      "messages cannot go to their dead-letter topic: it is missing or may not be published to",
    );
  }

  /** The topic to forward to, if there is one now and it may be forwarded to. */
  #target(): ForwardTarget | undefined {
    const topic = this.#source.deadLetterTopic();
    if (topic === undefined || !this.#parts.mayForward(this.#source.name, topic)) return undefined;
    return this.#parts.findTarget(topic);
  }

  /** @returns False where the target is another one or not ready any more when it is the log's turn. */
  #commit(read: readonly ReadMessage[], target: ForwardTarget): Promise<boolean> {
    return new Promise((resolve) => {
      let left: readonly ReadMessage[] = read;
      let block: PackedBlock | undefined;
      this.#source.run({
        form: (): AckLogCommit | undefined => {
          left = this.#stillDying(read);
          const isReady = this.#target() === target && target.whenReady(read.length) === undefined;
          if (left.length === 0 || !isReady) {
            resolve(left.length === 0);
            return undefined;
          }
          const messages = left.flatMap(({ message }) => (message === undefined ? [] : [message]));
          if (messages.length > 0) block = target.pack(deadLetterBatch(messages));
          const record = this.#source.deadLetterStep(left.map(({ sequence }) => sequence));
          return { record, isCheckpoint: false, before: block === undefined ? [] : [block.write] };
        },
        done: ({ before }: AckLogPositions): void => {
          this.#isMissingTold = false;
          block?.stored(before[0]!);
          this.#source.forwarded(left.map(({ sequence }) => sequence));
          resolve(true);
        },
        failed: (error: PubSubError): void => {
          this.#refused(left, error);
          resolve(true);
        },
      });
    });
  }

  #stillDying(read: readonly ReadMessage[]): readonly ReadMessage[] {
    const dying = new Set(this.#source.stillDying(read.map(({ sequence }) => sequence)));
    return read.filter(({ sequence }) => dying.has(sequence));
  }

  #refused(read: readonly ReadMessage[], error: unknown): void {
    this.#parts.log.warn({ subscription: this.#source.name, err: error }, "dying messages could not be forwarded");
    this.#source.failed(read.map(({ sequence }) => sequence));
  }
}
