import type { Write } from "@peal/store";
import type { PublishBatch } from "./engine-contract.js";

/** A block packed for a commit of somebody else's. */
export interface PackedBlock {
  readonly write: Write;
  /** It is durable at that position. To be called in the order of the commits. */
  stored(position: number): void;
}

/** A topic that takes messages with commits that do more. The same object as long as it is the same topic. */
export interface ForwardTarget {
  /** Undefined: `count` messages may be packed in this turn. Else wait, and ask again. Rejects as a commit does. */
  whenReady(count: number): Promise<void> | undefined;
  /** To be committed in the same turn: ids and publish times rise with the log. */
  pack(batch: PublishBatch): PackedBlock;
}
