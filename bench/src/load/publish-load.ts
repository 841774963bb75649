import type { Endpoint } from "./endpoint.js";
import { PUBLISH_PATH } from "./endpoint.js";

export interface PublishPlan {
  /** Sent in turn; each is one call. */
  readonly requests: readonly Uint8Array[];
  readonly inFlight: number;
}

/** Calls in flight, as many as planned, each followed by the next, until stopped. */
export class PublishLoad {
  readonly #endpoint: Endpoint;
  readonly #plan: PublishPlan;
  readonly #lanes: Promise<void>[] = [];
  #next = 0;
  #isRunning = true;
  #callsLeft = Number.POSITIVE_INFINITY;
  /** Calls answered so far. */
  calls = 0;

  constructor(endpoint: Endpoint, plan: PublishPlan) {
    this.#endpoint = endpoint;
    this.#plan = plan;
  }

  /** Starts; ends by itself after `callsMax` calls. */
  start(callsMax = Number.POSITIVE_INFINITY): void {
    this.#callsLeft = callsMax;
    for (let lane = 0; lane < this.#plan.inFlight; lane += 1) this.#lanes.push(this.#run());
  }

  /** Resolves when every lane has ended. */
  async finished(): Promise<void> {
    await Promise.all(this.#lanes);
  }

  stop(): Promise<void> {
    this.#isRunning = false;
    return this.finished();
  }

  async #run(): Promise<void> {
    const { requests } = this.#plan;
    while (this.#isRunning && this.#callsLeft > 0) {
      this.#callsLeft -= 1;
      const request = requests[this.#next]!;
      this.#next = (this.#next + 1) % requests.length;
      await this.#endpoint.client.unary(PUBLISH_PATH, request);
      this.calls += 1;
    }
  }
}
