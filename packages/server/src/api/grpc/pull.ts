// Pull: a puller that is given one batch. It waits for a first message, but not past its caller's deadline. Reference 3.6.
import { PubSubError } from "@peal/core";
import { encodePullResponse, LIMITS, scanPullRequest } from "@peal/wire/hot";
import type { Timer } from "../../engine/clock.js";
import type { DeliveredBatch, Puller, PullerSink } from "../../engine/engine-contract.js";
import type { SubscriptionUsage } from "../../engine/subscription-usage.js";
import type { ApiContext } from "../api-context.js";
import { badArgument } from "../error-catalogue.js";
import { inProfileWords } from "../resource-errors.js";
import { codeOf } from "../to-status.js";
import { checkSubscriptionName } from "../validation/names.js";
import type { CallScope, UnaryMethod } from "./unary-method.js";

const NOTHING = new Uint8Array(0);

/** How long return_immediately waits for what must first be read from disk. */
const READ_GRACE_MS = 100;

/** The part of a short deadline that is kept for the answer's way back. */
const SHORT_DEADLINE_SHARE = 0.2;

/** Takes a batch of messages for a serialized PullRequest; answers with a PullResponse, which may be empty. */
export function pullMethod(context: ApiContext): UnaryMethod {
  return {
    path: "/google.pubsub.v1.Subscriber/Pull",
    maxRequestBytes: LIMITS.requestPayloadBytes,
    handle: (bytes, call) => {
      const request = scanPullRequest(bytes);
      const subscription = checkSubscriptionName(context.rules, request.subscription);
      const usage = context.engine.subscriptionUsage(subscription);
      if (request.maxMessages <= 0) {
        usage?.pulls.add("INVALID_ARGUMENT");
        throw badArgument("max_messages");
      }
      const waitMs = request.returnImmediately ? READ_GRACE_MS : waitMsOf(call.deadlineAtMs - performance.now());
      return new PendingPull(context, call, usage).run(subscription, request.maxMessages, waitMs);
    },
  };
}

/** Returns how long a pull waits whose caller gives up after so many milliseconds; Infinity: said nothing. */
export function waitMsOf(remainingMs: number): number {
  if (remainingMs === Number.POSITIVE_INFINITY) return LIMITS.pullWaitWithoutDeadlineMs;
  const marginMs = Math.min(LIMITS.pullDeadlineMarginMs, remainingMs * SHORT_DEADLINE_SHARE);
  return Math.max(0, Math.min(remainingMs - marginMs, LIMITS.pullWaitMs));
}

/** One call, from its puller's opening to its answer. */
class PendingPull implements PullerSink {
  readonly #context: ApiContext;
  readonly #call: CallScope;
  readonly #usage: SubscriptionUsage | undefined;
  readonly #answer: Promise<Uint8Array>;
  #resolve!: (response: Uint8Array) => void;
  #reject!: (error: unknown) => void;
  #puller: Puller | undefined;
  #timer: Timer | undefined;
  #subscription = "";
  #isOver = false;
  #hasDelivered = false;

  constructor(context: ApiContext, call: CallScope, usage: SubscriptionUsage | undefined) {
    this.#context = context;
    this.#call = call;
    this.#usage = usage;
    this.#answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  run(subscription: string, maxMessages: number, waitMs: number): Promise<Uint8Array> {
    const { engine, clock } = this.#context;
    const limit = Math.min(maxMessages, LIMITS.pullMessages);
    this.#subscription = subscription;
    try {
      this.#puller = engine.openPuller(
        subscription,
        {
          maxOutstandingMessages: limit,
          maxOutstandingBytes: Number.POSITIVE_INFINITY,
          leaseMs: undefined,
          isOnce: true,
          isPush: false,
          clientId: "",
        },
        this,
      );
    } catch (error) {
      if (this.#isAnsweredWithNothing(error)) {
        this.#finish(NOTHING);
        return this.#answer;
      }
      this.#usage?.pulls.add(codeOf(error));
      throw this.#inWords(error);
    }
    this.#call.onCancel(() => this.#cancelled());
    if (!this.#isOver) this.#puller.ready(limit, LIMITS.pullResponseBytes);
    if (!this.#isOver) {
      this.#timer = clock.setTimer(clock.monotonicMs() + waitMs, () => this.#finish(NOTHING));
    }
    return this.#answer;
  }

  configured(): void {
    // What the subscription is like is none of its caller's business.
  }

  deliver(batch: DeliveredBatch): void {
    if (this.#isOver || this.#call.isCancelled) {
      this.#puller?.returnLast();
      return;
    }
    this.#hasDelivered = true;
    if (this.#usage !== undefined) this.#usage.pulledMessages += batch.messageCount;
    this.#finish(encodePullResponse(batch));
  }

  end(error: PubSubError): void {
    if (this.#isOver) return;
    if (this.#isAnsweredWithNothing(error)) {
      this.#finish(NOTHING);
      return;
    }
    this.#isOver = true;
    this.#timer?.cancel();
    this.#usage?.pulls.add(error.code);
    this.#reject(this.#inWords(error));
  }

  #finish(response: Uint8Array): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer?.cancel();
    this.#puller?.close();
    this.#usage?.pulls.add("OK");
    this.#resolve(response);
  }

  /** The caller is gone: what it was given, if anything, goes to somebody else at once. */
  #cancelled(): void {
    if (this.#hasDelivered) {
      this.#puller?.returnLast();
      return;
    }
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer?.cancel();
    this.#puller?.close();
    this.#usage?.pulls.add("CANCELLED");
    this.#reject(new PubSubError("CANCELLED", "The caller has cancelled the pull."));
  }

  /** Is a pull refused, or ended, because the subscription is pushed to, where the profile has an empty answer for that? */
  #isAnsweredWithNothing(error: unknown): boolean {
    const { engine, rules } = this.#context;
    if (rules.pullFromPushed === "refused" || codeOf(error) !== "FAILED_PRECONDITION") return false;
    const { pushConfig, isDetached } = engine.getSubscription(this.#subscription);
    return pushConfig !== undefined && !isDetached;
  }

  #inWords(error: unknown): unknown {
    const name = this.#subscription;
    return inProfileWords(this.#context.rules, { missing: { kind: "subscription", name } }, error);
  }
}
