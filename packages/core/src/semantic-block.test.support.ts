import type { BlockView } from "./block-view.js";
import type { MessageFilter } from "./delivery-rules.js";

const SIZE_BYTES = 10;
/** Attributes found: 1 for a message that matches. */
const MATCHES = 1;

/** A block of messages that have a key or none, and an attribute by which a filter knows them. */
export function semanticBlock(
  first: number,
  publishTimeMs: number,
  messages: readonly { readonly key: string; readonly isMatching: boolean }[],
): BlockView {
  const message = (index: number): { readonly key: string; readonly isMatching: boolean } => {
    const found = messages[index];
    if (found === undefined) throw new RangeError(`the block has no message ${index}`);
    return found;
  };
  return {
    first,
    count: messages.length,
    publishTimeMs,
    sizeBytes: (index) => (message(index) === undefined ? 0 : SIZE_BYTES),
    orderingKey: (index) => message(index).key,
    orderingKeyHash: (index) => (message(index).key === "" ? 0 : (message(index).key.codePointAt(0) ?? 0)),
    findAttribute: (index) => (message(index).isMatching ? MATCHES : -1),
    valueEquals: () => false,
    valueStartsWith: () => false,
  };
}

/** Takes the messages that have the attribute. */
export const plainFilter: MessageFilter = {
  matches: (block, index) => block.findAttribute(index, new Uint8Array(0)) === MATCHES,
  forEachRun(block, from, end, visit) {
    let count = 0;
    let first = -1;
    for (let index = from; index <= end; index += 1) {
      const isMatching = index < end && this.matches(block, index);
      if (isMatching) {
        if (first === -1) first = index;
        count += 1;
      } else if (first !== -1) {
        visit(first, index - 1);
        first = -1;
      }
    }
    return count;
  },
};
