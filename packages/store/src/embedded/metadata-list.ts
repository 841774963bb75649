import type { Entry } from "../storage.js";
import type { MetadataRow } from "./index-rows.js";
import type { LogIndex } from "./log-index.js";

const PAGE_ROWS = 256;

type Item = readonly [key: string, entry: Entry];

/** The entries below a prefix in key order, as they are when this is called, whatever is written while they are read. */
export function listMetadata(index: LogIndex, prefix: string): MetadataList {
  const recent = new Map<string, MetadataRow>();
  for (const [key, row] of index.dirtyKeys) if (key.startsWith(prefix)) recent.set(key, row);
  return new MetadataList(index, prefix, recent);
}

/** The index's file of one instant, with what was in memory above it at that instant. Can be read once. */
export class MetadataList implements AsyncIterable<Item> {
  readonly #pages: Generator<Item[]>;

  constructor(index: LogIndex, prefix: string, recent: ReadonlyMap<string, MetadataRow>) {
    this.#pages = mergedPages(index, prefix, recent);
    // Runs up to where the snapshot is taken.
    this.#pages.next();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item> {
    try {
      for (const page of this.#pages) {
        yield* page;
        // Between pages everybody else has a turn.
        await new Promise(setImmediate);
      }
    } finally {
      this.#pages.return(undefined);
    }
  }

  *all(): Generator<Item> {
    for (const page of this.#pages) yield* page;
  }
}

function* mergedPages(index: LogIndex, prefix: string, recent: ReadonlyMap<string, MetadataRow>): Generator<Item[]> {
  const keys = [...recent.keys()].sort();
  const snapshot = index.store.snapshot();
  let next = 0;
  try {
    yield [];
    let start = prefix;
    for (let isMore = true; isMore; ) {
      const rows = snapshot.page(prefix, start, PAGE_ROWS);
      isMore = rows.length === PAGE_ROWS;
      const page: Item[] = [];
      for (const [key, row] of rows) {
        for (; next < keys.length && keys[next]! < key; next += 1) take(keys[next]!, recent.get(keys[next]!)!, page);
        if (!recent.has(key)) take(key, row, page);
        start = `${key}\0`;
      }
      if (!isMore) for (; next < keys.length; next += 1) take(keys[next]!, recent.get(keys[next]!)!, page);
      yield page;
    }
  } finally {
    snapshot.done();
  }
}

function take(key: string, row: MetadataRow, page: Item[]): void {
  if (row.value !== null) page.push([key, { value: row.value, revision: row.revision }]);
}
