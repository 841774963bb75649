import type { Storage } from "@peal/store";
import type { Activity } from "./activity.js";
import type { Clock } from "./clock.js";
import type { EngineLog } from "./engine-log.js";
import { spanMs } from "./span.js";
import type { Topic } from "./topic.js";
import type { Trimmer } from "./trimmer.js";
import { Wake, type WakeQueue } from "./wake-queue.js";
import type { WallClockGuard } from "./wall-clock-guard.js";

export interface RetentionParts {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly wakes: WakeQueue;
  readonly activity: Activity;
  readonly guard: WallClockGuard;
  readonly trimmer: Trimmer;
  readonly log: EngineLog;
}

/** No message is dropped sooner after its publish than this: the shortest retention is longer by far. */
export const RETENTION_INTERVAL_MIN_MS = 15_000;
const INTERVAL_MAX_MS = 3_600_000;
/** A message may outlive its retention by this part of it. */
const INTERVALS_PER_RETENTION = 40;

/**
 * Drops messages by age: unacked ones past the subscription's retention, and whatever the topic's retention no longer
 * holds. Topics with messages are looked at from time to time; empty ones cost nothing.
 */
export class Retention {
  readonly #parts: RetentionParts;

  constructor(parts: RetentionParts) {
    this.#parts = parts;
  }

  /** What is asked of the topic's messages changed, or it has some that nobody watches: looks at it in `inMs`. */
  noteChange(topic: Topic, inMs = 0): void {
    topic.retentionWake ??= new Wake(() => void this.look(topic));
    this.#parts.wakes.set(topic.retentionWake, this.#parts.clock.monotonicMs() + inMs);
  }

  /** A topic that was found at the start: its turn comes some time before it could miss anything. */
  noteFound(topic: Topic, fraction: number): void {
    this.noteChange(topic, fraction * intervalMs(topic));
  }

  /** Undefined once the topic was looked at; else wait, or what grew too old while the server was down is delivered. */
  firstLook(topic: Topic): Promise<void> | undefined {
    return topic.isSwept || topic.log.isEmpty ? undefined : this.#sweepSafely(topic);
  }

  /** Looks at the topic at once; resolves when what is too old is gone. */
  look(topic: Topic): Promise<void> {
    return this.#parts.activity.track(this.#sweepSafely(topic));
  }

  async #sweepSafely(topic: Topic): Promise<void> {
    try {
      await this.#sweep(topic);
    } catch (error) {
      this.#parts.log.warn({ topic: topic.name, err: error }, "a topic could not be searched for old messages");
      this.noteChange(topic, INTERVAL_MAX_MS);
    }
  }

  async #sweep(topic: Topic): Promise<void> {
    if (topic.isAbandoned) return;
    this.#parts.trimmer.noteChange(topic);
    if (topic.log.isEmpty) {
      topic.retentionWake = undefined;
      return;
    }
    const pausedUntilMs = this.#parts.guard.pausedUntilMs();
    if (pausedUntilMs !== undefined) {
      this.noteChange(topic, pausedUntilMs - this.#parts.clock.monotonicMs());
      return;
    }
    const topicRetentionMs = retentionOf(topic);
    const floors = new Map<number, number>();
    if (topicRetentionMs > 0) topic.passRetention(await this.#floorAt(topic, topicRetentionMs, floors));
    for (const reader of [...topic.attached.items]) {
      reader.dropUpTo(await this.#floorAt(topic, Math.max(reader.retentionMs, topicRetentionMs), floors));
    }
    topic.isSwept = true;
    this.noteChange(topic, intervalMs(topic));
  }

  /** Everything at or below is older than `retentionMs`. */
  async #floorAt(topic: Topic, retentionMs: number, known: Map<number, number>): Promise<number> {
    const seen = known.get(retentionMs);
    if (seen !== undefined) return seen;
    const beforeMs = Math.floor(this.#parts.clock.wallMs()) - retentionMs;
    const floor = beforeMs <= 0 ? 0 : await this.#parts.storage.seekTime(topic.log.ref, beforeMs);
    known.set(retentionMs, floor);
    return floor;
  }
}

/** How long a topic may go without a look. */
function intervalMs(topic: Topic): number {
  const topicRetentionMs = retentionOf(topic);
  let shortestMs = topicRetentionMs === 0 ? Number.POSITIVE_INFINITY : topicRetentionMs;
  for (const reader of topic.attached.items) {
    shortestMs = Math.min(shortestMs, Math.max(reader.retentionMs, topicRetentionMs));
  }
  return Math.min(Math.max(shortestMs / INTERVALS_PER_RETENTION, RETENTION_INTERVAL_MIN_MS), INTERVAL_MAX_MS);
}

function retentionOf(topic: Topic): number {
  const span = topic.settings?.messageRetention;
  return span === undefined ? 0 : spanMs(span);
}
