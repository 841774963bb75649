import assert from "node:assert/strict";
import type { BlockView } from "./block-view.js";
import { type DeliveryRules, PLAIN_RULES } from "./delivery-rules.js";
import type { AckFailureReason, DeliveryRun, Effect, Event, Generation } from "./events.js";
import { type CoreLimits, DEFAULT_LIMITS } from "./limits.js";
import { type PlainMessage, plainBlock } from "./plain-block.test.support.js";
import { Subscription } from "./subscription.js";

const SIZE_BYTES = 10;

/** One message as it was handed out. */
export interface Handed {
  readonly puller: number;
  readonly sequence: number;
  readonly generation: Generation;
  readonly failures: number;
  readonly isHeld: boolean;
}

/** What a test says of a puller where it matters. */
export interface StagePuller {
  readonly leaseMs?: number;
  readonly messagesMax?: number;
  readonly isOnce?: boolean;
  readonly isKeyExclusive?: boolean;
  readonly clientId?: string;
}

/** One subscription with its log, its records and a clock: a test says what happens, and asks who got what. */
export class Stage {
  nowMs = 0;
  /** What the core draws. */
  random = 0.5;
  /** Whether reads of the log are answered at once. */
  isReading = true;
  /** Blocks that one answer to a read holds. */
  readBlocksMax = Number.POSITIVE_INFINITY;
  /** What is in the ack log. */
  records: Uint8Array[];
  subscription: Subscription;
  /** Everything handed out, in order. */
  readonly handed: Handed[] = [];
  /** Told to be forwarded: pairs of sequence and failures. */
  readonly dying: (readonly [sequence: number, failures: number])[] = [];
  /** What failed of the last request, by index. */
  failed: ReadonlyMap<number, AckFailureReason> | undefined;
  readonly #limits: CoreLimits;
  readonly #blocks: BlockView[] = [];
  #rules: DeliveryRules;
  #starts = 1;
  #head = 0;
  #wakeAtMs = Number.POSITIVE_INFINITY;
  #load: (Effect & { kind: "load" }) | undefined;

