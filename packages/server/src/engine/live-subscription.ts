/**
 * A subscription whose core is in memory: takes its turns one at a time and carries out the core's effects, in order,
 * before the next turn.
 */
import {
  type AckFailureReason,
  type DeliveryRules,
  type Effect,
  type Event,
  type Filter,
  type Generation,
  type PubSubError,
  type PullerId,
  type SeekPlan,
  Subscription,
  type SubscriptionCounts,
} from "@peal/core";
import type { LogRef } from "@peal/store";
import { AckLog, type AckLogParts } from "./ack-log.js";
import type { AckLogJob } from "./ack-log-job.js";
import type { AckLogRecords } from "./ack-log-reader.js";
import { countBacklog } from "./backlog-counter.js";
import type { Block } from "./block.js";
import { DeadLetters, type ForwardingParts } from "./dead-letters.js";
import { BlockRun } from "./delivered-runs.js";
import { gatherRuns } from "./gather-runs.js";
import type { LogFollower, LogSlice, TopicLog } from "./topic-log.js";
import { Wake } from "./wake-queue.js";

/** An event for the core, or something to be done in its turn. `failure`: the core could not be asked. */
export type Turn = Event | ((failure: PubSubError | undefined) => void);

export interface LiveParts extends AckLogParts, ForwardingParts {
  readonly random: () => number;
  readonly startNumber: number;
  /** Leases found in a Checkpoint run from here: when the server began. */
  readonly openedAtMs: number;
}

/** What it tells its host. */
export interface LiveListener {
  /** The runs were leased to the puller: hand them on, or give them back with `returned` before it closes. */
  deliver(puller: PullerId, generation: Generation, runs: readonly BlockRun[]): void;
  /**
   * The puller was leased a batch that is being read, or whose leases are on their way into the log: `deliver`,
   * `deliveryFailed` or `leasesNotWritten` follows.
   */
  deliverLater(puller: PullerId): void;
  deliveryFailed(puller: PullerId, generation: Generation, error: unknown): void;
  leasesNotWritten(puller: PullerId, generation: Generation, error: PubSubError): void;
  /** What became of the acks or lease lengths of that number, under exactly-once; told within their turn. */
  outcome(request: number, indexes: readonly number[], reasons: readonly AckFailureReason[]): void;
  /** What is settled up to here is durable. */
  floorMoved(floor: number): void;
  /** The dead-letter topic as the settings name it now. */
  readonly deadLetterTopic: string | undefined;
  /** A block could not be read. */
  readFailed(error: unknown, what: string): void;
  /** The core broke: nothing it says counts any more. */
  broke(error: unknown): void;
}

export class LiveSubscription implements LogFollower {
  readonly #name: string;
  readonly #core: Subscription;
  readonly #ackLog: AckLog;
  readonly #log: TopicLog;
  readonly #parts: LiveParts;
  readonly #listener: LiveListener;
  readonly #wake = new Wake(() => this.take({ kind: "ticked" }));
  #rules: DeliveryRules;
  /** Made with the first message that dies. */
  #deadLetters: DeadLetters | undefined;
  #turns: Turn[] = [];
  #isStepping = false;
  #isEnded = false;
  #isCounting = false;
  /** A seek is on its way into the log. */
  #isSeeking = false;

  /**
   * @param start - Where the subscription begins when its ack log is empty.
   * @param droppedUpTo - Everything at or below is past retention.
   * @param afterGeneration - The generation given last before it left memory, 0 if it was not there since the start.
   */
  constructor(
    subscription: {
      readonly name: string;
      readonly ref: LogRef;
      readonly start: number;
      readonly droppedUpTo: number;
      readonly afterGeneration: Generation;
      readonly rules: DeliveryRules;
    },
    records: AckLogRecords,
    log: TopicLog,
    parts: LiveParts,
    listener: LiveListener,
  ) {
    const { name, ref, start, droppedUpTo, afterGeneration, rules } = subscription;
    const options = { startNumber: parts.startNumber, limits: parts.limits.core, afterGeneration, rules };
    const isNew = records.data.length === 0;
    this.#core = isNew
      ? Subscription.create(start, options)
      : Subscription.restore(records.data, log.head, options, parts.openedAtMs);
    this.#ackLog = new AckLog({ name, ref, core: this.#core }, records, parts, (floor) => listener.floorMoved(floor));
    this.#name = name;
    this.#log = log;
    this.#parts = parts;
    this.#listener = listener;
    this.#rules = rules;
    log.follow(this);
    if (isNew && log.head > start) this.take({ kind: "appended", head: log.head });
    if (droppedUpTo > 0) this.take({ kind: "dropped", floor: droppedUpTo });
    // The leases that were found run out some time: this asks for the first wake.
    this.take({ kind: "ticked" });
  }

