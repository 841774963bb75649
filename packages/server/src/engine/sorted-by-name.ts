interface Named {
  readonly name: string;
}

/** Things in the order of their names, so that a page of a list costs the page and not the list. */
export class SortedByName<T extends Named> {
  readonly #items: T[] = [];

  get length(): number {
    return this.#items.length;
  }

  /** All, in order. Not to be kept across changes. */
  get items(): readonly T[] {
    return this.#items;
  }

  get(name: string): T | undefined {
    const item = this.#items[this.#indexOf(name)];
    return item?.name === name ? item : undefined;
  }

  /** @throws Error when the name is there: a bug in the caller. */
  add(item: T): void {
    const index = this.#indexOf(item.name);
    if (this.#items[index]?.name === item.name) throw new Error(`${item.name} is there already`);
    if (index === this.#items.length) this.#items.push(item);
    else this.#items.splice(index, 0, item);
  }

  remove(name: string): void {
    const index = this.#indexOf(name);
    if (this.#items[index]?.name === name) this.#items.splice(index, 1);
  }

  /** At most `limit` items whose names begin with `prefix`, those behind the name `after`. */
  slice(prefix: string, after: string | undefined, limit: number): readonly T[] {
    let start = this.#indexOf(prefix);
    if (after !== undefined && after >= prefix) {
      start = this.#indexOf(after);
      if (this.#items[start]?.name === after) start += 1;
    }
    let end = start;
    while (end < this.#items.length && end - start < limit && this.#items[end]!.name.startsWith(prefix)) end += 1;
    return this.#items.slice(start, end);
  }

  /** The place of the first name that is not below `name`. */
  #indexOf(name: string): number {
    let low = 0;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#items[middle]!.name < name) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
