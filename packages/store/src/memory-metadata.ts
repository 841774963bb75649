import type { Closeable, Entry } from "./storage.js";

interface Watcher {
  readonly prefix: string;
  readonly onChange: (key: string, entry: Entry | undefined) => void;
  /** The revision of the store when it began: older changes it has seen as present entries. */
  readonly seen: number;
}

/** The metadata of the memory engine: entries by key, the keys in order, and who watches them. */
export class MemoryMetadata {
  readonly #entries = new Map<string, Entry>();
  /** The keys of `#entries`, sorted. */
  readonly #keys: string[] = [];
  #watchers: Watcher[] = [];
  /** One counter for all keys, so that a key made again never has an old revision. */
  #lastRevision = 0;

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** @returns The new entry; of a deletion only the revision counts. */
  put(key: string, value: Uint8Array | null): Entry {
    this.#lastRevision += 1;
    const entry: Entry = { value: value ?? new Uint8Array(), revision: this.#lastRevision };
    const isKnown = this.#entries.has(key);
    if (value === null) {
      this.#entries.delete(key);
      if (isKnown) this.#keys.splice(this.#indexOf(key), 1);
    } else {
      this.#entries.set(key, entry);
      if (!isKnown) this.#keys.splice(this.#indexOf(key), 0, key);
    }
    return entry;
  }

  /** Reports a change to those who watch and have not seen it. */
  tell(key: string, entry: Entry | undefined, revision: number): void {
    for (const watcher of this.#watchers) {
      if (revision > watcher.seen && key.startsWith(watcher.prefix)) watcher.onChange(key, entry);
    }
  }

  entriesOf(prefix: string): (readonly [key: string, entry: Entry])[] {
    const found: (readonly [string, Entry])[] = [];
    for (let index = this.#indexOf(prefix); index < this.#keys.length; index += 1) {
      const key = this.#keys[index]!;
      if (!key.startsWith(prefix)) break;
      found.push([key, this.#entries.get(key)!]);
    }
    return found;
  }

  watch(prefix: string, onChange: Watcher["onChange"]): Closeable {
    const watcher: Watcher = { prefix, onChange, seen: this.#lastRevision };
    for (const [key, entry] of this.entriesOf(prefix)) onChange(key, entry);
    this.#watchers = [...this.#watchers, watcher];
    return {
      close: () => {
        this.#watchers = this.#watchers.filter((other) => other !== watcher);
      },
    };
  }

  /** The index of the first key that is not below `key`. */
  #indexOf(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#keys[middle]! < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
