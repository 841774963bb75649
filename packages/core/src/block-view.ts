import type { AttributeIndex } from "./filter/attribute-index.js";

/**
 * What the core may know of a block: the messages' sizes, keys and attributes, never their data.
 *
 * The engine owns the block's format and implements this without decoding payloads. Indexes count from 0; the sequence
 * of a message is `first + index`.
 */
export interface BlockView extends AttributeIndex {
  readonly first: number;
  readonly count: number;
  /** Wall-clock time of the publish, in ms since 1970. */
  readonly publishTimeMs: number;
  /** The message as the publisher sent it, in bytes: what flow control counts. */
  sizeBytes(index: number): number;
  /** The ordering key, or "" where it has none. */
  orderingKey(index: number): string;
  /** A hash of the ordering key's bytes, a safe integer from 1; 0 where it has none. */
  orderingKeyHash(index: number): number;
}
