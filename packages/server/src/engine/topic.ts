import type { PublishQueue } from "./publish-queue.js";
import type { TopicRecord } from "./resource-record.js";
import type { TopicSettings } from "./settings.js";
import { SortedByName } from "./sorted-by-name.js";
import type { TopicLog } from "./topic-log.js";
import type { TopicReader } from "./topic-reader.js";
import { TopicUsage } from "./topic-usage.js";
import type { Wake } from "./wake-queue.js";

/** Something that needs the log above its floor, besides the subscriptions. */
export interface LogHolder {
  readonly name: string;
  readonly floor: number;
}

/** A topic, or what is left of a deleted one while subscriptions still read its log. */
export class Topic {
  readonly id: string;
  readonly log: TopicLog;
  /** Subscriptions that read the log, in name order. */
  readonly attached = new SortedByName<TopicReader>();
  /** Snapshots that need the log, in name order. */
  readonly snapshots = new SortedByName<LogHolder>();
  /** Subscriptions being created: their messages must stay, but nobody sees them yet. */
  readonly attaching = new Set<TopicReader>();
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
  trimWake: Wake | undefined;
  retentionWake: Wake | undefined;
  #record: TopicRecord | undefined;
  #usage: TopicUsage | undefined;

  constructor(id: string, log: TopicLog, record: TopicRecord | undefined, revision: number) {
    this.id = id;
    this.log = log;
    this.#record = record;
    this.revision = revision;
    this.retainedAfter = record?.settings.messageRetention === undefined ? Number.POSITIVE_INFINITY : 0;
  }

  /** Undefined once the topic is deleted. */
  get record(): TopicRecord | undefined {
    return this.#record;
  }

  /** Takes what was made durable. A retention that begins holds everything that is there until the next sweep. */
  change(record: TopicRecord | undefined): void {
    this.#record = record;
    if (record?.settings.messageRetention === undefined) this.retainedAfter = Number.POSITIVE_INFINITY;
    else if (this.retainedAfter === Number.POSITIVE_INFINITY) this.retainedAfter = 0;
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
