import type { PubSubError } from "@peal/core";
import type { Write } from "@peal/store";

/** One record of an ack log and what must come to be with it, in one commit. */
export interface AckLogCommit {
  readonly record: Uint8Array;
  /** It replaces every record before it. */
  readonly isCheckpoint: boolean;
  /** Writes that take effect before the record, and after it. */
  readonly before?: readonly Write[];
  readonly after?: readonly Write[];
}

/** What the store answered to the writes around the record: one number each, as `Storage.commit` says. */
export interface AckLogPositions {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/**
 * Something that takes a turn of its own in an ack log, between the Steps: a seek, dead letters. Either `done` or
 * `failed` is called, once, on the engine's turn; neither where `form` has nothing to write.
 */
export interface AckLogJob {
  /**
   * Called when the log is free; the commit is sent in the same turn. Must not take what is dirty in the core.
   *
   * @returns Undefined: there is nothing to do any more.
   */
  form(): AckLogCommit | undefined;
  /** It is durable. May come after the log has ended: what was on its way then has its outcome all the same. */
  done(positions: AckLogPositions): void;
  /** Nothing of it was written; or, after UNAVAILABLE, nobody knows and the engine has stopped. */
  failed(error: PubSubError): void;
}
