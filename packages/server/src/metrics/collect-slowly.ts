/** Takes a long list in slices, so that other work has its turn. */
import { setImmediate as nextTurn } from "node:timers/promises";

const ITEMS_PER_SLICE = 250;

/**
 * Copies named items from a source that may change between two slices. An item that moved in the list meanwhile comes
 * once; one that came or went may be missing.
 */
export async function collectSlowly<T extends { readonly name: string }>(source: Iterable<T>): Promise<readonly T[]> {
  const found = new Map<string, T>();
  let untilPause = ITEMS_PER_SLICE;
  for (const item of source) {
    found.set(item.name, item);
    untilPause -= 1;
    if (untilPause > 0) continue;
    untilPause = ITEMS_PER_SLICE;
    await nextTurn();
  }
  return [...found.values()];
}
