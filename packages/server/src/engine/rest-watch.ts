import type { Filter } from "@peal/core";
import { type Arrivals, RestedFilters } from "./rested-filters.js";
import type { RestedSubscription } from "./rested-subscription.js";
import type { Topic } from "./topic.js";

/** What comes by for one subscription while its core is not in memory; nothing is looked at where it has no filter. */
export class RestWatch {
  readonly #topic: Topic;
  readonly #filter: Filter | undefined;
  readonly #onFloor: (topic: Topic) => void;
  #arrivals: Arrivals | undefined;

  constructor(topic: Topic, filter: Filter | undefined, onFloor: (topic: Topic) => void) {
    this.#topic = topic;
    this.#filter = filter;
    this.#onFloor = onFloor;
  }

  /** Everything at or below is settled or kept out; undefined where nobody looks. */
  get floor(): number | undefined {
    return this.#arrivals?.floor;
  }

  /** @param floor - Everything at or below is settled; undefined: nothing at all is unsettled. */
  begin(floor: number | undefined): void {
    if (this.#filter === undefined) return;
    this.end();
    const topic = this.#topic;
    topic.restedFilters ??= new RestedFilters(topic.log, () => this.#onFloor(topic));
    this.#arrivals = topic.restedFilters.join(this.#filter, floor);
  }

  end(): void {
    this.#arrivals?.leave();
    this.#arrivals = undefined;
  }

  /** Messages not settled now, of those that `rested` had and those that came since. */
  backlogOf(rested: RestedSubscription): number {
    if (this.#arrivals === undefined) return rested.backlog(this.#topic.log.head);
    return rested.backlogWith(this.#arrivals.matched);
  }
}
