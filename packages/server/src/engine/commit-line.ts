import type { PubSubError } from "@peal/core";
import { type Storage, StorageError, type Write } from "@peal/store";
import type { Activity } from "./activity.js";
import { unavailable } from "./engine-errors.js";

/**
 * The one way from the engine to `Storage.commit`, so that all changes share its order.
 *
 * After an `Unknown` nobody can say what is stored; the engine stops taking work, its owner is told once, and a restart
 * finds out.
 */
export class CommitLine {
  readonly #storage: Storage;
  readonly #activity: Activity;
  readonly #onFatal: (error: Error) => void;
  #failure: PubSubError | undefined;

  constructor(storage: Storage, activity: Activity, onFatal: (error: Error) => void) {
    this.#storage = storage;
    this.#activity = activity;
    this.#onFatal = onFatal;
  }

  /** Why nothing is written any more, if so. */
  get failure(): PubSubError | undefined {
    return this.#failure;
  }

  /**
   * @throws {StorageError} `Full`, `Gone`, `Fenced`: nothing was written.
   * @throws {RangeError} A limit of the store is broken: nothing was written.
   * @throws {PubSubError} UNAVAILABLE: the engine has stopped; what happened to these writes is not known.
   */
  async commit(writes: readonly Write[]): Promise<number[]> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#activity.begin();
    try {
      return await this.#storage.commit(writes);
    } catch (error) {
      if (isDefinite(error)) throw error;
      throw this.stop(error);
    } finally {
      this.#activity.end();
    }
  }

  /** A clean stop: whatever comes late is refused. */
  close(): void {
    this.#failure ??= unavailable();
  }

  /** Ends all writing; the first reason is reported. */
  stop(reason: unknown): PubSubError {
    if (this.#failure === undefined) {
      this.#failure = unavailable(reason);
      this.#onFatal(reason instanceof Error ? reason : new Error(String(reason)));
    }
    return this.#failure;
  }
}

/** Whether it is certain that nothing was written. */
function isDefinite(error: unknown): boolean {
  if (error instanceof RangeError) return true;
  return error instanceof StorageError && error.code !== "Unknown" && error.code !== "Corrupt";
}
