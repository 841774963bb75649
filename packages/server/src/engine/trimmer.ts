import type { Clock } from "./clock.js";
import type { CommitLine } from "./commit-line.js";
import type { EngineLimits } from "./engine-limits.js";
import type { EngineLog } from "./engine-log.js";
import type { Topic } from "./topic.js";
import { Wake, type WakeQueue } from "./wake-queue.js";

export interface TrimmerParts {
  readonly commits: CommitLine;
  readonly clock: Clock;
  readonly wakes: WakeQueue;
  readonly limits: EngineLimits;
  readonly log: EngineLog;
}

/** Subscriptions of one topic whose ack logs are read at once only to learn where they stand. */
const LOADS_PER_TRIM = 4;

/** How soon a topic that takes much is trimmed: not with every ack. */
const BUSY_INTERVAL_MS = 100;

/** Gives up what no subscription and no retention needs any more: now and then, and sooner where there is much of it. */
export class Trimmer {
  readonly #parts: TrimmerParts;

  constructor(parts: TrimmerParts) {
    this.#parts = parts;
  }

  /** Something moved that may let the topic's log be trimmed. */
  noteChange(topic: Topic): void {
    topic.trimWake ??= new Wake(() => this.#trim(topic));
    const { trimBytes, trimIntervalMs } = this.#parts.limits;
    const delayMs = topic.log.bytesSinceTrim >= trimBytes ? BUSY_INTERVAL_MS : trimIntervalMs;
    const atMs = this.#parts.clock.monotonicMs() + delayMs;
    if (atMs < topic.trimWake.atMs) this.#parts.wakes.set(topic.trimWake, atMs);
  }

  #trim(topic: Topic): void {
    if (topic.isAbandoned || this.#parts.commits.failure !== undefined) return;
    const upTo = this.#floorOf(topic);
    if (upTo <= topic.trimmedUpTo) return;
    topic.trimmedUpTo = upTo;
    topic.log.bytesSinceTrim = 0;
    this.#parts.commits.commit([{ kind: "trim", log: topic.log.ref, upTo }]).catch((error: unknown) => {
      // A stopped engine has told already.
      if (this.#parts.commits.failure !== undefined) return;
      this.#parts.log.warn({ topic: topic.name, err: error }, "a topic could not be trimmed");
      topic.trimmedUpTo = 0;
      this.noteChange(topic);
    });
  }

  #floorOf(topic: Topic): number {
    let floor = Math.min(topic.log.head, topic.retainedAfter, topic.heldAfter);
    let loads = 0;
    for (const reader of topic.attached.items) {
      floor = Math.min(floor, reader.trimFloor);
      if (!reader.isFloorKnown && loads < LOADS_PER_TRIM) {
        loads += 1;
        reader.load();
      }
    }
    for (const reader of topic.attaching) floor = Math.min(floor, reader.trimFloor);
    return floor;
  }
}
