/**
 * The shell around one subscription.
 *
 *   idle ──puller, ack──▶ loading ──▶ live ──no puller, no lease, all durable──▶ idle
 *     │                      │          │
 *     └──────────────────────┴──────────┴──delete, detach──▶ ended
 *
 * Idle, it is a record and a few numbers: twenty thousand of them must cost nothing. What an idle one missed is found
 * in the two logs when it is loaded.
 */
import type { AckFailureReason, Event, Generation, PubSubError, PullerId, SubscriptionCounts } from "@peal/core";
import type { AckIdCodec } from "./ack-id.js";
import { ackLogRef, readAckLog } from "./ack-log-reader.js";
import { type AckOutcome, AckOutcomes, isPromise, type Settling } from "./ack-outcomes.js";
import { type BlockRun, RunBatch } from "./delivered-runs.js";
import { DeliveryTimes } from "./delivery-times.js";
import type { PullerOptions, PullerSink } from "./engine-contract.js";
import { fromStorage, internal, notFound, wrongSubscriptionType } from "./engine-errors.js";
import type { EngineLog } from "./engine-log.js";
import { HostPuller, type PullerHost } from "./host-puller.js";
import { LastActivity } from "./last-activity.js";
import { type LiveListener, type LiveParts, LiveSubscription, type Turn } from "./live-subscription.js";
import { OldestMessage } from "./oldest-message.js";
import { OpenPullers } from "./open-pullers.js";
import type { SubscriptionRecord } from "./resource-record.js";
import { RestWatch } from "./rest-watch.js";
import { RestedSubscription } from "./rested-subscription.js";
import { areSameRules, rulesOf, type SubscriptionRules } from "./rules.js";
import type { DeliveryProperties } from "./settings.js";
import { spanMs } from "./span.js";
import { addCounts, type SubscriptionTotals } from "./subscription-totals.js";
import { SubscriptionUsage } from "./subscription-usage.js";
import type { Topic } from "./topic.js";
import type { TopicLogParts } from "./topic-log.js";
import type { TopicReader } from "./topic-reader.js";
import { Wake } from "./wake-queue.js";

export interface HostParts extends LiveParts, TopicLogParts {
  readonly ackIds: AckIdCodec;
  readonly log: EngineLog;
  readonly nextPullerId: () => PullerId;
  /** A subscription's floor moved: its topic may be trimmed. */
  readonly onFloor: (topic: Topic) => void;
  /** Drops what grew too old while the server was down; undefined where that is done. Never rejects. */
  readonly firstLook: (topic: Topic) => Promise<void> | undefined;
  readonly ageMs: () => number;
  /** Writes down that a subscription is in use; answers whether it could. Never rejects. */
  readonly writeActivity: (host: SubscriptionHost) => Promise<boolean>;
}

/**
 * Exactly-once subscriptions stay in memory as long as the core remembers what was acked, so that an ack that is sent
 * again is a success.
 */
const EXACTLY_ONCE_IDLE_MS = 600_000;

export class SubscriptionHost implements PullerHost, TopicReader, LiveListener {
  readonly name: string;
  readonly topic: Topic;
  record: SubscriptionRecord;
  revision: number;
  readonly activity: LastActivity;
  readonly #parts: HostParts;
  readonly #outcomes = new AckOutcomes();
  #rules: SubscriptionRules;
  #live: LiveSubscription | undefined;
  #isLoading = false;
  #ended: PubSubError | undefined;
  /** What waits for the core to be loaded. */
  #turns: Turn[] = [];
  readonly #pullers = new OpenPullers();
  #idleWake: Wake | undefined;
  #durableFloor: number;
  #isFloorKnown: boolean;
  #droppedUpTo: number;
  #rested: RestedSubscription;
  readonly #watch: RestWatch;
  #isCountWanted = false;
  #oldest: OldestMessage | undefined;
  #usage: SubscriptionUsage | undefined;
  #deliveryTimes: DeliveryTimes | undefined;

