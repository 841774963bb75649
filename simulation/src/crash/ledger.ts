/**
 * What the server has promised so far, and a judge of what it does.
 *
 * A promise is an answer that arrived: an acknowledged publish, a confirmed ack, a created or deleted resource. A request
 * without an answer may have happened or not, and the ledger accepts either.
 */
import { Violation } from "../violation.js";
import { numberOf, payloadOf } from "./payload.js";

export interface Delivery {
  readonly messageId: string;
  readonly data: Buffer;
}

/** One subscription's side of the ledger. */
interface SubscriptionPage {
  readonly topic: string;
  /** Message id to the tick of its confirmation. */
  readonly confirmedAtTick: Map<string, number>;
  /** Acked, and the answer never came. */
  readonly maybeAcked: Set<string>;
  readonly seen: Set<string>;
}

export class Ledger {
  /** By topic: message id to payload number, of publishes that were answered. */
  readonly #published = new Map<string, Map<string, number>>();
  readonly #idByNumber = new Map<number, string>();
  readonly #numberById = new Map<string, number>();
  readonly #topicByNumber = new Map<number, string>();
  readonly #subscriptions = new Map<string, SubscriptionPage>();
  #nextNumber = 1;
  #tick = 0;

  addTopic(topic: string): void {
    this.#published.set(topic, new Map());
  }

  addSubscription(subscription: string, topic: string): void {
    this.#subscriptions.set(subscription, {
      topic,
      confirmedAtTick: new Map(),
      maybeAcked: new Set(),
      seen: new Set(),
    });
  }

  get publishedCount(): number {
    let count = 0;
    for (const messages of this.#published.values()) count += messages.size;
    return count;
  }

  get confirmedAckCount(): number {
    let count = 0;
    for (const page of this.#subscriptions.values()) count += page.confirmedAtTick.size;
    return count;
  }

  /** Numbers for messages about to be published to a topic; none is used twice. */
  takeNumbers(topic: string, count: number): number[] {
    const numbers = Array.from({ length: count }, (_, index) => this.#nextNumber + index);
    this.#nextNumber += count;
    for (const number of numbers) this.#topicByNumber.set(number, topic);
    return numbers;
  }

  /** The publish of `numbers` was answered with `ids`. */
  published(topic: string, numbers: readonly number[], ids: readonly string[]): void {
    if (ids.length !== numbers.length) {
      throw new Violation(`a publish of ${numbers.length} messages was answered with ${ids.length} ids`);
    }
    const messages = this.#published.get(topic)!;
    for (const [index, number] of numbers.entries()) {
      this.#bind(ids[index]!, number);
      messages.set(ids[index]!, number);
    }
  }

  /** A moment to measure a pull by: give it to `received` with what that pull brings. */
  now(): number {
    this.#tick += 1;
    return this.#tick;
  }

  /** A pull that began at `sinceTick` brought these messages. */
  received(subscription: string, deliveries: readonly Delivery[], sinceTick: number): void {
    const page = this.#page(subscription);
    for (const { messageId, data } of deliveries) {
      const number = numberOf(data);
      if (number === undefined || !data.equals(payloadOf(number))) {
        throw new Violation(`message ${messageId} of ${subscription} came back with other bytes than were published`);
      }
      if (this.#topicByNumber.get(number) !== page.topic) {
        throw new Violation(
          `message ${messageId} (number ${number}) came from ${subscription}, but was never published to ${page.topic}`,
        );
      }
      this.#bind(messageId, number);
      const confirmedAtTick = page.confirmedAtTick.get(messageId);
      if (confirmedAtTick !== undefined && confirmedAtTick < sinceTick) {
        throw new Violation(`message ${messageId} of ${subscription} was delivered again after its ack was confirmed`);
      }
      page.seen.add(messageId);
    }
  }

  /** These acks are on their way. */
  acking(subscription: string, messageIds: readonly string[]): void {
    const { maybeAcked } = this.#page(subscription);
    for (const id of messageIds) maybeAcked.add(id);
  }

  /** These acks were answered with OK. */
  acked(subscription: string, messageIds: readonly string[]): void {
    const page = this.#page(subscription);
    const tick = this.now();
    for (const id of messageIds) {
      page.maybeAcked.delete(id);
      if (!page.confirmedAtTick.has(id)) page.confirmedAtTick.set(id, tick);
    }
  }

  /** Begins a reckoning: what was seen before does not count. */
  beginReckoning(subscription: string): void {
    this.#page(subscription).seen.clear();
  }

  /** The ids of acknowledged publishes that the subscription still owes and has not brought since `beginReckoning`. */
  missing(subscription: string): string[] {
    const page = this.#page(subscription);
    const owed = this.#published.get(page.topic)!;
    return [...owed.keys()].filter(
      (id) => !page.seen.has(id) && !page.confirmedAtTick.has(id) && !page.maybeAcked.has(id),
    );
  }

  #page(subscription: string): SubscriptionPage {
    const page = this.#subscriptions.get(subscription);
    if (page === undefined) throw new RangeError(`${subscription} is not in the ledger`);
    return page;
  }

  /** One id names one message, and one message has one id. */
  #bind(id: string, number: number): void {
    const otherId = this.#idByNumber.get(number);
    const otherNumber = this.#numberById.get(id);
    if (otherId !== undefined && otherId !== id) {
      throw new Violation(`message number ${number} is stored under two ids, ${otherId} and ${id}`);
    }
    if (otherNumber !== undefined && otherNumber !== number) {
      throw new Violation(`id ${id} names two messages, number ${otherNumber} and ${number}`);
    }
    this.#idByNumber.set(number, id);
    this.#numberById.set(id, number);
  }
}
