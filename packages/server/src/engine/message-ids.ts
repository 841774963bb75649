import type { Storage } from "@peal/store";
import type { Clock } from "./clock.js";
import type { CommitLine } from "./commit-line.js";
import { decodeJson, encodeJson } from "./stored-json.js";

const KEY = "engine/message-ids";
/**
 * Ids are promised to the store this far ahead: a minute of the clock, or 60 M ids. So a commit in half a minute is
 * enough, and after a kill the ids are at most a minute ahead of the clock.
 */
const WINDOW = 60_000_000;

/**
 * Numbers that were never given before: the greater of the last one plus one and the microseconds since 1970. One
 * counter serves message ids, topics and subscriptions. Before a number is given, the store knows a bound above it;
 * a start begins at that bound, so neither a kill nor a clock set back makes a number come again.
 */
export class MessageIds {
  readonly #commits: CommitLine;
  readonly #clock: Clock;
  #last: number;
  #below: number;
  #revision: number | null;
  #raising: Promise<void> | undefined;

  private constructor(commits: CommitLine, clock: Clock, below: number, revision: number | null) {
    this.#commits = commits;
    this.#clock = clock;
    this.#last = below - 1;
    this.#below = below;
    this.#revision = revision;
  }

  static async open(storage: Storage, commits: CommitLine, clock: Clock): Promise<MessageIds> {
    const entry = await storage.get(KEY);
    if (entry === undefined) return new MessageIds(commits, clock, 1, null);
    const { below } = decodeJson<{ below: number }>(KEY, entry.value);
    return new MessageIds(commits, clock, below, entry.revision);
  }

  /** Undefined when `count` numbers may be taken at once; else wait, and ask again. Rejects as `CommitLine.commit` does. */
  reserve(count: number): Promise<void> | undefined {
    const last = this.#next() + count;
    if (last >= this.#below) return this.#raise(last);
    if (last >= this.#below - WINDOW / 2 && this.#raising === undefined) {
      // Ahead of need; a failure is told to who needs it, when they need it.
      this.#raise(last).catch(() => undefined);
    }
    return undefined;
  }

  /** The first of `count` numbers in a row. Call `reserve` in the same turn before. */
  take(count: number): number {
    const first = this.#next();
    if (first + count > this.#below) throw new Error(`${count} ids taken without a promise above ${this.#below}`);
    this.#last = first + count - 1;
    return first;
  }

  /** One number, when the store allows. */
  async draw(): Promise<number> {
    for (;;) {
      const wait = this.reserve(1);
      if (wait === undefined) return this.take(1);
      await wait;
    }
  }

  /** Makes the bound exact, so that the next start goes on where this one ended. Nothing may be taken afterwards. */
  async close(): Promise<void> {
    await this.#raising;
    if (this.#revision !== null) await this.#put(this.#last + 1);
  }

  #next(): number {
    return Math.max(this.#last + 1, Math.floor(this.#clock.wallMs() * 1_000));
  }

  #raise(last: number): Promise<void> {
    this.#raising ??= this.#put(last + WINDOW).finally(() => {
      this.#raising = undefined;
    });
    return this.#raising;
  }

  async #put(below: number): Promise<void> {
    const value = encodeJson({ below });
    const [revision] = await this.#commits.commit([{ kind: "put", key: KEY, value, revision: this.#revision }]);
    this.#revision = revision!;
    this.#below = below;
  }
}
