// Acks and deadline changes that come in on a stream. Only under exactly-once is the client told how they end (S-8.9). They are
// counted while they wait for the disk, and until they are confirmed, so that a client that acks faster than the disk writes,
// or than it reads, is held back.
import type { AckIdList, StreamingPullScan, SubscriptionName } from "@peal/wire/hot";
import type { AckFailure } from "../../engine/engine-contract.js";
import type { SubscriptionUsage } from "../../engine/subscription-usage.js";
import type { ApiContext } from "../api-context.js";
import { readAckIds } from "./acknowledge.js";
import { ConfirmationQueue, type ConfirmedKind } from "./confirmation-queue.js";

/** Ids that may wait for the disk before the client is held back. */
const MAX_PENDING_IDS = 50_000;

/** What the settling asks of its stream. */
export interface SettlingStream {
  /** Is every ack to be confirmed? */
  readonly isExactlyOnce: boolean;
  /** Takes what could not be done; the stream is to end with it. */
  settlingFailed(error: unknown): void;
  /** There is something in `confirmations` to send. */
  confirmable(): void;
}

export class StreamSettling {
  /** To be sent as the client reads; taking from it makes room. */
  readonly confirmations: ConfirmationQueue;
  readonly #context: ApiContext;
  readonly #subscription: SubscriptionName;
  readonly #usage: SubscriptionUsage | undefined;
  readonly #stream: SettlingStream;
  #pendingIds = 0;
  #pendingCalls = 0;
  readonly #waitingForRoom: (() => void)[] = [];
  readonly #waitingForIdle: (() => void)[] = [];

  constructor(context: ApiContext, subscription: SubscriptionName, stream: SettlingStream) {
    this.#context = context;
    this.#subscription = subscription;
    this.#usage = context.engine.subscriptionUsage(subscription);
    this.#stream = stream;
    this.confirmations = new ConfirmationQueue((count) => this.#left(count));
  }

  /**
   * Hands the acks and deadline changes of a checked request to the engine. What it refuses goes to `settlingFailed`.
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
      this.#track("acknowledge", acked.ackIds, engine.acknowledge(this.#subscription, acked.ackIds));
    }
    if (modified.ackIds.length > 0) {
      const seconds = modified.places?.map((place) => modifyDeadlineSeconds[place]!) ?? modifyDeadlineSeconds;
      this.#track(
        "modify",
        modified.ackIds,
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
   * the malformed are left out, and `places` says where the others were. Under exactly-once the engine tells them apart.
   */
  #readable(list: AckIdList): { readonly ackIds: readonly string[]; readonly places?: readonly number[] } {
    const { engine, rules } = this.#context;
    if (list.count === 0) return { ackIds: [] };
    if (this.#stream.isExactlyOnce) return { ackIds: list.texts() };
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

  #track(kind: ConfirmedKind, ackIds: readonly string[], done: Promise<readonly AckFailure[]>): void {
    const isConfirmed = this.#stream.isExactlyOnce;
    this.#pendingIds += ackIds.length;
    this.#pendingCalls += 1;
    done.then(
      (failures) => {
        if (isConfirmed) {
          this.confirmations.add(kind, ackIds, failures);
          this.#stream.confirmable();
        } else this.#left(ackIds.length);
        this.#callEnded();
      },
      (error: unknown) => {
        this.#left(ackIds.length);
        this.#callEnded();
        this.#stream.settlingFailed(error);
      },
    );
  }

  /** So many ids wait no more. */
  #left(count: number): void {
    this.#pendingIds -= count;
    if (this.#pendingIds <= MAX_PENDING_IDS) for (const resolve of this.#waitingForRoom.splice(0)) resolve();
  }

  #callEnded(): void {
    this.#pendingCalls -= 1;
    if (this.#pendingCalls === 0) for (const resolve of this.#waitingForIdle.splice(0)) resolve();
  }
}

/** One number where all are the same, as they are for receipts and nacks. */
function oneOrEach(seconds: readonly number[]): number | readonly number[] {
  const first = seconds[0] ?? 0;
  return seconds.every((value) => value === first) ? first : seconds;
}
