/**
 * What the outside world knows: which publishes were answered, who was given what, which acks were confirmed. Judges
 * each delivery by it. Where the outside cannot know (a call that a crash cut off), either outcome is right.
 */
import { Violation } from "./violation.js";

/**
 * A lease runs from its grant, the outside sees it from its arrival: in between the block may have been read again.
 * Nothing in a simulation takes longer than this between the two.
 */
export const SLACK_MS = 1_500;

/** The wall clock is set by no more than this at once; it may happen between a publish and its time stamp. */
export const WALL_JUMP_MAX_MS = 90_000;

/** Old messages are looked for now and then, and not for ten minutes after the wall clock was set by much. */
const SWEEP_LATE_MS = 15 * 60_000;

/** One topic from its creation to its deletion; another one under the same name is another life. */
export interface TopicLife {
  readonly name: string;
}

export interface Message {
  readonly text: string;
  readonly topic: string;
  readonly calledAtMs: number;
  readonly calledAtWallMs: number;
  /** The life it landed in; undefined where that is not certain. */
  life: TopicLife | undefined;
  state: "called" | "stored" | "refused" | "doubtful";
  storedAtMs: number;
}

/** The latest delivery of a message on a subscription. */
export interface Delivery {
  readonly message: Message;
  readonly subscription: SubscriptionLife;
  readonly ackId: string;
  /** Names the puller and its server's life. */
  readonly puller: string;
  readonly sizeBytes: number;
  /** Nobody else may have it before; -Infinity once it is settled. */
  endsAtMs: number;
}

interface Fate {
  delivery: Delivery | undefined;
  /** An ack was sent: it need not come any more. */
  isAcked: boolean;
  /** An ack was confirmed: it must not come any more. */
  confirmedAtMs: number;
}

export interface SubscriptionLife {
  readonly name: string;
  readonly topic: TopicLife;
  readonly calledAtMs: number;
  /** When the creation was answered; Infinity before. */
  confirmedAtMs: number;
  /** The shortest retention it ever had. */
  retentionMs: number;
  /** The longest it ever had, its topic's included. */
  retentionMaxMs: number;
  readonly fates: Map<Message, Fate>;
}

export class Ledger {
  readonly #messages = new Map<string, Message>();
  /** Counts the lives of the server. */
  life = 1;
  lifeBeganAtMs = 0;
  published = 0;
  delivered = 0;
  redelivered = 0;
  confirmed = 0;

  publishCalled(message: Message): void {
    this.#messages.set(message.text, message);
  }

  publishStored(message: Message, life: TopicLife | undefined, nowMs: number): void {
    message.state = "stored";
    message.life = life;
    message.storedAtMs = nowMs;
    this.published += 1;
  }

  messageOf(text: string): Message {
    const message = this.#messages.get(text);
    if (message === undefined) throw new Violation(`a message was delivered that nobody published: ${text}`);
    return message;
  }

  /** Judges a delivery and notes it. */
  deliver(delivery: Delivery, nowMs: number): void {
    const { message, subscription } = delivery;
    const name = `${message.text} on ${subscription.name}`;
    if (message.topic !== subscription.topic.name) throw new Violation(`${name} is of another topic`);
    if (message.state === "refused") throw new Violation(`${name}: its publish was refused, so nothing may be stored`);
    if (message.life !== undefined && message.life !== subscription.topic) {
      throw new Violation(`${name} was published to another topic of that name`);
    }
    if (message.state === "stored" && message.storedAtMs < subscription.calledAtMs) {
      throw new Violation(`${name} was published before the subscription was there`);
    }
    const ageMs = nowMs - message.calledAtMs;
    if (nowMs - this.lifeBeganAtMs > SWEEP_LATE_MS && ageMs > subscription.retentionMaxMs + SWEEP_LATE_MS) {
      throw new Violation(
        `${name} came ${ageMs} ms after its publish; it is kept for ${subscription.retentionMaxMs} ms`,
      );
    }
    const fate = this.fate(subscription, message);
    this.#checkSettled(fate, name, nowMs);
    const before = fate.delivery;
    if (before !== undefined) {
      this.redelivered += 1;
      if (before.ackId === delivery.ackId) throw new Violation(`${name} came twice with one ack id`);
      if (before.endsAtMs - SLACK_MS > nowMs) {
        throw new Violation(
          `${name} is out with ${before.puller} until ${before.endsAtMs}, and went to ${delivery.puller}`,
        );
      }
    }
    this.delivered += 1;
    fate.delivery = delivery;
    // Settled while it was on its way: it counts against nobody.
    if (fate.isAcked) delivery.endsAtMs = Number.NEGATIVE_INFINITY;
  }

