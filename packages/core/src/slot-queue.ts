/** The lists of slots without a deadline: those that can be handed out by this order, and all others. */
const WAITING = 0;
const ASIDE = 1;
const NONE = -1;
const CAPACITY_MIN = 64;
const NO_LINKS = new Int32Array(0);

function grown(links: Int32Array, capacity: number): Int32Array {
  const bigger = new Int32Array(capacity);
  bigger.set(links);
  return bigger;
}

/**
 * Slots in order: one list of those that wait, one of those set aside, and one for each deadline that somebody has.
 *
 * A slot is always in exactly one list, linked through its own fields, so moving it costs no search and leaves nothing
 * behind. The deadlines are in a heap; those of one batch share a list, so the heap holds batches, not messages.
 */
export class SlotQueue {
  #nexts: Int32Array = NO_LINKS;
  #previous: Int32Array = NO_LINKS;
  /** Which list a slot is in. */
  #lists: Int32Array = NO_LINKS;

  readonly #firsts: number[] = [NONE, NONE];
  readonly #lasts: number[] = [NONE, NONE];
  readonly #deadlines: number[] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  /** Where a list is in the heap. */
  readonly #heapPlaces: number[] = [NONE, NONE];
  readonly #freeLists: number[] = [];
  readonly #heap: number[] = [];
  readonly #listByDeadline = new Map<number, number>();
  /** The list found last: the slots of a batch come one after another. */
  #recentList = NONE;

  /** The earliest deadline, or Infinity. */
  get nextDeadlineAtMs(): number {
    const list = this.#heap[0];
    return list === undefined ? Number.POSITIVE_INFINITY : this.#deadlines[list]!;
  }

  /** The slot that waits longest, or -1. */
  get firstWaiting(): number {
    return this.#firsts[WAITING]!;
  }

  /** A slot of the earliest deadline, or -1. */
  get firstDue(): number {
    const list = this.#heap[0];
    return list === undefined ? NONE : this.#firsts[list]!;
  }

  deadlineAtMs(slot: number): number {
    return this.#deadlines[this.#lists[slot]!]!;
  }

  /** Puts a slot that is in no list at the end of those that wait. */
  addWaiting(slot: number): void {
    this.#link(slot, WAITING);
  }

  /** Puts a slot that is in no list among those set aside. */
  setAside(slot: number): void {
    this.#link(slot, ASIDE);
  }

  /** Puts a slot that is in no list at the end of those with this deadline. */
  addDue(slot: number, deadlineAtMs: number): void {
    this.#link(slot, this.#listOf(deadlineAtMs));
  }

  remove(slot: number): void {
    const list = this.#lists[slot]!;
    const next = this.#nexts[slot]!;
    const previous = this.#previous[slot]!;
    if (previous === NONE) this.#firsts[list] = next;
    else this.#nexts[previous] = next;
    if (next === NONE) this.#lasts[list] = previous;
    else this.#previous[next] = previous;
    if (list > ASIDE && this.#firsts[list] === NONE) this.#dropList(list);
  }

  /** Forgets everything and gives the memory of the links back. */
  clear(): void {
    for (const list of [this.#firsts, this.#lasts, this.#deadlines, this.#heapPlaces]) list.length = ASIDE + 1;
    this.#firsts.fill(NONE);
    this.#lasts.fill(NONE);
    this.#freeLists.length = 0;
    this.#heap.length = 0;
    this.#listByDeadline.clear();
    this.#recentList = NONE;
    this.#nexts = NO_LINKS;
    this.#previous = NO_LINKS;
    this.#lists = NO_LINKS;
  }

  #link(slot: number, list: number): void {
    if (slot >= this.#nexts.length) this.#grow(slot + 1);
    const last = this.#lasts[list]!;
    this.#lists[slot] = list;
    this.#nexts[slot] = NONE;
    this.#previous[slot] = last;
    if (last === NONE) this.#firsts[list] = slot;
    else this.#nexts[last] = slot;
    this.#lasts[list] = slot;
  }

  #grow(needed: number): void {
    const capacity = Math.max(CAPACITY_MIN, needed, this.#nexts.length * 2);
    this.#nexts = grown(this.#nexts, capacity);
    this.#previous = grown(this.#previous, capacity);
    this.#lists = grown(this.#lists, capacity);
  }

  #listOf(deadlineAtMs: number): number {
    if (this.#recentList !== NONE && this.#deadlines[this.#recentList] === deadlineAtMs) return this.#recentList;
    let list = this.#listByDeadline.get(deadlineAtMs);
    if (list === undefined) {
      list = this.#freeLists.pop() ?? this.#firsts.length;
      this.#firsts[list] = NONE;
      this.#lasts[list] = NONE;
      this.#deadlines[list] = deadlineAtMs;
      this.#listByDeadline.set(deadlineAtMs, list);
      this.#heap.push(list);
      this.#rise(this.#heap.length - 1, list);
    }
    this.#recentList = list;
    return list;
  }

  #dropList(list: number): void {
    this.#listByDeadline.delete(this.#deadlines[list]!);
    if (this.#recentList === list) this.#recentList = NONE;
    this.#freeLists.push(list);
    const place = this.#heapPlaces[list]!;
    const moved = this.#heap.pop()!;
    if (moved === list) return;
    this.#rise(place, moved);
    this.#sink(this.#heapPlaces[moved]!, moved);
  }

  #rise(from: number, list: number): void {
    const deadlineAtMs = this.#deadlines[list]!;
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >>> 1;
      const other = this.#heap[parent]!;
      if (this.#deadlines[other]! <= deadlineAtMs) break;
      this.#put(place, other);
      place = parent;
    }
    this.#put(place, list);
  }

  #sink(from: number, list: number): void {
    const deadlineAtMs = this.#deadlines[list]!;
    let place = from;
    for (;;) {
      let child = place * 2 + 1;
      if (child >= this.#heap.length) break;
      const right = child + 1;
      if (right < this.#heap.length && this.#deadlines[this.#heap[right]!]! < this.#deadlines[this.#heap[child]!]!) {
        child = right;
      }
      const other = this.#heap[child]!;
      if (this.#deadlines[other]! >= deadlineAtMs) break;
      this.#put(place, other);
      place = child;
    }
    this.#put(place, list);
  }

  #put(place: number, list: number): void {
    this.#heap[place] = list;
    this.#heapPlaces[list] = place;
  }
}
