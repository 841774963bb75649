import type { Storage } from "@peal/store";
import type { Clock } from "./clock.js";
import type { CommitLine } from "./commit-line.js";
import { decodeJson, encodeJson } from "./stored-json.js";

const KEY = "engine/age";

/**
 * How long servers have run on this store, all starts together. Expiration is counted in it, so that time during which
 * nobody could have been active does not count. Written hourly and at a clean stop: a kill makes it an hour younger at
 * most, and what it measures expires later, never sooner.
 */
export class ServerAge {
  readonly #clock: Clock;
  readonly #openedAtMs: number;
  readonly #before: number;
  #revision: number | null;

  private constructor(clock: Clock, before: number, revision: number | null) {
    this.#clock = clock;
    this.#openedAtMs = clock.monotonicMs();
    this.#before = before;
    this.#revision = revision;
  }

  static async open(storage: Storage, clock: Clock): Promise<ServerAge> {
    const entry = await storage.get(KEY);
    if (entry === undefined) return new ServerAge(clock, 0, null);
    return new ServerAge(clock, decodeJson<{ ms: number }>(KEY, entry.value).ms, entry.revision);
  }

  nowMs(): number {
    return this.#before + this.#clock.monotonicMs() - this.#openedAtMs;
  }

  /** Calls must not overlap. */
  async write(commits: CommitLine): Promise<void> {
    const value = encodeJson({ ms: Math.floor(this.nowMs()) });
    const [revision] = await commits.commit([{ kind: "put", key: KEY, value, revision: this.#revision }]);
    this.#revision = revision!;
  }
}
