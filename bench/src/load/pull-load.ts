import type { ClientBidi } from "@peal/grpc";
import { AckCollector } from "./ack-collector.js";
import { ACKNOWLEDGE_PATH, type Endpoint, openingRequest, STREAMING_PULL_PATH, subscriptionName } from "./endpoint.js";

export interface PullPlan {
  readonly subscriptionId: string;
  readonly outstandingMax: number;
  readonly idsPerAck: number;
}

/** One streaming pull whose messages are acked by unary calls, as the official clients do. */
export class PullLoad {
  readonly #endpoint: Endpoint;
  readonly #collector: AckCollector;
  readonly #stream: ClientBidi;
  #failure: Error | undefined;
  #isStopped = false;
  #acksUnderWay = 0;
  #onIdle: (() => void) | undefined;
  /** Messages received, and messages whose ack was answered. */
  received = 0;
  acked = 0;

  constructor(endpoint: Endpoint, plan: PullPlan) {
    this.#endpoint = endpoint;
    const name = subscriptionName(plan.subscriptionId);
    this.#collector = new AckCollector(name, plan.idsPerAck, (request, count) => this.#ack(request, count));
    this.#stream = endpoint.client.bidi(STREAMING_PULL_PATH, {
      onMessage: (message) => {
        this.received += this.#collector.take(message);
        // The tail of a backlog is smaller than a request of ids.
        setImmediate(() => {
          if (this.received - this.acked < plan.outstandingMax / 2 && this.#acksUnderWay === 0) this.#collector.flush();
        });
      },
      onEnd: (error) => {
        if (!this.#isStopped) this.#failure = error ?? new Error("the stream ended by itself");
      },
    });
    this.#stream.send(openingRequest(plan.subscriptionId, plan.outstandingMax));
  }

  /** Throws what went wrong, if something did. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#stream.cancel();
    if (this.#acksUnderWay > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
  }

  #ack(request: Uint8Array, count: number): void {
    this.#acksUnderWay += 1;
    this.#endpoint.client.unary(ACKNOWLEDGE_PATH, request).then(
      () => {
        this.acked += count;
        this.#settle();
      },
      (error: unknown) => {
        this.#failure = error instanceof Error ? error : new Error(String(error));
        this.#settle();
      },
    );
  }

  #settle(): void {
    this.#acksUnderWay -= 1;
    if (this.#acksUnderWay === 0) this.#onIdle?.();
  }
}