  fate(subscription: SubscriptionLife, message: Message): Fate {
    let fate = subscription.fates.get(message);
    if (fate === undefined) {
      fate = {
        delivery: undefined,
        isAcked: false,
        confirmedAtMs: Number.POSITIVE_INFINITY,
      };
      subscription.fates.set(message, fate);
    }
    return fate;
  }

  ackCalled(deliveries: readonly Delivery[]): void {
    for (const { subscription, message } of deliveries) {
      const fate = this.fate(subscription, message);
      if (fate.delivery !== undefined) {
        fate.delivery.endsAtMs = Number.NEGATIVE_INFINITY;
      }
      fate.isAcked = true;
    }
  }

  ackConfirmed(deliveries: readonly Delivery[], nowMs: number): void {
    for (const { subscription, message } of deliveries) {
      const fate = this.fate(subscription, message);
      if (fate.confirmedAtMs < Number.POSITIVE_INFINITY) continue;
      fate.confirmedAtMs = nowMs;
      this.confirmed += 1;
    }
  }

  /** The new length counts from the call at the earliest; a shorter one may hold from now on. */
  extendCalled(deliveries: readonly Delivery[], endsAtMs: number): void {
    for (const delivery of deliveries) delivery.endsAtMs = Math.min(delivery.endsAtMs, endsAtMs);
  }

  /** @param before - When each lease was to end before the call. */
  extendConfirmed(deliveries: readonly Delivery[], before: readonly number[], endsAtMs: number, nowMs: number): void {
    for (const [index, delivery] of deliveries.entries()) {
      const isLatest = this.fate(delivery.subscription, delivery.message).delivery === delivery;
      const isUnsettled = delivery.endsAtMs > Number.NEGATIVE_INFINITY;
      if (isLatest && isUnsettled && before[index]! - SLACK_MS > nowMs) delivery.endsAtMs = endsAtMs;
    }
  }

  /**
   * Messages that the subscription must still hand out, or has handed out without hearing an ack.
   *
   * @param highestWallMs - The latest the wall clock has shown: what was past retention once may be gone.
   */
  owed(subscription: SubscriptionLife, highestWallMs: number): Message[] {
    const owed: Message[] = [];
    for (const message of this.#messages.values()) {
      if (message.state !== "stored" || message.life !== subscription.topic) continue;
      if (message.calledAtMs <= subscription.confirmedAtMs) continue;
      if (subscription.fates.get(message)?.isAcked === true) continue;
      if (highestWallMs - message.calledAtWallMs + WALL_JUMP_MAX_MS >= subscription.retentionMs) continue;
      owed.push(message);
    }
    return owed;
  }

  /** The server is another one: after a kill leases are void, after a clean stop they run on. */
  endLife(subscriptions: readonly SubscriptionLife[], isClean: boolean, nowMs: number): void {
    this.life += 1;
    this.lifeBeganAtMs = nowMs;
    if (isClean) return;
    for (const { fates } of subscriptions) {
      for (const { delivery } of fates.values()) {
        if (delivery !== undefined) delivery.endsAtMs = Number.NEGATIVE_INFINITY;
      }
    }
  }

  #checkSettled(fate: Fate, name: string, nowMs: number): void {
    if (fate.confirmedAtMs >= nowMs) return;
    throw new Violation(`${name} came again at ${nowMs} ms; its ack was confirmed at ${fate.confirmedAtMs} ms`);
  }
}
