import type { LogRef } from "@peal/store";
import type { SnapshotRecord } from "./resource-record.js";
import type { SnapshotState } from "./settings.js";
import type { SubscriptionHost } from "./subscription-host.js";
import type { Topic, TopicHold } from "./topic.js";

/** What a subscription had not settled at one moment, and everything published since, under a name. */
export class Snapshot implements TopicHold {
  readonly name: string;
  /** Undefined where its topic was deleted before the server's start. */
  readonly topic: Topic | undefined;
  record: SnapshotRecord;
  revision: number;
  /** Updates since the server's start. */
  configUpdates = 0;

  constructor(record: SnapshotRecord, revision: number, topic: Topic | undefined) {
    this.name = record.settings.name;
    this.record = record;
    this.revision = revision;
    this.topic = topic;
  }

  get floor(): number {
    return this.record.floor;
  }

  get hasTopic(): boolean {
    return this.topic !== undefined && !this.topic.isDeleted;
  }

  get state(): SnapshotState {
    const { settings, topic, expireAtMs } = this.record;
    return { ...settings, topic, hasTopic: this.hasTopic, expireAtMs };
  }

  /** Messages that a seek to it would leave unsettled; 0 without its topic. */
  get messageCount(): number {
    if (this.topic === undefined || !this.hasTopic) return 0;
    return this.record.backlog + this.topic.log.head - this.record.head;
  }
}

/** What a subscription had not settled at one moment. Holds its topic's log until it is taken out of `topic.holds`. */
export interface TakenSnapshot extends TopicHold {
  readonly data: Uint8Array;
  readonly backlog: number;
  /** The end of the topic's log. */
  readonly head: number;
  /** Undefined: everything was settled. */
  readonly oldestUnacked: number | undefined;
}

/** Takes what is not settled now, with every ack that was answered seen, and holds it. */
export async function takeSnapshot(host: SubscriptionHost): Promise<TakenSnapshot> {
  const { topic } = host;
  const { filter } = host.rules;
  // What a filter keeps out is not the oldest message.
  if (filter !== undefined) await host.inTurn((live) => live.countBacklog(filter));
  return host.inTurn((live) => {
    const { backlog, oldestUnackedSequence: oldestUnacked } = live.counts;
    const taken = { data: live.snapshotRecord(), floor: live.floor, backlog, head: topic.log.head, oldestUnacked };
    topic.holds.add(taken);
    return taken;
  });
}

/** The log with the contents of the snapshot of that number. */
export function snapshotLogRef(number: number): LogRef {
  return { kind: "snapshot", id: String(number), part: 0 };
}
