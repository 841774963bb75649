import type { PubSubError, Subscription } from "@peal/core";
import type { AckLogCommit, AckLogJob, AckLogPositions } from "./ack-log-job.js";
import { fromStorage } from "./engine-errors.js";
import type { LiveSubscription } from "./live-subscription.js";
import { type SubscriptionRecord, subscriptionKey } from "./resource-record.js";
import { encodeJson } from "./stored-json.js";
import type { SubscriptionHost } from "./subscription-host.js";
import type { TopicHold } from "./topic.js";

type SeekPlan = Parameters<Subscription["planSeek"]>[0];

/** Retention drops nothing above `after` before `untilMs` (wall clock). */
export interface KeptBySeek {
  readonly after: number;
  readonly untilMs: number;
}

/** Where a seek leads, and until when retention drops nothing of it. */
export interface KeepingSeekPlan extends SeekPlan {
  readonly kept?: KeptBySeek;
}

/** What is under way between `form` and its outcome. */
interface Forming {
  readonly record: Uint8Array;
  readonly next: SubscriptionRecord;
  readonly lowest: number;
  readonly hold: TopicHold;
}

/** Writes a seek: a Checkpoint, and the subscription's record where that changes with it. */
export class SeekJob implements AckLogJob {
  /** Settles when it is durable and holds, or was not written. */
  readonly outcome: Promise<void>;
  readonly #host: SubscriptionHost;
  readonly #live: LiveSubscription;
  readonly #plan: () => KeepingSeekPlan;
  #forming: Forming | undefined;
  #resolve: () => void = () => undefined;
  #reject: (error: PubSubError) => void = () => undefined;

  /**
   * @param host - Nobody else changes its record meanwhile.
   * @param plan - Called when the ack log is free, in the turn in which the record is made. May throw.
   */
  constructor(host: SubscriptionHost, live: LiveSubscription, plan: () => KeepingSeekPlan) {
    this.#host = host;
    this.#live = live;
    this.#plan = plan;
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  form(): AckLogCommit | undefined {
    let plan: KeepingSeekPlan;
    let record: Uint8Array;
    try {
      plan = this.#plan();
      // Changes nothing yet: contents of a snapshot that cannot be read end this seek and nothing else.
      record = this.#live.planSeek(plan);
    } catch (error) {
      this.#reject(fromStorage(error, this.#host.name));
      return undefined;
    }
    const { record: present, revision, name, topic } = this.#host;
    const lowest = plan.kept?.after ?? plan.revivedAbove;
    const next = recordAfter(present, lowest, plan.kept);
    // Until the subscription's own floor has followed.
    const hold = { floor: Math.min(next.start, lowest) };
    topic.holds.add(hold);
    this.#forming = { record, next, lowest, hold };
    if (next === present) return { record, isCheckpoint: true };
    const put = { kind: "put", key: subscriptionKey(name), value: encodeJson(next), revision } as const;
    return { record, isCheckpoint: true, after: [put] };
  }

  done({ after: [revision] }: AckLogPositions): void {
    const { record, next, lowest, hold } = this.#forming!;
    if (revision !== undefined) this.#host.revision = revision;
    this.#host.becomeSought(this.#live, record, next, lowest);
    this.#host.topic.holds.delete(hold);
    this.#resolve();
  }

  failed(error: PubSubError): void {
    if (this.#forming !== undefined) {
      this.#host.topic.holds.delete(this.#forming.hold);
      this.#live.giveUpSeek();
    }
    this.#reject(error);
  }
}

/** The same record where nothing of it changes. */
function recordAfter(present: SubscriptionRecord, lowest: number, kept: KeptBySeek | undefined): SubscriptionRecord {
  const { start, droppedUpTo = 0 } = present;
  if (kept === undefined && lowest >= start && lowest >= droppedUpTo) return present;
  return {
    ...present,
    start: Math.min(start, lowest),
    droppedUpTo: Math.min(droppedUpTo, lowest),
    ...(kept === undefined ? {} : { heldAbove: kept.after, heldUntilMs: kept.untilMs }),
  };
}
