import type { Event, PubSubError, PullerId } from "@peal/core";
import type { DeliveredBatch, Puller, PullerOptions, PullerSink } from "./engine-contract.js";

/** What a puller needs of its subscription. */
export interface PullerHost {
  post(event: Event): void;
  forget(puller: PullerId): void;
  touch(): void;
}

/** One open pull or streaming pull, between the api's sink and the core. */
export class HostPuller implements Puller {
  readonly id: PullerId;
  readonly #host: PullerHost;
  readonly #sink: PullerSink;
  /** Whether its leases follow the subscription's ack deadline. */
  readonly followsDeadline: boolean;
  #lastGeneration: number | undefined;
  #maxMessages = 0;
  #maxBytes = 0;
  #isOpen = true;

  constructor(id: PullerId, host: PullerHost, options: PullerOptions, leaseMs: number, sink: PullerSink) {
    this.id = id;
    this.#host = host;
    this.#sink = sink;
    this.followsDeadline = options.leaseMs === undefined;
    const { maxOutstandingMessages, maxOutstandingBytes, isOnce, clientId } = options;
    host.post({
      kind: "opened",
      puller: id,
      maxOutstandingMessages,
      maxOutstandingBytes,
      leaseMs,
      isOnce,
      clientId,
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  ready(maxMessages: number, maxBytes: number): void {
    if (!this.#isOpen) return;
    this.#maxMessages = maxMessages;
    this.#maxBytes = maxBytes;
    this.#host.post({ kind: "ready", puller: this.id, maxMessages, maxBytes });
  }

  setLeaseMs(leaseMs: number): void {
    if (this.#isOpen) this.#host.post({ kind: "leaseLengthChanged", puller: this.id, leaseMs });
  }

  returnLast(): void {
    const generation = this.#lastGeneration;
    if (generation === undefined) return;
    this.#lastGeneration = undefined;
    this.#host.post({ kind: "returned", puller: this.id, generation });
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#host.touch();
    this.#host.post({ kind: "closed", puller: this.id });
    this.#host.forget(this.id);
  }

  /** Hands a batch over, or gives its leases back when nobody is there any more to take it. */
  deliver(batch: DeliveredBatch, generation: number): void {
    if (!this.#isOpen) {
      this.#host.post({ kind: "returned", puller: this.id, generation });
      return;
    }
    if (batch.messageCount === 0) {
      // All of it was settled while it was read: the sink still waits for its answer.
      this.ready(this.#maxMessages, this.#maxBytes);
      return;
    }
    this.#lastGeneration = generation;
    this.#sink.deliver(batch);
  }

  /** The subscription or the server ends it. */
  end(error: PubSubError): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#host.forget(this.id);
    this.#sink.end(error);
  }
}
