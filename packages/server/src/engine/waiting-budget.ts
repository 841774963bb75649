import { tooMuchWaiting } from "./engine-errors.js";

/** Bytes of publish requests that wait for the log. A request is let in while there is room, however big it is. */
export class WaitingBudget {
  readonly #limitBytes: number;
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @throws {PubSubError} RESOURCE_EXHAUSTED when the budget is used up. */
  take(bytes: number): void {
    if (this.#bytes >= this.#limitBytes) throw tooMuchWaiting(this.#bytes);
    this.#bytes += bytes;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
  }
}