  constructor(rules: Partial<DeliveryRules> = {}, limits: Partial<CoreLimits> = {}) {
    this.#rules = { ...PLAIN_RULES, ...rules };
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.subscription = Subscription.create(0, { startNumber: 1, limits: this.#limits, rules: this.#rules });
    this.records = [this.subscription.takeCheckpoint(false, 0)];
  }

  get head(): number {
    return this.#head;
  }

  get load(): (Effect & { kind: "load" }) | undefined {
    return this.#load;
  }

  /** Appends one block of messages without attributes, named by their keys; "" for none. */
  publish(...keys: readonly string[]): void {
    this.append(
      keys.map((key) => ({ key })),
      0,
    );
  }

  append(messages: readonly PlainMessage[], publishTimeMs: number, isAtHand = true): void {
    const sizes = messages.map(() => SIZE_BYTES);
    const block = plainBlock(this.#head + 1, sizes, messages, publishTimeMs);
    this.#blocks.push(block);
    this.#head += messages.length;
    this.step({ kind: "appended", head: this.#head, ...(isAtHand ? { block } : {}) });
  }

  open(puller: number, asked: StagePuller = {}): void {
    this.step({
      kind: "opened",
      puller,
      maxOutstandingMessages: asked.messagesMax ?? Number.POSITIVE_INFINITY,
      maxOutstandingBytes: Number.POSITIVE_INFINITY,
      leaseMs: asked.leaseMs ?? 10_000,
      isOnce: asked.isOnce ?? false,
      isKeyExclusive: asked.isKeyExclusive ?? false,
      clientId: asked.clientId ?? "",
    });
  }

  /** Says that the puller can take messages. @returns The sequences it was handed at once. */
  take(puller: number, maxMessages = 100): number[] {
    const before = this.handed.length;
    this.step({ kind: "ready", puller, maxMessages, maxBytes: 1_000_000 });
    return this.#handedSince(before, puller);
  }

  /** A unary pull, from its opening to its end. @returns What it was handed. */
  pull(puller: number, maxMessages = 100, leaseMs = 10_000): number[] {
    this.open(puller, { isOnce: true, leaseMs });
    const handed = this.take(puller, maxMessages);
    this.close(puller);
    return handed;
  }

  close(puller: number): void {
    this.step({ kind: "closed", puller });
  }

  /** Gives the last batch of `puller` back: it could not be written. */
  giveBack(puller: number): void {
    this.step({
      kind: "returned",
      puller,
      generation: this.handed.findLast((one) => one.puller === puller)!.generation,
    });
  }

  /** Acks by the latest ids, or by those of `generation`. @returns What failed. */
  ack(sequences: readonly number[], generation?: Generation): string[] {
    const generations = sequences.map((sequence) => generation ?? this.generationOf(sequence));
    return this.#ask({ kind: "acked", request: 7, sequences, generations });
  }

  nack(sequences: readonly number[], generation?: Generation): string[] {
    return this.extend(sequences, 0, generation);
  }

  /** @returns What failed, as `sequence reason`. */
  extend(sequences: readonly number[], leaseMs: number, generation?: Generation): string[] {
    const generations = sequences.map((sequence) => generation ?? this.generationOf(sequence));
    const lengths = sequences.map(() => leaseMs);
    return this.#ask({ kind: "modified", request: 7, sequences, generations, leaseMs: lengths });
  }

  /** The generation of the latest delivery. */
  generationOf(sequence: number): Generation {
    const handed = this.handed.findLast((one) => one.sequence === sequence);
    assert.ok(handed !== undefined, `${sequence} was never handed out`);
    return handed.generation;
  }

  /** Moves the clock on, stopping at each wake. @returns What was handed out meanwhile. */
  pass(ms: number): number[] {
    const before = this.handed.length;
    const untilMs = this.nowMs + ms;
    while (this.#wakeAtMs <= untilMs) {
      this.nowMs = Math.max(this.nowMs, this.#wakeAtMs);
      this.#wakeAtMs = Number.POSITIVE_INFINITY;
      this.step({ kind: "ticked" });
    }
    this.nowMs = untilMs;
    return this.#handedSince(before);
  }

  changeRules(change: Partial<DeliveryRules>): void {
    this.#rules = { ...this.#rules, ...change };
    this.step({ kind: "rulesChanged", rules: this.#rules });
  }

  /** Writes what is dirty. @returns Whether anything was. */
  write(): boolean {
    const record = this.subscription.takeStep();
    if (record !== undefined) this.records.push(record);
    return record !== undefined;
  }

  /** Seeks, durably. */
  seek(plan: Partial<Parameters<Subscription["planSeek"]>[0]>): void {
    const record = this.planSeek(plan);
    this.records = [record];
    this.step({ kind: "sought", record });
  }

  planSeek(plan: Partial<Parameters<Subscription["planSeek"]>[0]>): Uint8Array {
    return this.subscription.planSeek({
      settledUpTo: 0,
      revivedAbove: Number.POSITIVE_INFINITY,
      discardBeforeMs: 0,
      ...plan,
    });
  }

  /** Forwards what was told, in one commit with its ack. */
  forward(): number[] {
    const sequences = this.subscription.stillDying(this.dying.splice(0).map(([sequence]) => sequence));
    this.records.push(this.subscription.deadLetterStep(sequences));
    this.step({ kind: "deadLettered", sequences });
    return [...sequences];
  }

  failToForward(): void {
    const sequences = this.dying.splice(0).map(([sequence]) => sequence);
    this.step({ kind: "deadLetterFailed", sequences: this.subscription.stillDying(sequences) });
  }

  /** The process is killed and started anew: what is in `records` is all there is. */
  kill(droppedFloor = 0): void {
    this.#starts += 1;
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    this.#load = undefined;
    this.dying.length = 0;
    const options = { startNumber: this.#starts, limits: this.#limits, rules: this.#rules };
    this.subscription = Subscription.restore(this.records, this.#head, options, this.nowMs);
    this.step(droppedFloor > 0 ? { kind: "dropped", floor: droppedFloor } : { kind: "ticked" });
  }

  /** A clean stop, and a start. */
  restart(): void {
    this.records = [this.subscription.takeCheckpoint(true, this.nowMs)];
    this.kill();
  }

  /** Answers the read that was asked for. */
  answerLoad(): void {
    const load = this.#load;
    assert.ok(load !== undefined, "a read was asked for");
    this.#load = undefined;
    const left = this.#blocks.filter((block) => block.first + block.count - 1 > load.after);
    const blocks = left.slice(0, this.readBlocksMax);
    this.step({ kind: "loaded", after: load.after, blocks, isEnd: blocks.length === left.length });
  }

  step(event: Event): readonly Effect[] {
    const effects = this.subscription.step(event, { nowMs: this.nowMs, random: () => this.random });
    for (const effect of effects) this.#take(effect);
    while (this.isReading && this.#load !== undefined) this.answerLoad();
    return effects;
  }

  #take(effect: Effect): void {
    if (effect.kind === "wake") this.#wakeAtMs = effect.atMs;
    else if (effect.kind === "load") this.#load = effect;
    else if (effect.kind === "deliver") for (const run of effect.runs) this.#note(effect, run);
    else if (effect.kind === "deadLetter") {
      this.dying.push(...effect.sequences.map((sequence, index) => [sequence, effect.failures[index]!] as const));
    } else if (effect.kind === "outcome") {
      this.failed = new Map(effect.indexes.map((index, place) => [index, effect.reasons[place]!]));
    }
  }

  #note({ puller, generation, isHeld }: Effect & { kind: "deliver" }, run: DeliveryRun): void {
    for (let sequence = run.first; sequence < run.first + run.count; sequence += 1) {
      this.handed.push({ puller, sequence, generation, failures: run.failures, isHeld });
    }
  }

  #handedSince(before: number, puller?: number): number[] {
    const handed = this.handed.slice(before).filter((one) => puller === undefined || one.puller === puller);
    return handed.map(({ sequence }) => sequence);
  }

  #failedNow(): ReadonlyMap<number, AckFailureReason> | undefined {
    return this.failed;
  }

  #ask(event: Event & { readonly sequences: readonly number[] }): string[] {
    this.failed = undefined;
    this.step(event);
    const failed = this.#failedNow();
    assert.equal(
      failed !== undefined,
      this.#rules.isExactlyOnce,
      "exactly-once tells an outcome, and nothing else does",
    );
    return [...(failed ?? [])].map(([index, reason]) => `${event.sequences[index]} ${reason}`);
  }
}
