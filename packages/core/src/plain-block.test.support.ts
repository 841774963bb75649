import type { BlockView } from "./block-view.js";

/** A block whose messages have the sizes given, and neither keys nor attributes. */
export function plainBlock(first: number, sizes: readonly number[]): BlockView {
  return {
    first,
    count: sizes.length,
    publishTimeMs: 0,
    sizeBytes: (index) => {
      const size = sizes[index];
      if (size === undefined) throw new RangeError(`the block has no message ${index}`);
      return size;
    },
    orderingKey: () => "",
    findAttribute: () => -1,
    valueEquals: () => false,
    valueStartsWith: () => false,
  };
}
