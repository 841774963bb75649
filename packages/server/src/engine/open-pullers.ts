import type { PubSubError, PullerId } from "@peal/core";
import type { HostPuller } from "./host-puller.js";

/** The open pullers of one subscription. Costs nothing until there is one. */
export class OpenPullers {
  #pullers: Map<PullerId, HostPuller> | undefined;

  get count(): number {
    return this.#pullers?.size ?? 0;
  }

  /** All that are open now; they may close while one goes through them. */
  get items(): readonly HostPuller[] {
    return this.#pullers === undefined ? [] : [...this.#pullers.values()];
  }

  get(id: PullerId): HostPuller | undefined {
    return this.#pullers?.get(id);
  }

  add(puller: HostPuller): void {
    this.#pullers ??= new Map();
    this.#pullers.set(puller.id, puller);
  }

  delete(id: PullerId): void {
    this.#pullers?.delete(id);
  }

  endAll(error: PubSubError): void {
    for (const puller of this.items) puller.end(error);
  }
}
