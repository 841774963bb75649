/**
 * The pushes of one subscription: an ordinary puller of the engine whose sink posts.
 *
 *     asks for as many messages as window and budget have left ──▶ posts each ──▶ acks or nacks ──▶ asks again
 *                                                       a failure ──▶ pauses, then asks again
 *
 * What it is given although it pauses, or found no room, goes back without having failed.
 */
import { readMessageFields } from "@peal/wire/hot";
import type { Clock, Timer } from "../engine/clock.js";
import type { DeliveredBatch, DeliveredRun, Puller, PullerSink } from "../engine/engine-contract.js";
import type { EngineLog } from "../engine/engine-log.js";
import type { PushConfig } from "../engine/settings.js";
import {
  isSuccess,
  type PostOutcome,
  type PostRequest,
  type PushEndpoint,
  type PushRequest,
  parseEndpoint,
} from "./post-request.js";
import { PushBackoff } from "./push-backoff.js";
import type { BudgetShare, PushBudget } from "./push-budget.js";
import type { PushEngine } from "./push-engine.js";
import { unwrappedHeaders, wrappedHeaders } from "./push-headers.js";
import { PUSH_LIMITS } from "./push-limits.js";
import { PushLog, type PushState } from "./push-log.js";
import type { PushMessage } from "./push-message.js";
import type { PushPace } from "./push-pace.js";
import type { PushTokens } from "./push-tokens.js";
import { PushWindow } from "./push-window.js";
import { encodeWrappedBody } from "./wrapped-body.js";

/** What all pushers share. */
export interface PusherParts {
  readonly engine: PushEngine;
  readonly clock: Clock;
  readonly post: PostRequest;
  readonly tokens: Pick<PushTokens, "get">;
  readonly pace: PushPace;
  readonly budget: PushBudget;
  readonly log: EngineLog;
}

/** A push under way. */
interface Push {
  readonly request: PushRequest | undefined;
  readonly config: PushConfig;
  readonly ackId: string;
  readonly ticket: number;
  readonly outstanding: number;
  readonly beganAtMs: number;
  readonly abort: AbortController;
}

/**
 * A lease outlives its request by this much, so that the outcome of the request ends it and nothing else: the next
 * message of a key must not leave while the one before is still out.
 */
const LEASE_MARGIN_MS = 5_000;
const VERSION_ATTRIBUTE = "x-goog-version";

export class Pusher implements PullerSink {
  readonly subscription: string;
  readonly #parts: PusherParts;
  readonly #window: PushWindow;
  readonly #backoff: PushBackoff;
  readonly #share: BudgetShare = { outstanding: 0, bytes: 0 };
  readonly #pushes = new Set<Push>();
  readonly #log = new PushLog();
  readonly #onIdle: (() => void)[] = [];
  #config: PushConfig;
  #endpoint: PushEndpoint | undefined;
  #puller: Puller | undefined;
  #ackDeadlineMs = 0;
  /** The puller owes a batch. */
  #isAsked = false;
  /** A batch may come while it is asked for: the loop that asks goes on, instead of another one inside it. */
  #isAsking = false;
  #pauseUntilMs = 0;
  #pauseTimer: Timer | undefined;

  constructor(subscription: string, config: PushConfig, parts: PusherParts) {
    this.subscription = subscription;
    this.#parts = parts;
    this.#window = new PushWindow(parts.pace.window);
    this.#backoff = new PushBackoff(parts.pace.backoff);
    this.#config = config;
    this.#endpoint = parseEndpoint(config.endpoint);
  }

