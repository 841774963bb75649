/**
 * The shell around one subscription's core: feeds it events, carries out its effects in order, one step at a time.
 *
 *   idle ──puller, ack──▶ loading ──▶ loaded ──no puller, no lease, all durable──▶ idle
 *     │                      │           │
 *     └──────────────────────┴───────────┴──delete, detach──▶ ended
 *
 * Idle, it is a record and a few numbers: twenty thousand of them must cost nothing. What an idle one missed is found
 * in the two logs when it is loaded.
 */
import { type Effect, type Event, type PubSubError, type PullerId, Subscription } from "@peal/core";
import type { LogRef } from "@peal/store";
import type { AckIdCodec } from "./ack-id.js";
import { AckLog, type AckLogParts } from "./ack-log.js";
import { type AckLogRecords, readAckLog } from "./ack-log-reader.js";
import type { Block } from "./block.js";
import { type BlockRun, gatherRuns, RunBatch } from "./delivery.js";
import type { PullerOptions, PullerSink } from "./engine-contract.js";
import { fromStorage } from "./engine-errors.js";
import type { EngineLog } from "./engine-log.js";
import { HostPuller, type PullerHost } from "./host-puller.js";
import type { SubscriptionRecord } from "./resource-record.js";
import { spanMs } from "./span.js";
import { addCounts, type SubscriptionTotals, zeroTotals } from "./subscription-totals.js";
import type { Topic } from "./topic.js";
import type { LogFollower, LogSlice, TopicLogParts } from "./topic-log.js";
import type { TopicReader } from "./topic-reader.js";
import { Wake } from "./wake-queue.js";

export interface HostParts extends AckLogParts, TopicLogParts {
  readonly random: () => number;
  readonly ackIds: AckIdCodec;
  readonly log: EngineLog;
  /** Leases found in a Checkpoint run from here: when the server began. */
  readonly openedAtMs: number;
  readonly startNumber: number;
  readonly nextPullerId: () => PullerId;
  /** A subscription's floor moved: its topic may be trimmed. */
  readonly onFloor: (topic: Topic) => void;
  readonly ageMs: () => number;
  /** A subscription is active, and what is written of that is an hour old: writes it down. Never rejects. */
  readonly onActive: (host: SubscriptionHost) => Promise<void>;
}

/** An event for the core, or something to be done in its turn. `failure`: the core could not be loaded. */
type Turn = Event | ((failure: PubSubError | undefined) => void);

interface Loaded {
  readonly core: Subscription;
  readonly ackLog: AckLog;
  readonly wake: Wake;
}

const HOUR_MS = 3_600_000;

export class SubscriptionHost implements LogFollower, PullerHost, TopicReader {
  readonly name: string;
  readonly topic: Topic;
  record: SubscriptionRecord;
  revision: number;
  /** Counted since the server's start; undefined while nothing happened. */
  totals: SubscriptionTotals | undefined;
  /** The server's age at the last activity. */
  activeAtMs: number;
  readonly #parts: HostParts;
  #loaded: Loaded | undefined;
  #isLoading = false;
  #isActivityPending = false;
  #isStepping = false;
  #ended: PubSubError | undefined;
  #turns: Turn[] = [];
  #pullers: Map<PullerId, HostPuller> | undefined;
  #idleWake: Wake | undefined;
  #durableFloor: number;
  #isFloorKnown: boolean;
  #droppedUpTo = 0;
  /** The backlog when the core left memory, and the log's head at that moment. */
  #restedBacklog: number;
  #restedAtHead: number;

  constructor(record: SubscriptionRecord, revision: number, topic: Topic, parts: HostParts) {
    this.name = record.settings.name;
    this.record = record;
    this.revision = revision;
    this.topic = topic;
    this.#parts = parts;
    // What is written may lie an hour behind what was; an hour too late is safe.
    this.activeAtMs = Math.min(record.activeAtMs + HOUR_MS, parts.ageMs());
    this.#durableFloor = record.start;
    this.#isFloorKnown = parts.storage.tail(this.#ref) === 0;
    this.#restedBacklog = Math.max(topic.log.head - record.start, 0);
    this.#restedAtHead = topic.log.head;
  }

