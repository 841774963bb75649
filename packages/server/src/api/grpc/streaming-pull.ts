// StreamingPull: one stream, one puller. Messages go out one response at a time, the next when the last has left for the
// socket; acks come in on the same stream and are confirmed to nobody. Reference 3.7.
//
//   opening ──first request──▶ open ──half-close──▶ draining ──acks durable──▶ closed
//      └───────────┴──────────────┴──error, end of the puller, cancel, age──────▲
import { PubSubError } from "@peal/core";
import type { BidiCall, MethodDefinition } from "@peal/grpc";
import { encodeStreamingPullResponse, LIMITS, type StreamingPullScan, scanStreamingPullRequest } from "@peal/wire/hot";
import type { Timer } from "../../engine/clock.js";
import type { DeliveredBatch, Puller, PullerSink } from "../../engine/engine-contract.js";
import type { SubscriptionUsage } from "../../engine/subscription-usage.js";
import type { ApiContext } from "../api-context.js";
import { payloadTooLarge, STREAM_RECYCLED_TEXT } from "../error-catalogue.js";
import { inProfileWords } from "../resource-errors.js";
import { toGrpcError, toPubSubError } from "../to-status.js";
import { checkFirstRequest, checkLaterRequest, type StreamOpening } from "../validation/stream-rules.js";
import { StreamSettling } from "./stream-settling.js";

const PATH = "/google.pubsub.v1.Subscriber/StreamingPull";

/** What every stream is told of its subscription, as long as neither exactly-once nor ordering exists here. */
const PROPERTIES = { exactlyOnceDeliveryEnabled: false, messageOrderingEnabled: false };
const FIRST_RESPONSE = encodeStreamingPullResponse({ subscriptionProperties: PROPERTIES });
const KEEPALIVE_ANSWER = encodeStreamingPullResponse({});

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
  | { readonly kind: "draining" }
  | { readonly kind: "closed" };

class StreamingPull implements PullerSink {
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

  configured(): void {
    // The same for all streams yet.
  }

  deliver(batch: DeliveredBatch): void {
    const state = this.#state;
    if (state.kind !== "open") return;
    if (this.#call.isCancelled) {
      state.puller.returnLast();
      return;
    }
    this.#owesReady = true;
    this.#owesAnswer = false;
    if (this.#usage !== undefined) this.#usage.streamedMessages += batch.messageCount;
    this.#send(encodeStreamingPullResponse({ received: batch, subscriptionProperties: PROPERTIES }));
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
    const settling = new StreamSettling(this.#context, opening.subscription, (error) => this.#fail(error));
    this.#state = { kind: "open", opening, puller, settling };
    this.#call.sendHeaders();
    this.#send(FIRST_RESPONSE);
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
    if (this.#owesAnswer && this.#isDrained) this.#answer();
  }

  #answer(): void {
    this.#owesAnswer = false;
    this.#send(KEEPALIVE_ANSWER);
  }

  #send(response: Uint8Array): void {
    this.#usage?.streamResponses.add("OK");
    this.#isDrained = this.#call.send(response);
  }

  #drained(): void {
    this.#isDrained = true;
    const state = this.#state;
    if (state.kind !== "open") return;
    if (this.#owesReady) this.#askForMore(state.puller);
    if (this.#owesAnswer && this.#isDrained) this.#answer();
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
      this.#state = { kind: "draining" };
      void state.settling.whenIdle().then(() => {
        if (this.#state.kind !== "draining") return;
        this.#close("OK");
        this.#call.end();
      });
    }
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
