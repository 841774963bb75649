import type { LogRef } from "@peal/store";
import type { SnapshotSettings, SnapshotState } from "./settings.js";
import type { LogHolder, Topic } from "./topic.js";

/** What the store keeps of a snapshot; its contents are a log of their own. */
export interface SnapshotRecord {
  /** Names the log of its contents; drawn once, never used again. */
  readonly number: number;
  readonly topicId: string;
  /** Full name. */
  readonly topic: string;
  /** Everything at or below was settled: the topic's log is kept above. */
  readonly floor: number;
  /** Wall clock, ms since 1970. */
  readonly expireAtMs: number;
  readonly settings: SnapshotSettings;
}

export class Snapshot implements LogHolder {
  readonly name: string;
  record: SnapshotRecord;
  revision: number;
  /** Undefined where it was gone when the server started. */
  readonly topic: Topic | undefined;

  constructor(record: SnapshotRecord, revision: number, topic: Topic | undefined) {
    this.name = record.settings.name;
    this.record = record;
    this.revision = revision;
    this.topic = topic;
  }

  /** Everything at or below was settled. */
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
}

export function snapshotLogRef(number: number): LogRef {
  return { kind: "snapshot", id: String(number), part: 0 };
}