  /** @throws {PubSubError} What `openPuller` refuses. */
  open(): void {
    this.#ackDeadlineMs = 1_000 * this.#parts.engine.ackDeadlineSeconds(this.subscription);
    this.#puller = this.#parts.engine.openPuller(
      this.subscription,
      {
        maxOutstandingMessages: Number.POSITIVE_INFINITY,
        maxOutstandingBytes: Number.POSITIVE_INFINITY,
        leaseMs: this.#ackDeadlineMs + LEASE_MARGIN_MS,
        isOnce: false,
        isPush: true,
        clientId: "",
      },
      this,
    );
    this.#ask();
  }

  get isOpen(): boolean {
    return this.#puller !== undefined;
  }

  get state(): PushState {
    return {
      subscription: this.subscription,
      endpoint: this.#config.endpoint,
      outstanding: this.#share.outstanding,
      window: this.#window.size,
      pauseMs: Math.max(this.#pauseUntilMs - this.#parts.clock.monotonicMs(), 0),
      log: this.#log,
    };
  }

  /** What is out keeps the settings it left with. */
  configure(config: PushConfig): void {
    this.#config = config;
    this.#endpoint = parseEndpoint(config.endpoint);
  }

  /** Pushes nothing new. What is out ends as it may. */
  stop(): void {
    this.#puller?.close();
    this.#forgetPuller();
  }

  /** Resolves when nothing is out. */
  idle(): Promise<void> {
    if (this.#pushes.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  /** Cuts off what is out, and leaves it unsettled: its leases run on, and no attempt has failed. */
  abandon(): void {
    this.stop();
    for (const push of this.#pushes) {
      this.#forget(push);
      push.abort.abort();
    }
  }

  configured(): void {
    // Neither order nor exactly-once changes how one message is pushed: the core holds back the others of its key.
  }

  deliver(batch: DeliveredBatch): void {
    this.#isAsked = false;
    if (this.#isPaused() || this.#parts.budget.credit(this.#share) === 0) {
      this.#puller?.returnLast();
    } else {
      this.#readAckDeadline();
      for (const run of batch.runs) {
        for (let index = 0; index < run.count; index += 1) this.#push(batch, run, index);
      }
    }
    this.#ask();
  }

  end(): void {
    this.#forgetPuller();
  }

  #forgetPuller(): void {
    this.#puller = undefined;
    this.#pauseTimer?.cancel();
    this.#pauseTimer = undefined;
  }

  #ask(): void {
    if (this.#isAsking) return;
    this.#isAsking = true;
    while (this.#puller !== undefined && !this.#isAsked && !this.#isPaused()) {
      const { outstanding } = this.#share;
      const credit = Math.min(this.#window.size - outstanding, this.#parts.budget.credit(this.#share));
      if (credit <= 0) break;
      this.#isAsked = true;
      this.#puller.ready(credit, PUSH_LIMITS.batchBytes);
    }
    this.#isAsking = false;
  }

  #isPaused(): boolean {
    return this.#pauseTimer !== undefined;
  }

  #pause(delayMs: number): void {
    const untilMs = this.#parts.clock.monotonicMs() + delayMs;
    if (untilMs <= this.#pauseUntilMs || this.#puller === undefined) return;
    this.#pauseUntilMs = untilMs;
    this.#pauseTimer?.cancel();
    this.#pauseTimer = this.#parts.clock.setTimer(untilMs, () => {
      this.#pauseTimer = undefined;
      this.#ask();
    });
  }

  /** With each batch: it may have changed. */
  #readAckDeadline(): void {
    const ackDeadlineMs = 1_000 * this.#parts.engine.ackDeadlineSeconds(this.subscription);
    if (ackDeadlineMs === this.#ackDeadlineMs) return;
    this.#ackDeadlineMs = ackDeadlineMs;
    this.#puller?.setLeaseMs(ackDeadlineMs + LEASE_MARGIN_MS);
  }

  #push(batch: DeliveredBatch, run: DeliveredRun, index: number): void {
    const { budget, clock } = this.#parts;
    const request = this.#requestOf(run, index);
    budget.take(this.#share, request?.body.length ?? 0);
    const push: Push = {
      request,
      config: this.#config,
      ackId: ackIdOf(batch, run.firstSequence + index),
      ticket: this.#window.begin(),
      outstanding: this.#share.outstanding,
      beganAtMs: clock.monotonicMs(),
      abort: new AbortController(),
    };
    this.#pushes.add(push);
    const timer = clock.setTimer(push.beganAtMs + this.#ackDeadlineMs, () => push.abort.abort());
    void this.#send(push).then((outcome) => {
      timer.cancel();
      return this.#finish(push, outcome);
    });
  }

  /** Undefined where the endpoint is not a URL. Copies all it needs of the batch. */
  #requestOf(run: DeliveredRun, index: number): PushRequest | undefined {
    const endpoint = this.#endpoint;
    if (endpoint === undefined) return undefined;
    const { wrapper, attributes } = this.#config;
    const message: PushMessage = {
      subscription: this.subscription,
      messageId: run.firstMessageId + index,
      publishTimeMs: run.publishTimeMs,
      deliveryAttempt: run.deliveryAttempt,
      fields: readMessageFields(run.bytes, run.offset(index), run.length(index)),
    };
    if (wrapper?.kind === "none") {
      const headers = unwrappedHeaders(message, wrapper.writesMetadata);
      return { endpoint, headers, body: Uint8Array.from(message.fields.data) };
    }
    return { endpoint, headers: wrappedHeaders(), body: encodeWrappedBody(message, attributes[VERSION_ATTRIBUTE]) };
  }

  /** Never rejects. */
  async #send(push: Push): Promise<PostOutcome> {
    const { request, abort } = push;
    if (request === undefined) return { kind: "failed", error: "INVALID_ENDPOINT" };
    try {
      const headers = { ...request.headers, ...(await this.#authorization(push.config)) };
      return await this.#parts.post({ ...request, headers }, abort.signal);
    } catch (error) {
      this.#parts.log.error({ subscription: this.subscription, err: error }, "a push could not be sent");
      return { kind: "failed", error: "INTERNAL" };
    }
  }

  async #authorization({ oidcToken, endpoint }: PushConfig): Promise<Readonly<Record<string, string>>> {
    if (oidcToken === undefined) return {};
    const audience = oidcToken.audience === "" ? endpoint : oidcToken.audience;
    return { Authorization: `Bearer ${await this.#parts.tokens.get({ ...oidcToken, audience })}` };
  }

  async #finish(push: Push, outcome: PostOutcome): Promise<void> {
    // Abandoned: nobody waits for it.
    if (!this.#pushes.has(push)) return;
    const { clock } = this.#parts;
    const latencyMs = clock.monotonicMs() - push.beganAtMs;
    const isAcked = isSuccess(outcome);
    // Of requests that were sent together the first has seen few others begin, the last few end.
    const outstanding = Math.max(push.outstanding, this.#share.outstanding);
    this.#log.add({ outcome, atMs: clock.wallMs(), latencyMs }, isAcked);
    if (isAcked) {
      this.#window.succeeded(outstanding, latencyMs);
      this.#backoff.succeeded(outstanding);
    } else {
      this.#window.failed(push.ticket);
      this.#pause(this.#backoff.failed(outstanding));
    }
    await this.#settle(push.ackId, isAcked);
    if (!this.#pushes.has(push)) return;
    this.#forget(push);
    this.#ask();
  }

  /** The room of a push is free again only when its ack is durable: a slow disk slows the pushes down. */
  async #settle(ackId: string, isAcked: boolean): Promise<void> {
    const { engine, log } = this.#parts;
    try {
      if (isAcked) await engine.acknowledge(this.subscription, [ackId]);
      else await engine.modifyAckDeadline(this.subscription, [ackId], 0);
    } catch (error) {
      // A subscription that was deleted meanwhile has nothing to settle; else the lease ends by itself.
      const isGone = error instanceof Error && "code" in error && error.code === "NOT_FOUND";
      if (!isGone) log.warn({ subscription: this.subscription, err: error }, "a push could not be settled");
    }
  }

  #forget(push: Push): void {
    this.#pushes.delete(push);
    this.#parts.budget.release(this.#share, push.request?.body.length ?? 0);
    if (this.#pushes.size > 0) return;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }
}

function ackIdOf(batch: DeliveredBatch, sequence: number): string {
  const ackId = Buffer.allocUnsafe(batch.ackIdLength);
  batch.writeAckId(sequence, ackId, 0);
  return ackId.toString("latin1");
}