  get counts(): SubscriptionCounts {
    return this.#core.counts;
  }

  get latestGeneration(): Generation {
    return this.#core.latestGeneration;
  }

  /** Everything at or below is settled, durably or without anything to write; undefined while some of it is on its way. */
  get durableFloor(): number | undefined {
    return this.#ackLog.isIdle ? this.#core.floor : undefined;
  }

  /** Whether only memory knows something: a lease, a delay, a dying message, or an ack on its way into the log. */
  get isBusy(): boolean {
    const { outstanding, delayed, dying } = this.#core.counts;
    return outstanding + delayed + dying > 0 || !this.#ackLog.isIdle || (this.#deadLetters?.isBusy ?? false);
  }

  take(turn: Turn): void {
    this.#turns.push(turn);
    if (!this.#isStepping && !this.#isSeeking) this.#takeAll();
  }

  #takeAll(): void {
    this.#isStepping = true;
    try {
      for (let next = this.#turns.shift(); next !== undefined && !this.#isEnded; next = this.#turns.shift()) {
        if (typeof next === "function") next(undefined);
        else this.#step(next);
      }
    } catch (error) {
      // A core that fails an assertion must not be asked again, nor may anything be promised on what it said.
      this.#listener.broke(error);
    } finally {
      this.#isStepping = false;
    }
  }

  appended(block: Block): void {
    this.take({ kind: "appended", head: block.last, block });
  }

  /** Settles when all that the core was told so far is durable; undefined when it is. */
  whenDurable(): Promise<void> | undefined {
    return this.#ackLog.whenDurable();
  }

  /** Everything at or below is settled, durably or not. */
  get floor(): number {
    return this.#core.floor;
  }

  /** What is settled now, as the contents of a snapshot. */
  snapshotRecord(): Uint8Array {
    return this.#core.snapshotRecord();
  }

  /**
   * The state after a seek. Nothing else is taken until `becomeSought` or `giveUpSeek`: an ack that came between the two
   * would be undone though it was confirmed.
   */
  planSeek(plan: SeekPlan): Uint8Array {
    const record = this.#core.planSeek(plan);
    this.#isSeeking = true;
    return record;
  }

  /**
   * The seek is durable: its state holds, and what came meanwhile is taken.
   *
   * @param droppedUpTo - Everything at or below is past retention.
   * @returns The floor of that state.
   */
  becomeSought(record: Uint8Array, droppedUpTo: number): number {
    const waiting = this.#turns;
    this.#turns = [{ kind: "sought", record }];
    if (droppedUpTo > 0) this.#turns.push({ kind: "dropped", floor: droppedUpTo });
    this.#takeAll();
    const { floor } = this.#core;
    this.#isSeeking = false;
    this.#turns.push(...waiting);
    this.#takeAll();
    return floor;
  }

  /** The seek was not written: what came meanwhile is taken as if it had not been. */
  giveUpSeek(): void {
    this.#isSeeking = false;
    this.#takeAll();
  }

