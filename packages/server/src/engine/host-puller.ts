import type { Event, PubSubError, PullerId } from "@peal/core";
import type { DeliveredBatch, Puller, PullerOptions, PullerSink } from "./engine-contract.js";
import type { DeliveryProperties } from "./settings.js";

/** What a puller needs of its subscription. */
export interface PullerHost {
  post(event: Event): void;
  /** The puller is over: tells the core, and forgets it. */
  leave(puller: PullerId): void;
  touch(): void;
}

/** One open pull or streaming pull, between the api's sink and the core. */
export class HostPuller implements Puller {
  readonly id: PullerId;
  readonly #host: PullerHost;
  readonly #sink: PullerSink;
  readonly #isOnce: boolean;
  /** Whether its leases follow the subscription's ack deadline. */
  readonly followsDeadline: boolean;
  readonly isPush: boolean;
  #lastGeneration: number | undefined;
  #maxMessages = 0;
  #maxBytes = 0;
  #isOpen = true;
  /** The core has leased it a batch that is not there yet. */
  #isReading = false;

  constructor(id: PullerId, host: PullerHost, options: PullerOptions, leaseMs: number, sink: PullerSink) {
    this.id = id;
    this.#host = host;
    this.#sink = sink;
    this.followsDeadline = options.leaseMs === undefined;
    this.isPush = options.isPush;
    this.#isOnce = options.isOnce;
    const { maxOutstandingMessages, maxOutstandingBytes, isOnce, isPush, clientId } = options;
    host.post({
      kind: "opened",
      puller: id,
      maxOutstandingMessages,
      maxOutstandingBytes,
      leaseMs,
      isOnce,
      isKeyExclusive: isPush,
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

  /** Tells what holds for everything that follows. */
  configured(properties: DeliveryProperties): void {
    if (this.#isOpen) this.#sink.configured(properties);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (!this.isPush) this.#host.touch();
    this.#leave();
  }

  /** The batch it will be given is being read, or its leases are on their way into the log. */
  await(): void {
    this.#isReading = true;
  }

  /** The batch could not be read, or its leases not be written: they end at once. */
  giveBack(generation: number): void {
    this.#isReading = false;
    this.#host.post({ kind: "returned", puller: this.id, generation });
    if (!this.#isOpen) this.#leave();
  }

  /** Hands a batch over, or gives its leases back when nobody is there any more to take it. */
  deliver(batch: DeliveredBatch, generation: number): void {
    if (!this.#isOpen) {
      this.giveBack(generation);
      return;
    }
    this.#isReading = false;
    if (batch.messageCount === 0 && !this.#isOnce) {
      // All of it was settled while it was read: the sink still waits for its answer.
      this.ready(this.#maxMessages, this.#maxBytes);
      return;
    }
    this.#lastGeneration = generation;
    if (this.#isOnce) {
      // The core has closed it with this delivery.
      this.#isOpen = false;
      this.#leave();
    }
    this.#sink.deliver(batch);
  }

  /** The subscription or the server ends it. */
  end(error: PubSubError): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#leave();
    this.#sink.end(error);
  }

  /** What is not there yet goes back first: a puller that is gone can give nothing back. */
  #leave(): void {
    if (!this.#isReading) this.#host.leave(this.id);
  }
}
