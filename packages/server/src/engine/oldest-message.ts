import type { Activity } from "./activity.js";
import type { EngineLog } from "./engine-log.js";
import type { ReadGate } from "./read-gate.js";
import type { TopicLog } from "./topic-log.js";

export interface OldestMessageParts {
  readonly reads: ReadGate;
  readonly activity: Activity;
  readonly log: EngineLog;
}

/**
 * When the oldest message of a backlog was published. A backlog that lags has its oldest message on disk: then it is
 * looked up beside other work, and the answer so far is the one of the last time.
 */
export class OldestMessage {
  readonly #log: TopicLog;
  readonly #parts: OldestMessageParts;
  /** Of the messages above `#after` up to `#upTo`. */
  #timeMs: number | undefined;
  #after = 0;
  #upTo = 0;
  #isLooking = false;

  constructor(log: TopicLog, parts: OldestMessageParts) {
    this.#log = log;
    this.#parts = parts;
  }

  /** Wall-clock time of the first message above `floor`; undefined while nothing is known of it. */
  timeMs(floor: number): number | undefined {
    const known = this.#log.knownTimeMs(floor + 1);
    if (known !== undefined) return known;
    const isCurrent = this.#after <= floor && floor < this.#upTo;
    // Only while nobody waits for a read: this is for a picture on a wall.
    if (!isCurrent && !this.#isLooking && this.#parts.reads.hasRoom) this.#look(floor);
    return this.#timeMs;
  }

  #look(floor: number): void {
    this.#isLooking = true;
    const look = async (): Promise<void> => {
      try {
        const block = await this.#log.find(floor + 1);
        this.#timeMs = block?.publishTimeMs;
        this.#after = floor;
        this.#upTo = block?.last ?? floor + 1;
      } catch (error) {
        this.#parts.log.warn({ err: error }, "the age of a backlog could not be read");
      } finally {
        this.#isLooking = false;
      }
    };
    void this.#parts.activity.track(look());
  }
}
