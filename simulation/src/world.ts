import type { PullerOptions } from "@peal/server/engine";
import { openMemoryStorage, type Storage } from "@peal/store";
import type { FaultRates } from "./faulty-storage.js";
import { type Delivery, Ledger, type SubscriptionLife, type TopicLife } from "./ledger.js";
import type { SeededRandom } from "./seeded-random.js";
import { ServerLife } from "./server-life.js";
import { SimulatedPuller } from "./simulated-puller.js";
import { Trace } from "./trace.js";
import { Violation } from "./violation.js";
import { VirtualClock } from "./virtual-clock.js";

/** So many turns of the event loop without anything happening: the server has come to rest. */
const QUIET_TURNS = 4;
/** A start, a stop or an answer takes no longer than this. */
const PATIENCE_MS = 120_000;

/** What stands under one name now. `isBusy`: a change is under way, or its outcome is not known. */
export interface Slot<Life> {
  readonly name: string;
  present: Life | undefined;
  isBusy: boolean;
}

/** Everything there is in a simulation: one server after another, the store that outlives them, the clients, the time. */
export class World {
  readonly clock = new VirtualClock();
  readonly ledger = new Ledger();
  readonly trace = new Trace();
  readonly random: SeededRandom;
  readonly topics: Slot<TopicLife>[];
  readonly subscriptions: Slot<SubscriptionLife>[];
  pullers: SimulatedPuller[] = [];
  /** Deliveries of pullers that are gone: their ids still ack. */
  strays: Delivery[] = [];
  rates: FaultRates;
  isFull = false;
  starts = 0;
  kills = 0;
  #life!: ServerLife;
  #store: Storage;
  #failure: unknown;
  #lastText = 0;
  /** Grows when something reaches the outside. */
  #activity = 0;

  constructor(random: SeededRandom, rates: FaultRates, topicCount: number, subscriptionCount: number) {
    this.random = random;
    this.rates = rates;
    this.#store = openMemoryStorage({ monotonicMs: () => this.clock.nowMs });
    const named = (kind: string, count: number) =>
      Array.from({ length: count }, (_, index) => ({
        name: `projects/p/${kind}/${kind}-${index}`,
        present: undefined,
        isBusy: false,
      }));
    this.topics = named("topics", topicCount);
    this.subscriptions = named("subscriptions", subscriptionCount);
  }

  get life(): ServerLife {
    return this.#life;
  }

  get nowMs(): number {
    return this.clock.nowMs;
  }

  /** The text of a message: unique within the simulation. */
  nextText(): string {
    this.#lastText += 1;
    return `m${this.#lastText}`;
  }

  newPuller(name: string, subscription: SubscriptionLife, options: PullerOptions): SimulatedPuller {
    return new SimulatedPuller(name, subscription, options, {
      ledger: this.ledger,
      nowMs: () => this.nowMs,
      note: (line) => this.note(line),
      fail: (error) => this.fail(error),
    });
  }

  /** One of those that stand for certain, at random. */
  presentOf<Life>(slots: readonly Slot<Life>[]): Life | undefined {
    return this.random.pick(slots.filter((slot) => !slot.isBusy && slot.present !== undefined))?.present;
  }

  isPresent(subscription: SubscriptionLife): boolean {
    return this.subscriptions.some((slot) => slot.present === subscription && !slot.isBusy);
  }

  note(line: string): void {
    this.#activity += 1;
    this.trace.add(`${this.nowMs} ${line}`);
  }

  /** Keeps the first thing that was wrong, to be told after the server's turn. */
  fail(error: unknown): void {
    this.#failure ??= error;
  }

  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Waits until nothing more happens without time moving on. */
  async settle(): Promise<void> {
    let quiet = 0;
    let seen = -1;
    while (quiet < QUIET_TURNS) {
      await new Promise((resolve) => setImmediate(resolve));
      const activity = this.#activity + this.#life.storage.activity;
      quiet = activity === seen ? quiet + 1 : 0;
      seen = activity;
    }
    this.check();
  }

  /** Moves time, one timer after another. */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.nowMs + byMs;
    while (this.clock.nextTimerAtMs <= untilMs) {
      this.clock.moveTo(this.clock.nextTimerAtMs);
      await this.settle();
      if (this.#life.fatal !== undefined) await this.restart("fatal");
    }
    this.clock.moveTo(untilMs);
  }

