import { assert } from "./assert.js";
import { NO_ACCOUNT } from "./lease-table.js";
import { SequenceIndex } from "./sequence-index.js";

const NONE = -1;
const CAPACITY_MIN = 64;
/** Who holds a key of which nothing is out. */
const NOBODY = NO_ACCOUNT;
/** The list of keys of which nothing is out. List 0 means: in none; those bound to account a are in list a + 2. */
const FREE = 1;
const NO_INTEGERS = new Int32Array(0);

function grown(from: Int32Array, capacity: number): Int32Array {
  const bigger = new Int32Array(capacity).fill(NONE);
  bigger.set(from);
  return bigger;
}

/**
 * The unsettled messages of each ordering key, as far as they were met, in the order of the log.
 *
 *      out │ out │ out │ waits │ waits │ waits          one key: its front is out, its rest waits
 *
 * What is out belongs to one account, the key's holder; what waits goes to the holder, too, or to anybody when nothing is
 * out. A key with nothing unsettled has no entry. A message is a slot of the lease table; a key is known by its hash, and two
 * keys of one hash share one order.
 */
export class KeyTable {
  readonly #index = new SequenceIndex();
  // By slot.
  #keys: Int32Array = NO_INTEGERS;
  #nexts: Int32Array = NO_INTEGERS;
  #previous: Int32Array = NO_INTEGERS;
  /** 1: the message waits, but may not be handed out yet (a delay, a dead letter on its way). */
  #blocked: Int32Array = NO_INTEGERS;
  // By key.
  readonly #hashes: number[] = [];
  readonly #firsts: number[] = [];
  readonly #lasts: number[] = [];
  readonly #firstWaiting: number[] = [];
  readonly #outCounts: number[] = [];
  readonly #holders: number[] = [];
  readonly #lists: number[] = [];
  readonly #listNexts: number[] = [];
  readonly #listPrevious: number[] = [];
  readonly #freeKeys: number[] = [];
  // By list.
  readonly #listFirsts: number[] = [NONE, NONE];
  readonly #listLasts: number[] = [NONE, NONE];
  #waitingCount = 0;

  /** Keys that have an unsettled message here. */
  get keyCount(): number {
    return this.#index.size;
  }

  /** Messages here that are not out. */
  get waitingCount(): number {
    return this.#waitingCount;
  }

  has(slot: number): boolean {
    return slot < this.#keys.length && this.#keys[slot] !== NONE;
  }

  /** Whether the next message of a key, not here yet, may go to `account` at once. `isExclusive`: only if nothing is out. */
  accepts(hash: number, account: number, isExclusive: boolean): boolean {
    const key = this.#index.find(hash);
    if (key === NONE) return true;
    return !isExclusive && this.#firstWaiting[key] === NONE && this.#holders[key] === account;
  }

