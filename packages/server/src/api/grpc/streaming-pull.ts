// StreamingPull: one stream, one puller. Messages go out one response at a time, the next when the last has left for the
// socket; acks come in on the same stream, and are confirmed under exactly-once. Reference 3.7, S-8.9.
//
//   opening ──first request──▶ open ──half-close──▶ draining ──acks durable──▶ closed
//      └───────────┴──────────────┴──error, end of the puller, cancel, age──────▲
import { PubSubError } from "@peal/core";
import type { BidiCall, MethodDefinition } from "@peal/grpc";
import {
  encodeStreamingPullResponse,
  LIMITS,
  type StreamingPullResponseParts,
  type StreamingPullScan,
  type SubscriptionProperties,
  scanStreamingPullRequest,
} from "@peal/wire/hot";
import type { Timer } from "../../engine/clock.js";
import type { DeliveredBatch, Puller, PullerSink } from "../../engine/engine-contract.js";
import type { DeliveryProperties } from "../../engine/settings.js";
import type { SubscriptionUsage } from "../../engine/subscription-usage.js";
import type { ApiContext } from "../api-context.js";
import { payloadTooLarge, STREAM_RECYCLED_TEXT } from "../error-catalogue.js";
import { inProfileWords } from "../resource-errors.js";
import { toGrpcError, toPubSubError } from "../to-status.js";
import { checkFirstRequest, checkLaterRequest, type StreamOpening } from "../validation/stream-rules.js";
import { type SettlingStream, StreamSettling } from "./stream-settling.js";

const PATH = "/google.pubsub.v1.Subscriber/StreamingPull";

const KEEPALIVE_ANSWER: StreamingPullResponseParts = {};

/** Returns the method as the gRPC server takes it. REST has no streaming pull. */
export function streamingPullMethod(context: ApiContext): MethodDefinition {
  return {
    kind: "bidi",
    name: "StreamingPull",
    maxRequestBytes: LIMITS.ackRequestPayloadBytes,
    tooLarge: (limitBytes) => toGrpcError(payloadTooLarge(limitBytes)),
    handler: (call) => {
      new StreamingPull(context, call).start();
    },
  };
}

type StreamState =
  | { readonly kind: "opening" }
  | {
      readonly kind: "open";
      readonly opening: StreamOpening;
      readonly puller: Puller;
      readonly settling: StreamSettling;
    }
  | { readonly kind: "draining"; readonly settling: StreamSettling }
  | { readonly kind: "closed" };

class StreamingPull implements PullerSink, SettlingStream {
  readonly #context: ApiContext;
  readonly #call: BidiCall;
  readonly #startedAtMs = performance.now();
  #state: StreamState = { kind: "opening" };
  #subscription = "";
  /** Undefined until it is known which subscription is asked for, and that there is one. */
  #usage: SubscriptionUsage | undefined;
  #ageTimer: Timer | undefined;
  /** Has all that was sent left for the socket? */
  #isDrained = true;
  /** A batch was delivered, and the next one was not asked for yet. */
  #owesReady = false;
  #owesAnswer = false;
  /** The client was not told yet what its subscription is like now. */
  #owesProperties = true;
  #properties: SubscriptionProperties = { exactlyOnceDeliveryEnabled: false, messageOrderingEnabled: false };

  constructor(context: ApiContext, call: BidiCall) {
    this.#context = context;
    this.#call = call;
  }