  async start(): Promise<void> {
    for (;;) {
      this.starts += 1;
      this.#life = new ServerLife({
        store: this.#store,
        clock: this.clock,
        random: this.random,
        rates: this.rates,
        startNumber: this.starts,
      });
      this.#life.storage.isFull = this.isFull;
      if (await this.#isDone(this.#life.open())) break;
      // The store failed while it was opened; nothing of this life has been promised.
      this.#life.end();
    }
    await this.#learnNames();
    this.note(`started ${this.starts}`);
  }

  /** Ends the server and starts the next. `stop` waits for a clean end, the others do not. */
  async restart(how: "kill" | "stop" | "fatal"): Promise<void> {
    this.note(how);
    const { storage, engine } = this.#life;
    const faults = storage.faults;
    let isClean = how === "stop" && (await this.#isDone(engine!.close()));
    isClean &&= storage.faults === faults && this.#life.fatal === undefined;
    if (!isClean) this.kills += 1;
    this.#life.end();
    for (const puller of this.pullers) {
      puller.isOpen = false;
      this.strays.push(...puller.held);
    }
    this.pullers = [];
    const lives = this.subscriptions.flatMap((slot) => slot.present ?? []);
    this.ledger.endLife(lives, isClean, this.nowMs);
    await this.start();
  }

  /** Runs a client's call; what comes of it is told unless the server has died meanwhile. */
  call<T>(work: () => Promise<T>, onDone: (result: T) => void, onError: (error: Error) => void): void {
    const life = this.#life;
    const tell = (act: () => void): void => {
      this.#activity += 1;
      if (life.isOver) return;
      try {
        act();
      } catch (error) {
        this.fail(error);
      }
    };
    work().then(
      (result) => tell(() => onDone(result)),
      (error: Error) => tell(() => onError(error)),
    );
  }

  /** No more faults from now on; the disk has room. */
  heal(rates: FaultRates): void {
    this.rates = rates;
    this.#life.storage.rates = rates;
    this.#setFull(false);
  }

  /** There is no room on the disk for so long. */
  fillDisk(forMs: number): void {
    this.note(`disk full for ${forMs} ms`);
    this.#setFull(true);
    this.clock.setTimer(this.nowMs + forMs, () => this.#setFull(false));
  }

  #setFull(isFull: boolean): void {
    this.isFull = isFull;
    this.#life.storage.isFull = isFull;
  }

  /** Moves time until `work` has ended. False: it failed, or the server has to be started again. */
  async #isDone(work: Promise<unknown>): Promise<boolean> {
    let state: "running" | "done" | "failed" = "running";
    work.then(
      () => {
        state = "done";
      },
      (error: unknown) => {
        state = "failed";
        this.note(`failed: ${error}`);
      },
    );
    const isRunning = (): boolean => state === "running";
    const untilMs = this.nowMs + PATIENCE_MS;
    await this.settle();
    while (isRunning() && this.#life.fatal === undefined) {
      if (this.clock.nextTimerAtMs > untilMs) throw new Violation("the server neither starts nor stops");
      this.clock.moveTo(this.clock.nextTimerAtMs);
      await this.settle();
    }
    return !isRunning() && state !== ("failed" as string) && this.#life.fatal === undefined;
  }

  /** A crash may have cut a creation or deletion off: what exists now tells how it ended. */
  async #learnNames(): Promise<void> {
    const engine = this.#life.engine!;
    const list = { after: undefined, limit: 1_000 };
    const topics = new Set(engine.listTopics("projects/p", list).map((topic) => topic.name));
    for (const slot of this.topics) this.#learn(slot, topics, "topic");
    const subscriptions = new Set(
      engine
        .listSubscriptions("projects/p", list)
        .filter((state) => !state.isDetached)
        .map((state) => state.name),
    );
    for (const slot of this.subscriptions) this.#learn(slot, subscriptions, "subscription");
    const known = new Set(this.subscriptions.filter((slot) => slot.present !== undefined).map((slot) => slot.name));
    for (const name of engine.listSubscriptions("projects/p", list).map((state) => state.name)) {
      // One that nobody can say since when it exists, or a detached one: it goes.
      if (!known.has(name)) await this.#isDone(engine.deleteSubscription(name));
    }
    for (const slot of [...this.topics, ...this.subscriptions]) slot.isBusy = false;
  }

  #learn(slot: Slot<object>, found: ReadonlySet<string>, kind: string): void {
    const isThere = found.has(slot.name);
    if (slot.isBusy) {
      if (!isThere) slot.present = undefined;
      else if (kind === "topic") slot.present ??= { name: slot.name };
      return;
    }
    if (isThere !== (slot.present !== undefined)) {
      throw new Violation(`${slot.name} ${isThere ? "is there after its deletion was answered" : "is gone"}`);
    }
  }
}
