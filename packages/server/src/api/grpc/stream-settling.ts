// Acks and deadline changes that come in on a stream. Nobody is told how they end, but they are counted while they wait for
// the disk, so that a client that acks faster than the disk writes is held back.
import type { AckIdList, StreamingPullScan, SubscriptionName } from "@peal/wire/hot";
import type { SubscriptionUsage } from "../../engine/subscription-usage.js";
import type { ApiContext } from "../api-context.js";
import { readAckIds } from "./acknowledge.js";

/** Ids that may wait for the disk before the client is held back. */
const MAX_PENDING_IDS = 50_000;

export class StreamSettling {
  readonly #context: ApiContext;
  readonly #subscription: SubscriptionName;
  readonly #usage: SubscriptionUsage | undefined;
  readonly #onError: (error: unknown) => void;
  #pendingIds = 0;
  #pendingCalls = 0;
  readonly #waitingForRoom: (() => void)[] = [];
  readonly #waitingForIdle: (() => void)[] = [];

  /** @param onError - What the engine could not do; the stream is to end with it. */
  constructor(context: ApiContext, subscription: SubscriptionName, onError: (error: unknown) => void) {
    this.#context = context;
    this.#subscription = subscription;
    this.#usage = context.engine.subscriptionUsage(subscription);
    this.#onError = onError;
  }

  /**
   * Hands the acks and deadline changes of a checked request to the engine. What it refuses goes to `onError`.
   *
   * @throws PubSubError INVALID_ARGUMENT for an ack id longer than any, where the profile minds.
   */
  settle(request: StreamingPullScan): void {
    const { ackIds, modifyDeadlineAckIds, modifyDeadlineSeconds } = request;
    if (ackIds.count === 0 && modifyDeadlineAckIds.count === 0) return;
    this.#count(ackIds.count, modifyDeadlineAckIds.count);
    const { engine } = this.#context;
    const acked = this.#readable(ackIds);
    const modified = this.#readable(modifyDeadlineAckIds);
    if (acked.ackIds.length > 0) {
      this.#track(acked.ackIds.length, engine.acknowledge(this.#subscription, acked.ackIds));
    }
    if (modified.ackIds.length > 0) {
      const seconds = modified.places?.map((place) => modifyDeadlineSeconds[place]!) ?? modifyDeadlineSeconds;
      this.#track(
        modified.ackIds.length,
        engine.modifyAckDeadline(this.#subscription, modified.ackIds, oneOrEach(seconds)),
      );
    }
  }

  /** Resolves when further requests may be taken; undefined: now. */
  whenRoom(): Promise<void> | undefined {
    if (this.#pendingIds <= MAX_PENDING_IDS) return undefined;
    return new Promise((resolve) => {
      this.#waitingForRoom.push(resolve);
    });
  }

  /** Resolves when nothing waits for the disk. */
  whenIdle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#pendingCalls === 0) resolve();
      else this.#waitingForIdle.push(resolve);
    });
  }

  /**
   * The ids to hand on. In the service profile that is all of them: the engine refuses malformed ones. In the emulator's
   * the malformed are left out, and `places` says where the others were.
   */
  #readable(list: AckIdList): { readonly ackIds: readonly string[]; readonly places?: readonly number[] } {
    const { engine, rules } = this.#context;
    if (list.count === 0) return { ackIds: [] };
    if (rules.endsStreamOnMalformedAckId) return { ackIds: readAckIds(list) };
    const texts = list.texts();
    const places: number[] = [];
    for (let index = 0; index < texts.length; index += 1) {
      if (engine.checkAckId(this.#subscription, texts[index]!) !== "malformed") places.push(index);
    }
    return { ackIds: places.map((place) => texts[place]!), places };
  }

  #count(ackIds: number, modifyIds: number): void {
    const usage = this.#usage;
    if (usage === undefined) return;
    if (ackIds > 0) {
      usage.streamAckRequests += 1;
      usage.streamAckIds += ackIds;
    }
    if (modifyIds > 0) {
      usage.streamModifyRequests += 1;
      usage.streamModifyIds += modifyIds;
    }
  }

  #track(count: number, done: Promise<unknown>): void {
    this.#pendingIds += count;
    this.#pendingCalls += 1;
    done.then(
      () => this.#settled(count),
      (error: unknown) => {
        this.#settled(count);
        this.#onError(error);
      },
    );
  }

  #settled(count: number): void {
    this.#pendingIds -= count;
    this.#pendingCalls -= 1;
    if (this.#pendingIds <= MAX_PENDING_IDS) for (const resolve of this.#waitingForRoom.splice(0)) resolve();
    if (this.#pendingCalls === 0) for (const resolve of this.#waitingForIdle.splice(0)) resolve();
  }
}

/** One number where all are the same, as they are for receipts and nacks. */
function oneOrEach(seconds: readonly number[]): number | readonly number[] {
  const first = seconds[0] ?? 0;
  return seconds.every((value) => value === first) ? first : seconds;
}