  /** Counts what the filter keeps out of the backlog, where that is not known yet; never rejects. */
  async countBacklog(filter: Filter): Promise<void> {
    if (this.#isCounting || this.#isEnded || this.#core.counts.uncounted === undefined) return;
    this.#isCounting = true;
    try {
      await this.#parts.activity.track(
        countBacklog({
          log: this.#log,
          filter,
          uncounted: () => (this.#isEnded ? undefined : this.#core.counts.uncounted),
          floor: () => this.#core.floor,
          isSettled: (sequence) => this.#core.isSettled(sequence),
          take: (event) => this.take(event),
        }),
      );
    } catch (error) {
      this.#parts.log.warn({ subscription: this.#name, err: error }, "a backlog could not be counted");
    } finally {
      this.#isCounting = false;
    }
    if (!this.#isEnded && this.durableFloor !== undefined) this.#listener.floorMoved(this.durableFloor);
  }

  /** Gives `job` a turn in the ack log. */
  run(job: AckLogJob): void {
    this.#ackLog.run(job);
  }

  /** Resolves when nothing is on its way into the ack log, jobs included, or there is no space to go on. */
  settled(): Promise<void> {
    return this.#ackLog.settled();
  }

  /** A clean stop: what is settled is durable afterwards, and leases that run are remembered. */
  close(): Promise<void> {
    return this.#ackLog.close(this.#parts.clock.monotonicMs());
  }

  /**
   * Stops; nothing is asked of it afterwards.
   *
   * @param error - Why nothing more is written; undefined where there is nothing to write.
   */
  end(error: PubSubError | undefined): void {
    this.#isEnded = true;
    this.#deadLetters?.stop();
    this.#log.unfollow(this);
    this.#parts.wakes.set(this.#wake, Number.POSITIVE_INFINITY);
    if (error === undefined) return;
    this.#ackLog.end(error);
    for (const turn of this.#turns.splice(0)) if (typeof turn === "function") turn(error);
  }

  #step(event: Event): void {
    if (event.kind === "rulesChanged") this.#rules = event.rules;
    const environment = { nowMs: this.#parts.clock.monotonicMs(), random: this.#parts.random };
    const effects = this.#core.step(event, environment);
    for (let index = 0; index < effects.length; index += 1) this.#carryOut(effects[index]!);
  }

  #carryOut(effect: Effect): void {
    switch (effect.kind) {
      case "persist":
        this.#ackLog.persist();
        return;
      case "deliver":
        this.#deliver(effect);
        return;
      case "outcome":
        this.#listener.outcome(effect.request, effect.indexes, effect.reasons);
        return;
      case "deadLetter":
        this.#deadLetters ??= this.#makeDeadLetters();
        this.#deadLetters.forward(effect.sequences, effect.failures);
        return;
      case "load":
        this.#load(effect.after, effect.maxBytes);
        return;
      case "wake":
        this.#parts.wakes.set(this.#wake, effect.atMs);
        return;
    }
  }

  #deliver({ puller, generation, runs, isHeld }: Extract<Effect, { kind: "deliver" }>): void {
    const gathered = gatherRuns(runs, this.#log, this.#rules.deliveryAttemptsMax !== undefined);
    const durable = isHeld ? this.#ackLog.whenDurable() : undefined;
    if (!(gathered instanceof Promise) && durable === undefined) {
      this.#listener.deliver(puller, generation, gathered);
      return;
    }
    this.#listener.deliverLater(puller);
    void this.#parts.activity.track(this.#deliverLater(puller, generation, gathered, durable));
  }

  /** Never rejects. */
  async #deliverLater(
    puller: PullerId,
    generation: Generation,
    gathered: readonly BlockRun[] | Promise<readonly BlockRun[]>,
    durable: Promise<void> | undefined,
  ): Promise<void> {
    const written = durable?.then(
      () => undefined,
      (error: PubSubError) => error,
    );
    let read: readonly BlockRun[];
    try {
      read = await gathered;
    } catch (error) {
      this.#listener.deliveryFailed(puller, generation, error);
      return;
    }
    const failure = await written;
    if (failure !== undefined) this.#listener.leasesNotWritten(puller, generation, failure);
    else this.#listener.deliver(puller, generation, this.#stillLeased(read, generation));
  }

  /** What was settled while it waited does not go out any more. */
  #stillLeased(read: readonly BlockRun[], generation: Generation): readonly BlockRun[] {
    if (this.#isEnded) return read;
    const parts: BlockRun[] = [];
    for (const { block, firstSequence, count, deliveryAttempt } of read) {
      this.#core.forEachLeasedPart({ first: firstSequence, count }, generation, (first, partCount) =>
        parts.push(new BlockRun(block, first, partCount, deliveryAttempt)),
      );
    }
    return parts;
  }

  #makeDeadLetters(): DeadLetters {
    return new DeadLetters(
      {
        name: this.#name,
        log: this.#log,
        deadLetterTopic: () => this.#listener.deadLetterTopic,
        stillDying: (sequences) => this.#core.stillDying(sequences),
        deadLetterStep: (sequences) => this.#core.deadLetterStep(sequences),
        run: (job) => this.run(job),
        forwarded: (sequences) => this.take({ kind: "deadLettered", sequences }),
        failed: (sequences) => this.take({ kind: "deadLetterFailed", sequences }),
      },
      this.#parts,
    );
  }

  #load(after: number, maxBytes: number): void {
    const slice = this.#log.read(after, maxBytes);
    const tell = ({ blocks, isEnd }: LogSlice): void => this.take({ kind: "loaded", after, blocks, isEnd });
    if (!(slice instanceof Promise)) {
      tell(slice);
      return;
    }
    const told = slice.then(tell, (error: unknown) => {
      this.take({ kind: "loadFailed", after });
      this.#listener.readFailed(error, "a backlog could not be read");
    });
    void this.#parts.activity.track(told);
  }
}