  /** The message follows all of its key and is out with `account` at once. `accepts` said that it may be. */
  addOut(slot: number, hash: number, account: number): void {
    const key = this.#append(slot, hash);
    assert(this.#firstWaiting[key] === NONE, "what is out is the front of its key");
    this.#takeOut(key, account);
  }

  /** The message follows all of its key and waits. */
  addWaiting(slot: number, hash: number): void {
    const key = this.#append(slot, hash);
    this.#waitingCount += 1;
    if (this.#firstWaiting[key] === NONE) this.#firstWaiting[key] = slot;
    this.#sortIn(key);
  }

  /** The message at the front of a key that may be handed to `account` now, or -1. Where there are both, `prefersFree` decides. */
  nextFor(account: number, isExclusive: boolean, prefersFree = false): number {
    const bound = isExclusive ? NONE : (this.#listFirsts[account + 2] ?? NONE);
    const free = this.#listFirsts[FREE]!;
    const key = bound === NONE || (prefersFree && free !== NONE) ? free : bound;
    return key === NONE ? NONE : this.#firstWaiting[key]!;
  }

  /** The next message of the same key, if it waits and nothing holds it back; else -1. */
  waitingBehind(slot: number): number {
    const next = this.#nexts[slot]!;
    return next !== NONE && this.#blocked[next] !== 1 ? next : NONE;
  }

  /** The first that waits of its key goes out. Its key then stands behind all others of its list. */
  takeOut(slot: number, account: number): void {
    const key = this.#keys[slot]!;
    assert(this.#firstWaiting[key] === slot, "a key's messages go out in order");
    this.#firstWaiting[key] = this.#nexts[slot]!;
    this.#waitingCount -= 1;
    this.#blocked[slot] = 0;
    this.#takeOut(key, account);
  }

  /**
   * The message, which is out, waits again, and so does everything of its key behind it. `visit` is told of those that were
   * out, the message itself included, in order.
   */
  fail(slot: number, visit: (slot: number) => void): void {
    const key = this.#keys[slot]!;
    const end = this.#firstWaiting[key]!;
    for (let at = slot; at !== end; at = this.#nexts[at]!) {
      assert(at !== NONE, "what fails was out");
      this.#outCounts[key]! -= 1;
      this.#waitingCount += 1;
      visit(at);
    }
    this.#firstWaiting[key] = slot;
    if (this.#outCounts[key] === 0) this.#holders[key] = NOBODY;
    this.#sortIn(key);
  }

  /** Holds a message that waits back, or lets it go. While it is the first that waits, its key waits with it. */
  setBlocked(slot: number, isBlocked: boolean): void {
    this.#blocked[slot] = isBlocked ? 1 : 0;
    this.#sortIn(this.#keys[slot]!);
  }

  isBlocked(slot: number): boolean {
    return this.#blocked[slot] === 1;
  }

  /** Whether everything of its key before it is out, and it is not. */
  isNext(slot: number): boolean {
    return this.#firstWaiting[this.#keys[slot]!] === slot;
  }

  /** The message of its key that comes before it, or -1. */
  before(slot: number): number {
    return this.#previous[slot]!;
  }

  /** Whether no message of its key is here that comes before it. */
  isFirst(slot: number): boolean {
    return this.#previous[slot] === NONE;
  }

  /** The message is settled. */
  remove(slot: number, isOut: boolean): void {
    const key = this.#keys[slot]!;
    const next = this.#nexts[slot]!;
    const previous = this.#previous[slot]!;
    if (previous === NONE) this.#firsts[key] = next;
    else this.#nexts[previous] = next;
    if (next === NONE) this.#lasts[key] = previous;
    else this.#previous[next] = previous;
    this.#keys[slot] = NONE;
    this.#blocked[slot] = 0;
    if (isOut) {
      this.#outCounts[key]! -= 1;
      if (this.#outCounts[key] === 0) this.#holders[key] = NOBODY;
    } else {
      this.#waitingCount -= 1;
      if (this.#firstWaiting[key] === slot) this.#firstWaiting[key] = next;
    }
    if (this.#firsts[key] === NONE) this.#forget(key);
    else this.#sortIn(key);
  }

  /** Forgets everything and gives the memory back. */
  clear(): void {
    this.#index.clear();
    this.#keys = NO_INTEGERS;
    this.#nexts = NO_INTEGERS;
    this.#previous = NO_INTEGERS;
    this.#blocked = NO_INTEGERS;
    for (const list of [this.#hashes, this.#firsts, this.#lasts, this.#firstWaiting, this.#outCounts]) list.length = 0;
    for (const list of [this.#holders, this.#lists, this.#listNexts, this.#listPrevious]) list.length = 0;
    this.#freeKeys.length = 0;
    this.#listFirsts.fill(NONE);
    this.#listLasts.fill(NONE);
    this.#waitingCount = 0;
  }

  #append(slot: number, hash: number): number {
    if (slot >= this.#keys.length) this.#grow(slot + 1);
    assert(this.#keys[slot] === NONE, "a message is added once");
    let key = this.#index.find(hash);
    if (key === NONE) key = this.#addKey(hash);
    const last = this.#lasts[key]!;
    this.#keys[slot] = key;
    this.#nexts[slot] = NONE;
    this.#previous[slot] = last;
    this.#blocked[slot] = 0;
    if (last === NONE) this.#firsts[key] = slot;
    else this.#nexts[last] = slot;
    this.#lasts[key] = slot;
    return key;
  }

  #addKey(hash: number): number {
    const key = this.#freeKeys.pop() ?? this.#hashes.length;
    this.#hashes[key] = hash;
    this.#firsts[key] = NONE;
    this.#lasts[key] = NONE;
    this.#firstWaiting[key] = NONE;
    this.#outCounts[key] = 0;
    this.#holders[key] = NOBODY;
    this.#lists[key] = 0;
    this.#index.add(hash, key);
    return key;
  }

  #forget(key: number): void {
    this.#leaveList(key);
    this.#index.remove(this.#hashes[key]!);
    this.#freeKeys.push(key);
  }

  #takeOut(key: number, account: number): void {
    this.#outCounts[key]! += 1;
    this.#holders[key] = account;
    this.#leaveList(key);
    this.#sortIn(key);
  }

  /** Puts the key into the list it belongs to now, at its end; where it is in that list already it stays in its place. */
  #sortIn(key: number): void {
    const waiting = this.#firstWaiting[key]!;
    const isReady = waiting !== NONE && this.#blocked[waiting] !== 1;
    const holder = this.#holders[key]!;
    // Nobody is handed what follows a lease that counts against nobody.
    const bound = holder === NO_ACCOUNT ? 0 : holder + 2;
    const target = !isReady ? 0 : this.#outCounts[key] === 0 ? FREE : bound;
    if (this.#lists[key] === target) return;
    this.#leaveList(key);
    if (target === 0) return;
    const last = this.#listLasts[target] ?? NONE;
    this.#lists[key] = target;
    this.#listNexts[key] = NONE;
    this.#listPrevious[key] = last;
    if (last === NONE) this.#setListFirst(target, key);
    else this.#listNexts[last] = key;
    this.#listLasts[target] = key;
  }

  #setListFirst(list: number, key: number): void {
    for (let index = this.#listFirsts.length; index <= list; index += 1) {
      this.#listFirsts.push(NONE);
      this.#listLasts.push(NONE);
    }
    this.#listFirsts[list] = key;
  }

  #leaveList(key: number): void {
    const list = this.#lists[key]!;
    if (list === 0) return;
    const next = this.#listNexts[key]!;
    const previous = this.#listPrevious[key]!;
    if (previous === NONE) this.#listFirsts[list] = next;
    else this.#listNexts[previous] = next;
    if (next === NONE) this.#listLasts[list] = previous;
    else this.#listPrevious[next] = previous;
    this.#lists[key] = 0;
  }

  #grow(needed: number): void {
    const capacity = Math.max(CAPACITY_MIN, needed, this.#keys.length * 2);
    this.#keys = grown(this.#keys, capacity);
    this.#nexts = grown(this.#nexts, capacity);
    this.#previous = grown(this.#previous, capacity);
    this.#blocked = grown(this.#blocked, capacity);
  }
}
