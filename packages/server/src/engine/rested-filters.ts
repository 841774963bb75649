/**
 * Looks at new blocks for the filtered subscriptions of one topic whose core is not in memory.
 *
 * Each filter is asked once per block, however many subscriptions share it, and nothing is done for each of them as
 * long as nothing matches: their floors are one number.
 */
import type { Filter } from "@peal/core";
import type { Block } from "./block.js";
import type { LogFollower, TopicLog } from "./topic-log.js";

/** What has come by for one subscription since it left memory. */
export interface Arrivals {
  /** Messages that matched. */
  readonly matched: number;
  /** Everything at or below is settled or does not match. */
  readonly floor: number;
  /** It is in memory again, or gone. */
  leave(): void;
}

export class RestedFilters implements LogFollower {
  readonly #log: TopicLog;
  readonly #onFloor: () => void;
  readonly #groups = new Map<string, FilterGroup>();

  /** @param onFloor - Told after a block that moved the floor of a subscription. */
  constructor(log: TopicLog, onFloor: () => void) {
    this.#log = log;
    this.#onFloor = onFloor;
  }

  /**
   * @param floor - Everything at or below is settled; undefined: nothing at all is unsettled, so the floor follows the
   *   log until something matches.
   */
  join(filter: Filter, floor: number | undefined): Arrivals {
    let group = this.#groups.get(filter.text);
    if (group === undefined) {
      if (this.#groups.size === 0) this.#log.follow(this);
      group = new FilterGroup(filter, this.#log.head, () => this.#drop(filter.text));
      this.#groups.set(filter.text, group);
    }
    return group.join(floor);
  }

  appended(block: Block): void {
    let hasMoved = false;
    for (const group of this.#groups.values()) hasMoved = group.see(block) || hasMoved;
    if (hasMoved) this.#onFloor();
  }

  #drop(text: string): void {
    this.#groups.delete(text);
    if (this.#groups.size === 0) this.#log.unfollow(this);
  }
}

/** The subscriptions of one filter. */
class FilterGroup {
  readonly #filter: Filter;
  readonly #onEmpty: () => void;
  readonly #members = new Set<GroupMember>();
  /** Those to whom nothing that is unsettled has come. */
  readonly #following = new Set<GroupMember>();
  #firstMatch = -1;
  /** Since the group began. */
  matched = 0;
  end: number;
  readonly #noteMatch = (first: number): void => {
    if (this.#firstMatch === -1) this.#firstMatch = first;
  };

  constructor(filter: Filter, end: number, onEmpty: () => void) {
    this.#filter = filter;
    this.end = end;
    this.#onEmpty = onEmpty;
  }

  join(floor: number | undefined): Arrivals {
    const member = new GroupMember(this, floor);
    this.#members.add(member);
    if (floor === undefined) this.#following.add(member);
    return member;
  }

  leave(member: GroupMember): void {
    this.#members.delete(member);
    this.#following.delete(member);
    if (this.#members.size === 0) this.#onEmpty();
  }

  /** @returns Whether a floor has moved. */
  see(block: Block): boolean {
    this.#firstMatch = -1;
    const hasFollowers = this.#following.size > 0;
    const matched = this.#filter.forEachRun(block, 0, block.count, this.#noteMatch);
    if (matched > 0) {
      const floor = block.first + this.#firstMatch - 1;
      for (const member of this.#following) member.stay(floor);
      this.#following.clear();
      this.matched += matched;
    }
    this.end = block.last;
    return hasFollowers;
  }
}

class GroupMember implements Arrivals {
  readonly #group: FilterGroup;
  readonly #matchedBefore: number;
  #floor: number | undefined;

  constructor(group: FilterGroup, floor: number | undefined) {
    this.#group = group;
    this.#matchedBefore = group.matched;
    this.#floor = floor;
  }

  get matched(): number {
    return this.#group.matched - this.#matchedBefore;
  }

  get floor(): number {
    return this.#floor ?? this.#group.end;
  }

  stay(floor: number): void {
    this.#floor = floor;
  }

  leave(): void {
    this.#group.leave(this);
  }
}