  get #ref(): LogRef {
    return ackLogRef(this.record.number);
  }

  get isFloorKnown(): boolean {
    return this.#isFloorKnown;
  }

  /** Everything at or below is settled, durably or by age. */
  get floor(): number {
    const loaded = this.#loaded;
    const floor = loaded?.ackLog.isIdle ? loaded.core.floor : this.#durableFloor;
    return Math.max(floor, this.#droppedUpTo);
  }

  get retentionMs(): number {
    return spanMs(this.record.settings.messageRetention);
  }

  get trimFloor(): number {
    return this.record.settings.retainAckedMessages ? this.#droppedUpTo : this.floor;
  }

  /** What the core counts now; undefined while idle. */
  get counts(): Subscription["counts"] | undefined {
    return this.#loaded?.core.counts;
  }

  /** Messages not settled. An upper bound until the ack log of an earlier start has been read. */
  get backlog(): number {
    if (this.record.isDetached) return 0;
    const { head } = this.topic.log;
    const backlog = this.#loaded?.core.counts.backlog ?? this.#restedBacklog + head - this.#restedAtHead;
    return Math.min(backlog, Math.max(head - this.floor, 0));
  }

  get pullerCount(): number {
    return this.#pullers?.size ?? 0;
  }

  openPuller(options: PullerOptions, sink: PullerSink): HostPuller {
    this.touch();
    this.#pullers ??= new Map();
    const leaseMs = options.leaseMs ?? this.record.settings.ackDeadlineSeconds * 1_000;
    const puller = new HostPuller(this.#parts.nextPullerId(), this, options, leaseMs, sink);
    this.#pullers.set(puller.id, puller);
    return puller;
  }

  forget(puller: PullerId): void {
    this.#pullers?.delete(puller);
    if (this.pullerCount === 0) this.#considerIdle();
  }

  /** Feeds one event; loads the core where needed. After the end it does nothing. */
  post(event: Event): void {
    this.#take(event);
  }

  /** Feeds one event and resolves when what it changed is durable. */
  async postDurably(event: Event): Promise<void> {
    let durable: Promise<void> | undefined;
    await new Promise<void>((resolve, reject) => {
      this.#take(event);
      this.#take((failure) => {
        if (failure !== undefined) {
          reject(failure);
          return;
        }
        durable = this.#loaded?.ackLog.whenDurable();
        resolve();
      });
    });
    await durable;
  }

  /** Feeds one event and resolves when the core has seen it. */
  postSeen(event: Event): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#take(event);
      this.#take((failure) => (failure === undefined ? resolve() : reject(failure)));
    });
  }

  load(): void {
    if (this.#loaded === undefined) void this.#load();
  }

  appended(block: Block): void {
    this.#take({ kind: "appended", head: block.last, block });
  }

  dropUpTo(floor: number): void {
    if (floor <= this.#droppedUpTo) return;
    this.#droppedUpTo = floor;
    if (this.#loaded !== undefined) this.post({ kind: "dropped", floor });
    this.#parts.onFloor(this.topic);
  }

  /** The ack deadline changed: pullers without one of their own follow. */
  changeDeadline(): void {
    const leaseMs = this.record.settings.ackDeadlineSeconds * 1_000;
    for (const puller of this.#pullers?.values() ?? []) if (puller.followsDeadline) puller.setLeaseMs(leaseMs);
  }

  /** Notes that a subscriber was there. */
  touch(): void {
    this.activeAtMs = this.#parts.ageMs();
    if (this.activeAtMs - this.record.activeAtMs < HOUR_MS || this.#isActivityPending) return;
    this.#isActivityPending = true;
    void this.#parts.onActive(this).then(() => {
      this.#isActivityPending = false;
    });
  }

  /** Ends the pullers; what is settled can still be written. */
  endPullers(error: PubSubError): void {
    for (const puller of [...(this.#pullers?.values() ?? [])]) {
      this.post({ kind: "closed", puller: puller.id });
      puller.end(error);
    }
  }

  /** Deleted or detached: nothing is delivered or written any more. */
  end(error: PubSubError): void {
    this.#ended = error;
    const pullers = [...(this.#pullers?.values() ?? [])];
    this.#unload();
    const turns = this.#turns.splice(0);
    for (const turn of turns) if (typeof turn === "function") turn(error);
    for (const puller of pullers) puller.end(error);
  }

  /** A clean stop: what is settled is durable afterwards, and leases that run are remembered. */
  async close(): Promise<void> {
    await this.#loaded?.ackLog.close(this.#parts.clock.monotonicMs());
  }

  #take(turn: Turn): void {
    if (this.#ended !== undefined) {
      if (typeof turn === "function") turn(this.#ended);
      return;
    }
    if (this.#loaded === undefined) {
      this.#turns.push(turn);
      void this.#load();
      return;
    }
    if (this.#isStepping) this.#turns.push(turn);
    else this.#run(turn);
  }

  #run(first: Turn): void {
    this.#isStepping = true;
    try {
      let turn: Turn | undefined = first;
      while (turn !== undefined && this.#loaded !== undefined) {
        if (typeof turn === "function") turn(undefined);
        else this.#step(this.#loaded, turn);
        turn = this.#turns.shift();
      }
    } catch (error) {
      // A core that fails an assertion must not be asked again, nor may anything be promised on what it said.
      throw this.#parts.commits.stop(error);
    } finally {
      this.#isStepping = false;
    }
  }

  #step(loaded: Loaded, event: Event): void {
    const environment = { nowMs: this.#parts.clock.monotonicMs(), random: this.#parts.random };
    const effects = loaded.core.step(event, environment);
    for (let index = 0; index < effects.length; index += 1) this.#carryOut(loaded, effects[index]!);
  }

  #carryOut(loaded: Loaded, effect: Effect): void {
    switch (effect.kind) {
      case "persist":
        loaded.ackLog.persist();
        return;
      case "deliver":
        this.#deliver(effect);
        return;
      case "load":
        this.#read(effect.after, effect.maxBytes);
        return;
      case "wake":
        this.#parts.wakes.set(loaded.wake, effect.atMs);
        return;
    }
  }

  #deliver(effect: Extract<Effect, { kind: "deliver" }>): void {
    const runs = gatherRuns(effect.runs, this.topic.log);
    if (!(runs instanceof Promise)) {
      this.#send(effect, runs);
      return;
    }
    const sent = runs.then(
      (read) => this.#send(effect, read),
      (error: unknown) => this.#fail(error, "a redelivery could not be read"),
    );
    void this.#parts.activity.track(sent);
  }

  #send(effect: Extract<Effect, { kind: "deliver" }>, runs: readonly BlockRun[]): void {
    const puller = this.#pullers?.get(effect.puller);
    if (puller === undefined) {
      this.post({ kind: "returned", puller: effect.puller, generation: effect.generation });
      return;
    }
    const ackIds = this.#parts.ackIds.writer(this.record.number, effect.generation);
    puller.deliver(new RunBatch(runs, ackIds), effect.generation);
  }

  #read(after: number, maxBytes: number): void {
    const slice = this.topic.log.read(after, maxBytes);
    const tell = ({ blocks, isEnd }: LogSlice): void => this.post({ kind: "loaded", after, blocks, isEnd });
    if (!(slice instanceof Promise)) {
      tell(slice);
      return;
    }
    const told = slice.then(tell, (error: unknown) => {
      this.post({ kind: "loadFailed", after });
      this.#fail(error, "a backlog could not be read");
    });
    void this.#parts.activity.track(told);
  }

  /** Ends the pullers with what is wrong: a client that comes back tries the read again. */
  #fail(error: unknown, what: string): void {
    if (this.#ended !== undefined) return;
    this.#parts.log.error({ subscription: this.name, err: error }, what);
    this.endPullers(fromStorage(error, this.name));
  }

  async #load(): Promise<void> {
    if (this.#isLoading) return;
    this.#isLoading = true;
    try {
      const records = await this.#parts.activity.track(readAckLog(this.#ref, this.#parts));
      if (this.#ended === undefined) this.#begin(records);
    } catch (error) {
      this.#fail(error, "the ack log could not be read");
      const turns = this.#turns.splice(0);
      const answer = fromStorage(error, this.name);
      for (const turn of turns) if (typeof turn === "function") turn(answer);
    } finally {
      this.#isLoading = false;
    }
  }

  #begin(records: AckLogRecords): void {
    const { startNumber, limits, openedAtMs } = this.#parts;
    const head = this.topic.log.head;
    const options = { startNumber, limits: limits.core };
    const core =
      records.data.length === 0
        ? Subscription.create(this.record.start, options)
        : Subscription.restore(records.data, head, options, openedAtMs);
    const ackLog = new AckLog({ name: this.name, ref: this.#ref, core }, records, this.#parts, (floor) => {
      this.#durableFloor = floor;
      this.#parts.onFloor(this.topic);
      this.#considerIdle();
    });
    const wake = new Wake(() => this.post({ kind: "ticked" }));
    this.#loaded = { core, ackLog, wake };
    this.#durableFloor = core.floor;
    this.#isFloorKnown = true;
    this.topic.log.follow(this);
    if (records.data.length === 0 && head > this.record.start) this.post({ kind: "appended", head });
    if (this.#droppedUpTo > 0) this.post({ kind: "dropped", floor: this.#droppedUpTo });
    this.post({ kind: "ticked" });
    const turns = this.#turns.splice(0);
    for (const turn of turns) this.#take(turn);
    this.#parts.onFloor(this.topic);
    this.#considerIdle();
  }

  #considerIdle(): void {
    if (this.#loaded === undefined || this.pullerCount > 0) return;
    this.#idleWake ??= new Wake(() => this.#rest());
    if (this.#idleWake.index !== -1) return;
    this.#parts.wakes.set(this.#idleWake, this.#parts.clock.monotonicMs() + this.#parts.limits.idleMs);
  }

  /** Leaves memory when there is nothing that only memory knows. */
  #rest(): void {
    const loaded = this.#loaded;
    if (loaded === undefined || this.pullerCount > 0) return;
    if (!loaded.ackLog.isIdle || loaded.core.counts.outstanding > 0) {
      this.#considerIdle();
      return;
    }
    this.#durableFloor = loaded.core.floor;
    this.#unload();
    this.#parts.onFloor(this.topic);
  }

  #unload(): void {
    const loaded = this.#loaded;
    if (loaded === undefined) return;
    this.topic.log.unfollow(this);
    this.#parts.wakes.set(loaded.wake, Number.POSITIVE_INFINITY);
    if (this.#idleWake !== undefined) this.#parts.wakes.set(this.#idleWake, Number.POSITIVE_INFINITY);
    const { counts } = loaded.core;
    this.totals = addCounts(this.totals ?? zeroTotals(), counts);
    this.#restedBacklog = counts.backlog;
    this.#restedAtHead = this.topic.log.head;
    if (this.#ended !== undefined) loaded.ackLog.end(this.#ended);
    this.#loaded = undefined;
    this.#idleWake = undefined;
  }
}

export function ackLogRef(number: number): LogRef {
  return { kind: "ack", id: String(number), part: 0 };
}