  constructor(record: SubscriptionRecord, revision: number, topic: Topic, parts: HostParts) {
    this.name = record.settings.name;
    this.record = record;
    this.revision = revision;
    this.topic = topic;
    this.#parts = parts;
    this.#droppedUpTo = record.droppedUpTo ?? 0;
    this.#rules = rulesOf(record.settings);
    this.activity = new LastActivity(record.activeAtMs, parts.ageMs());
    this.#durableFloor = record.start;
    // What a filter keeps out moves the floor without a record.
    const isFilterAhead = this.#rules.filter !== undefined && topic.log.head > record.start;
    this.#isFloorKnown = parts.storage.tail(ackLogRef(record.number)) === 0 && !isFilterAhead;
    this.#rested = RestedSubscription.unknown(record.start, topic.log.head);
    this.#watch = new RestWatch(topic, this.#rules.filter, parts.onFloor);
  }

  get isFloorKnown(): boolean {
    return this.#isFloorKnown;
  }

  /** Everything at or below is settled, durably or by age. */
  get floor(): number {
    return Math.max(this.#live?.durableFloor ?? this.#watch.floor ?? this.#durableFloor, this.#droppedUpTo);
  }

  get retentionMs(): number {
    return spanMs(this.record.settings.messageRetention);
  }

  get trimFloor(): number {
    const { settings, retainedAfter } = this.record;
    const { floor } = this;
    if (!settings.retainAckedMessages) return floor;
    return Math.min(Math.max(this.#droppedUpTo, retainedAfter ?? floor), floor);
  }

  /** Everything at or below is past retention. */
  get droppedUpTo(): number {
    return this.#droppedUpTo;
  }

  /** What the core counts now; undefined while idle. */
  get counts(): SubscriptionCounts | undefined {
    return this.#live?.counts;
  }

  /** Counted since the server's start. */
  get totals(): SubscriptionTotals {
    const { totals } = this.#rested;
    return this.#live === undefined ? totals : addCounts(totals, this.#live.counts);
  }

  get deadLetterTopic(): string | undefined {
    return this.record.settings.deadLetterPolicy?.topic;
  }

  /** Made with the first question. */
  get usage(): SubscriptionUsage {
    this.#usage ??= new SubscriptionUsage();
    return this.#usage;
  }

  /** Undefined: nothing was asked of it. */
  get knownUsage(): SubscriptionUsage | undefined {
    return this.#usage;
  }

  /** Settled messages that stay for a seek, those at or below the floor; undefined where none stay or the floor is not known. */
  get retainedAcked(): number | undefined {
    const { settings, isDetached, retainedAfter } = this.record;
    if (!settings.retainAckedMessages || isDetached || !this.#isFloorKnown) return undefined;
    const { floor } = this;
    return Math.max(floor - Math.max(retainedAfter ?? floor, this.#droppedUpTo, this.topic.trimmedUpTo), 0);
  }

  /** Messages not settled. An upper bound until the ack log of an earlier start has been read. */
  get backlog(): number {
    if (this.record.isDetached) return 0;
    const { head } = this.topic.log;
    const backlog = this.#live?.counts.backlog ?? this.#watch.backlogOf(this.#rested);
    return Math.min(backlog, Math.max(head - this.floor, 0));
  }

  /** Wall-clock time of the oldest message not settled; undefined without one, or while it is not known. */
  get oldestUnackedAtMs(): number | undefined {
    if (this.backlog === 0) return undefined;
    this.#oldest ??= new OldestMessage(this.topic.log, this.#parts);
    return this.#oldest.timeMs(this.floor);
  }

  get rules(): SubscriptionRules {
    return this.#rules;
  }

  /** What clients are told of it. */
  get properties(): DeliveryProperties {
    const { isExactlyOnce, isOrdered } = this.#rules;
    return { isExactlyOnce, isOrdered };
  }

  get pullerCount(): number {
    return this.#pullers.count;
  }

  openPuller(options: PullerOptions, sink: PullerSink): HostPuller {
    if (!options.isPush) this.touch();
    if (options.isPush !== this.#isPushed) throw wrongSubscriptionType();
    const leaseMs = options.leaseMs ?? this.record.settings.ackDeadlineSeconds * 1_000;
    const puller = new HostPuller(this.#parts.nextPullerId(), this, options, leaseMs, sink);
    puller.configured(this.properties);
    this.#pullers.add(puller);
    return puller;
  }

  leave(puller: PullerId): void {
    this.#pullers.delete(puller);
    const closed: Event = { kind: "closed", puller };
    if (this.#live !== undefined) this.#live.take(closed);
    else if (this.#turns.length > 0) this.#turns.push(closed);
    this.#considerIdle();
  }

  /** Acks came in: counts how long after their delivery. */
  noteAcks(generations: readonly Generation[]): void {
    this.#deliveryTimes?.forEachAge(generations, this.#parts.clock.monotonicMs(), (ageMs, messages) =>
      this.usage.addAckLatency(ageMs, messages),
    );
  }

  post(event: Event): void {
    this.#take(event);
  }

  /**
   * Feeds acks or new lease lengths. Resolves with what failed of them; undefined where nothing can fail, since the
   * subscription is not exactly-once. Acks are durable then, and nacks where failures are counted; under exactly-once all
   * is.
   */
  async settle(settling: Settling): Promise<AckOutcome | undefined> {
    const request = this.#outcomes.draw();
    let outcome: AckOutcome | undefined;
    let durable: Promise<void> | undefined;
    await this.postSeen({ ...settling, request }, () => {
      outcome = this.#outcomes.take(request);
      if (outcome !== undefined || isPromise(settling, this.#rules)) durable = this.#live?.whenDurable();
    });
    await durable;
    return outcome;
  }

  outcome(request: number, indexes: readonly number[], reasons: readonly AckFailureReason[]): void {
    this.#outcomes.put(request, { indexes, reasons });
  }

  /** Feeds one event and resolves when what it changed is durable. */
  async postDurably(event: Event): Promise<void> {
    let durable: Promise<void> | undefined;
    await this.postSeen(event, () => {
      durable = this.#live?.whenDurable();
    });
    await durable;
  }

  /** Feeds one event and resolves when the core has seen it; `then` is called in the same turn. */
  postSeen(event: Event, then?: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#take(event);
      this.#take((failure) => {
        if (failure !== undefined) {
          reject(failure);
          return;
        }
        then?.();
        resolve();
      });
    });
  }

  /** Asks the core in its turn. */
  inTurn<Answer>(ask: (live: LiveSubscription) => Answer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#take((failure) => {
        if (failure !== undefined || this.#live === undefined) {
          reject(failure ?? notFound(this.name));
          return;
        }
        try {
          resolve(ask(this.#live));
        } catch (error) {
          // A core that fails an assertion ends the subscription; who asked must not wait for ever.
          reject(internal(error));
          throw error;
        }
      });
    });
  }

  /** Resolves when it is known what is settled. */
  async learnFloor(): Promise<void> {
    if (!this.#isFloorKnown) await this.inTurn(() => undefined);
  }

  /**
   * A seek is durable, and `next` is what was stored with it. Floors may lie below those of before.
   *
   * @param lowest - Retention has dropped nothing above it that the seek brings back.
   */
  becomeSought(live: LiveSubscription, record: Uint8Array, next: SubscriptionRecord, lowest: number): void {
    this.record = next;
    this.#droppedUpTo = Math.min(this.#droppedUpTo, lowest);
    this.#durableFloor = live.becomeSought(record, this.#droppedUpTo);
    this.#parts.onFloor(this.topic);
  }

  load(): void {
    this.#isCountWanted = true;
    if (this.#live === undefined) void this.#load();
  }

  /** It is one of its topic's readers from now on. */
  attached(): void {
    if (this.#rules.filter === undefined || this.record.isDetached) return;
    const { head } = this.topic.log;
    this.#rested = RestedSubscription.unknown(this.record.start, head);
    this.#watch.begin(head <= this.record.start ? undefined : this.#durableFloor);
  }

  /**
   * Sees to it that the backlog is known to a message some time from now, where a filter must be asked for that. Only
   * while nobody waits for a read.
   */
  countBacklog(): void {
    const { filter } = this.#rules;
    if (filter === undefined || this.record.isDetached || !this.#parts.reads.hasRoom) return;
    if (this.#live !== undefined) void this.#live.countBacklog(filter);
    else if (!this.#rested.isExact) this.load();
  }

  dropUpTo(tooOld: number): void {
    const { heldAbove = 0, heldUntilMs = 0 } = this.record;
    const floor = this.#parts.clock.wallMs() < heldUntilMs ? Math.min(tooOld, heldAbove) : tooOld;
    if (floor <= this.#droppedUpTo) return;
    if ((this.#watch.floor ?? floor) < floor) this.#rested = this.#rested.inexact();
    this.#droppedUpTo = floor;
    this.#live?.take({ kind: "dropped", floor });
    this.#parts.onFloor(this.topic);
  }

  /**
   * The record has new settings: pullers without a deadline of their own follow, those of the wrong type end, the others
   * are told. Resolves when the core goes by the new rules, and what that changed is durable.
   */
  async settingsChanged(): Promise<void> {
    const before = this.#rules;
    const rules = rulesOf(this.record.settings, before);
    this.#rules = rules;
    const leaseMs = this.record.settings.ackDeadlineSeconds * 1_000;
    for (const puller of this.#pullers.items) {
      if (puller.isPush !== this.#isPushed) puller.end(wrongSubscriptionType());
      else if (puller.followsDeadline) puller.setLeaseMs(leaseMs);
      if (rules.isExactlyOnce !== before.isExactlyOnce) puller.configured(this.properties);
    }
    // One that is not in memory goes by its rules when it is loaded.
    const isInMemory = this.#live !== undefined || this.#isLoading;
    if (isInMemory && !areSameRules(rules, before)) await this.postDurably({ kind: "rulesChanged", rules });
  }

  /** Notes that a subscriber was there. */
  touch(): void {
    this.activity.touch(this.#parts.ageMs(), () => this.#parts.writeActivity(this));
  }

  /** Ends the pullers; what is settled can still be written. */
  endPullers(error: PubSubError): void {
    this.#pullers.endAll(error);
  }

  /** Deleted or detached: nothing is delivered or written any more. */
  end(error: PubSubError): void {
    this.#ended = error;
    this.#live?.end(error);
    this.#leave();
    this.#watch.end();
    for (const turn of this.#turns.splice(0)) if (typeof turn === "function") turn(error);
    this.#pullers.endAll(error);
  }

  /** Settles when every ack so far is durable and every job has its outcome. */
  async settled(): Promise<void> {
    await this.#live?.whenDurable();
    await this.#live?.settled();
  }

  /** A clean stop: what is settled is durable afterwards, and leases that run are remembered. */
  async close(): Promise<void> {
    await this.#live?.close();
  }

  deliver(id: PullerId, generation: Generation, runs: readonly BlockRun[]): void {
    this.#deliveryTimes ??= new DeliveryTimes();
    this.#deliveryTimes.note(generation, this.#parts.clock.monotonicMs(), () => this.counts?.outstanding ?? 0);
    const ackIds = this.#parts.ackIds.writer(this.record.number, generation);
    this.#pullers.get(id)?.deliver(new RunBatch(runs, ackIds), generation);
  }

  deliverLater(id: PullerId): void {
    this.#pullers.get(id)?.await();
  }

  deliveryFailed(id: PullerId, generation: Generation, error: unknown): void {
    this.#pullers.get(id)?.giveBack(generation);
    this.readFailed(error, "a redelivery could not be read");
  }

  leasesNotWritten(id: PullerId, generation: Generation, error: PubSubError): void {
    const puller = this.#pullers.get(id);
    puller?.giveBack(generation);
    puller?.end(error);
  }

  floorMoved(floor: number): void {
    this.#durableFloor = floor;
    this.#parts.onFloor(this.topic);
    this.#considerIdle();
  }

  /** Ends the pullers with what is wrong: a client that comes back tries the read again. */
  readFailed(error: unknown, what: string): void {
    if (this.#ended !== undefined) return;
    this.#parts.log.error({ subscription: this.name, err: error }, what);
    this.endPullers(fromStorage(error, this.name));
  }

  broke(error: unknown): void {
    this.end(this.#parts.commits.stop(error));
  }

  get #isPushed(): boolean {
    return this.record.settings.pushConfig !== undefined;
  }

  #take(turn: Turn): void {
    if (this.#ended !== undefined) {
      if (typeof turn === "function") turn(this.#ended);
    } else if (this.#live !== undefined) {
      this.#live.take(turn);
    } else {
      this.#turns.push(turn);
      void this.#load();
    }
  }

  async #load(): Promise<void> {
    if (this.#isLoading) return;
    this.#isLoading = true;
    try {
      const ref = ackLogRef(this.record.number);
      const look = this.#parts.firstLook(this.topic);
      if (look !== undefined) await this.#parts.activity.track(look);
      const records = await this.#parts.activity.track(readAckLog(ref, this.#parts));
      if (this.#ended !== undefined) return;
      const { start } = this.record;
      const afterGeneration = this.#rested.latestGeneration;
      // Up to here a filter has kept everything out, or it is past retention.
      const droppedUpTo = Math.max(this.#droppedUpTo, this.#watch.floor ?? 0);
      const subscription = { name: this.name, ref, start, droppedUpTo, afterGeneration, rules: this.#rules };
      const live = new LiveSubscription(subscription, records, this.topic.log, this.#parts, this);
      // It may have broken on what it read.
      if (this.#ended !== undefined) return;
      this.#live = live;
      this.#watch.end();
      this.#isFloorKnown = true;
      for (const turn of this.#turns.splice(0)) live.take(turn);
      this.floorMoved(this.floor);
      if (this.#isCountWanted) this.countBacklog();
      this.#isCountWanted = false;
    } catch (error) {
      this.readFailed(error, "the ack log could not be read");
      const answer = fromStorage(error, this.name);
      for (const turn of this.#turns.splice(0)) if (typeof turn === "function") turn(answer);
    } finally {
      this.#isLoading = false;
    }
  }

  #considerIdle(): void {
    if (this.#live === undefined || this.pullerCount > 0) return;
    this.#idleWake ??= new Wake(() => this.#rest());
    if (this.#idleWake.index !== -1) return;
    const idleMs = this.#rules.isExactlyOnce ? EXACTLY_ONCE_IDLE_MS : this.#parts.limits.idleMs;
    this.#parts.wakes.set(this.#idleWake, this.#parts.clock.monotonicMs() + idleMs);
  }

  /** Leaves memory when there is nothing that only memory knows. */
  #rest(): void {
    if (this.#live === undefined || this.pullerCount > 0) return;
    if (this.#live.isBusy) {
      this.#considerIdle();
      return;
    }
    this.#durableFloor = this.floor;
    const { backlog, uncounted } = this.#live.counts;
    this.#live.end(undefined);
    this.#leave();
    this.#watch.begin(backlog === 0 && uncounted === undefined ? undefined : this.#durableFloor);
    this.#parts.onFloor(this.topic);
  }

  #leave(): void {
    if (this.#live === undefined) return;
    if (this.#idleWake !== undefined) this.#parts.wakes.set(this.#idleWake, Number.POSITIVE_INFINITY);
    this.#rested = RestedSubscription.after(this.#rested, this.#live, this.topic.log.head);
    this.#live = undefined;
    this.#deliveryTimes = undefined;
    this.#idleWake = undefined;
  }
}
