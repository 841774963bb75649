import type { PublishQueue } from "./publish-queue.js";
import type { TopicRecord } from "./resource-record.js";
import type { RestedFilters } from "./rested-filters.js";
import type { TopicSettings } from "./settings.js";
import { SortedByName } from "./sorted-by-name.js";
import type { TopicLog } from "./topic-log.js";
import type { TopicReader } from "./topic-reader.js";
import { TopicUsage } from "./topic-usage.js";
import type { Wake } from "./wake-queue.js";

/** What must stay in a topic's log for somebody: everything above `floor`. */
export interface TopicHold {
  readonly floor: number;
}

interface NamedHold extends TopicHold {
  readonly name: string;
}

/** A topic, or what is left of a deleted one while subscriptions still read its log. */
export class Topic {
  readonly id: string;
  readonly log: TopicLog;
  /** Subscriptions that read the log, in name order. */
  readonly attached = new SortedByName<TopicReader>();
  /** Subscriptions being created: their messages must stay, but nobody sees them yet. */
  readonly attaching = new Set<TopicReader>();
  /** Its snapshots, in name order. They hold its log as long as it lives. */
  readonly snapshots = new SortedByName<NamedHold>();
  /** What seeks and creations of snapshots that are under way need. */
  readonly holds = new Set<TopicHold>();
  revision: number;
  /** Made with the first publish. */
  publishes: PublishQueue | undefined;
  /** Settles with a deletion under way; publishes and subscriptions wait for its outcome. */
  deleting: Promise<unknown> | undefined;
  /** Messages at or below are past the topic's own retention; Infinity where it has none. */
  retainedAfter: number;
  /** The log is trimmed up to here. */
  trimmedUpTo = 0;
  /** Messages that were stored since the server's start. */
  messageCount = 0;
  /** Whether messages past their retention were looked for since the server's start. */
  isSwept = false;
  /** Made with the first filtered subscription that is not in memory. */
  restedFilters: RestedFilters | undefined;
  trimWake: Wake | undefined;
  retentionWake: Wake | undefined;
  #record: TopicRecord | undefined;
  #usage: TopicUsage | undefined;

  constructor(id: string, log: TopicLog, record: TopicRecord | undefined, revision: number) {
    this.id = id;
    this.log = log;
    this.#record = record;
    this.revision = revision;
    this.retainedAfter = retainedAfterOf(record);
  }

  /** Undefined once the topic is deleted. */
  get record(): TopicRecord | undefined {
    return this.#record;
  }

  /** Takes what was made durable. What was past a retention stays past a longer one. */
  change(record: TopicRecord | undefined): void {
    this.#record = record;
    const retainedAfter = retainedAfterOf(record);
    const goesOn = this.retainedAfter !== Number.POSITIVE_INFINITY && retainedAfter !== Number.POSITIVE_INFINITY;
    this.retainedAfter = goesOn ? Math.max(this.retainedAfter, retainedAfter) : retainedAfter;
  }

  /** Everything at or below `floor` is past the topic's retention, if it has one. */
  passRetention(floor: number): void {
    if (this.retainedAfter !== Number.POSITIVE_INFINITY) this.retainedAfter = Math.max(this.retainedAfter, floor);
  }

  /** What its readers' floors do not show but must stay: everything above the answer. */
  get heldAfter(): number {
    let floor = Number.POSITIVE_INFINITY;
    for (const hold of this.holds) floor = Math.min(floor, hold.floor);
    // Without its topic a snapshot leads nowhere.
    if (!this.isDeleted) for (const snapshot of this.snapshots.items) floor = Math.min(floor, snapshot.floor);
    return floor;
  }

  /** Made with the first question. */
  get usage(): TopicUsage {
    this.#usage ??= new TopicUsage();
    return this.#usage;
  }

  /** Undefined: nothing was asked of it. */
  get knownUsage(): TopicUsage | undefined {
    return this.#usage;
  }

  get isDeleted(): boolean {
    return this.#record === undefined;
  }

  /** Whether nobody reads the log and nobody will. */
  get isAbandoned(): boolean {
    return this.#record === undefined && this.attached.length === 0 && this.attaching.size === 0;
  }

  get name(): string {
    return this.#record?.settings.name ?? "";
  }

  get settings(): TopicSettings | undefined {
    return this.#record?.settings;
  }
}

function retainedAfterOf(record: TopicRecord | undefined): number {
  if (record?.settings.messageRetention === undefined) return Number.POSITIVE_INFINITY;
  return record.retainedAfter ?? 0;
}