  start(): void {
    const { clock, observer, streamMaxAgeMs } = this.#context;
    observer.streamOpened();
    this.#call.onMessage((message) => this.#received(message));
    this.#call.onHalfClose(() => this.#halfClosed());
    this.#call.onDrain(() => this.#drained());
    this.#call.onCancel(() => this.#close("CANCELLED"));
    if (streamMaxAgeMs !== Number.POSITIVE_INFINITY) {
      this.#ageTimer = clock.setTimer(clock.monotonicMs() + streamMaxAgeMs, () =>
        this.#fail(new PubSubError("UNAVAILABLE", STREAM_RECYCLED_TEXT)),
      );
    }
  }

  configured({ isExactlyOnce, isOrdered }: DeliveryProperties): void {
    this.#properties = { exactlyOnceDeliveryEnabled: isExactlyOnce, messageOrderingEnabled: isOrdered };
    this.#owesProperties = true;
    if (this.#state.kind === "open" && this.#isDrained) this.#sendProperties();
  }

  get isExactlyOnce(): boolean {
    return this.#properties.exactlyOnceDeliveryEnabled;
  }

  settlingFailed(error: unknown): void {
    this.#fail(error);
  }

  confirmable(): void {
    this.#confirm();
  }

  deliver(batch: DeliveredBatch): void {
    const state = this.#state;
    if (state.kind !== "open") return;
    if (this.#call.isCancelled) {
      state.puller.returnLast();
      return;
    }
    this.#owesReady = true;
    if (this.#usage !== undefined) this.#usage.streamedMessages += batch.messageCount;
    this.#owesProperties = false;
    this.#send({ received: batch, subscriptionProperties: this.#properties });
    if (this.#isDrained) this.#askForMore(state.puller);
  }

  end(error: PubSubError): void {
    this.#fail(error);
  }

  /** The promise, where there is one, holds the client back until acks that wait for the disk are fewer. */
  #received(message: Uint8Array): void | Promise<void> {
    try {
      const request = scanStreamingPullRequest(message);
      if (this.#state.kind === "opening") this.#open(request);
      else this.#change(request);
      return this.#state.kind === "open" ? this.#state.settling.whenRoom() : undefined;
    } catch (error) {
      this.#fail(error);
    }
  }

  #open(request: StreamingPullScan): void {
    const { engine, rules } = this.#context;
    const opening = checkFirstRequest(rules, request);
    this.#subscription = opening.subscription;
    this.#usage = engine.subscriptionUsage(opening.subscription);
    if (this.#usage !== undefined) this.#usage.openStreams += 1;
    const puller = engine.openPuller(
      opening.subscription,
      {
        maxOutstandingMessages: opening.maxOutstandingMessages,
        maxOutstandingBytes: opening.maxOutstandingBytes,
        leaseMs: opening.leaseMs,
        isOnce: false,
        isPush: false,
        clientId: opening.clientId,
      },
      this,
    );
    const settling = new StreamSettling(this.#context, opening.subscription, this);
    this.#state = { kind: "open", opening, puller, settling };
    this.#call.sendHeaders();
    this.#sendProperties();
    settling.settle(request);
    this.#owesReady = true;
    if (this.#isDrained) this.#askForMore(puller);
  }

  #change(request: StreamingPullScan): void {
    const state = this.#state;
    if (state.kind !== "open") return;
    const leaseMs = checkLaterRequest(this.#context.rules, state.opening, request);
    if (leaseMs !== undefined) state.puller.setLeaseMs(leaseMs);
    // What the acks make room for may be delivered at once: that is an answer, too.
    this.#owesAnswer = state.opening.wantsAnswers;
    state.settling.settle(request);
    if (this.#owesAnswer && this.#isDrained) this.#send(KEEPALIVE_ANSWER);
  }

  #sendProperties(): void {
    this.#owesProperties = false;
    this.#send({ subscriptionProperties: this.#properties });
  }

  /** Sends confirmations until there are none, or no room. */
  #confirm(): void {
    const state = this.#state;
    if (state.kind !== "open" && state.kind !== "draining") return;
    const { confirmations } = state.settling;
    while (this.#isDrained && !confirmations.isEmpty) this.#send(confirmations.take());
  }

  /** Any response is an answer, and an empty one nothing else. */
  #send(parts: StreamingPullResponseParts): void {
    this.#owesAnswer = false;
    this.#usage?.streamResponses.add("OK");
    this.#isDrained = this.#call.send(encodeStreamingPullResponse(parts));
  }

  #drained(): void {
    this.#isDrained = true;
    this.#confirm();
    const state = this.#state;
    if (state.kind === "draining" && this.#isDrained) this.#endWhenIdle(state.settling);
    if (state.kind !== "open" || !this.#isDrained) return;
    if (this.#owesProperties) this.#sendProperties();
    if (this.#owesReady && this.#isDrained) this.#askForMore(state.puller);
    if (this.#owesAnswer && this.#isDrained) this.#send(KEEPALIVE_ANSWER);
  }

  #askForMore(puller: Puller): void {
    this.#owesReady = false;
    puller.ready(LIMITS.pullMessages, LIMITS.streamingPullResponseBytes);
  }

  /** The client will ack no more: nothing new is delivered, and the stream ends when its last acks are durable. */
  #halfClosed(): void {
    const state = this.#state;
    if (state.kind === "opening") {
      this.#close("OK");
      this.#call.end();
    } else if (state.kind === "open") {
      state.puller.close();
      this.#state = { kind: "draining", settling: state.settling };
      this.#endWhenIdle(state.settling);
    }
  }

  /** Ends the stream once all acks are durable and, where that is promised, confirmed; a client that reads nothing waits. */
  #endWhenIdle(settling: StreamSettling): void {
    void settling.whenIdle().then(() => {
      if (this.#state.kind !== "draining" || !settling.confirmations.isEmpty) return;
      this.#close("OK");
      this.#call.end();
    });
  }

  #fail(error: unknown): void {
    if (this.#state.kind === "closed") return;
    const { observer, rules } = this.#context;
    const worded = inProfileWords(
      rules,
      { missing: { kind: "streamedSubscription", name: this.#subscription } },
      error,
    );
    const told = toPubSubError(worded, PATH, observer);
    this.#close(told.code);
    this.#call.end(toGrpcError(told));
  }

  #close(code: PubSubError["code"] | "OK"): void {
    const state = this.#state;
    if (state.kind === "closed") return;
    this.#state = { kind: "closed" };
    this.#ageTimer?.cancel();
    if (state.kind === "open") state.puller.close();
    if (this.#usage !== undefined) {
      this.#usage.openStreams -= 1;
      if (code !== "OK") this.#usage.streamResponses.add(code);
    }
    const { observer } = this.#context;
    observer.streamClosed();
    observer.callEnded(PATH, code, performance.now() - this.#startedAtMs);
  }
}
