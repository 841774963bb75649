/**
 * Where the attributes of a few keys lie in a block, as far as somebody has asked.
 *
 * Many filtered subscriptions of one topic ask each message for the same keys, one subscription after the other. What the
 * first one finds, the others look up. Costs 4 bytes per message and key while the block is in memory.
 */

/** Keys that are remembered per block; filters of a topic use few. Further keys are searched for each time. */
const COLUMNS_MAX = 4;

interface Column {
  /** The key as it was asked for last: whoever asks again for the same object needs no comparison. */
  key: Uint8Array;
  readonly places: Int32Array;
}

export class AttributeColumns {
  readonly #messageCount: number;
  readonly #columns: Column[] = [];
  /** What was asked for last, and the answer to it. */
  #key: Uint8Array | undefined;
  #places: Int32Array | undefined;

  constructor(messageCount: number) {
    this.#messageCount = messageCount;
  }

  /**
   * The places of a key's attributes by message: 0 where nobody has asked yet, -1 where there is none. The caller fills
   * them in.
   *
   * @param key - Kept, not copied: it never changes.
   * @returns Undefined where the key is one too many.
   */
  placesOf(key: Uint8Array): Int32Array | undefined {
    if (key !== this.#key) {
      this.#places = this.#find(key);
      this.#key = key;
    }
    return this.#places;
  }

  #find(key: Uint8Array): Int32Array | undefined {
    for (const column of this.#columns) if (column.key === key) return column.places;
    for (const column of this.#columns) {
      if (!isSame(column.key, key)) continue;
      column.key = key;
      return column.places;
    }
    if (this.#columns.length === COLUMNS_MAX) return undefined;
    const places = new Int32Array(this.#messageCount);
    this.#columns.push({ key, places });
    return places;
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at += 1) if (one[at] !== other[at]) return false;
  return true;
}
