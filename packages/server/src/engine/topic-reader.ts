/** A subscription, as its topic sees it. */
export interface TopicReader {
  readonly name: string;
  /** How long an unacked message is kept, in ms. */
  readonly retentionMs: number;
  /** Everything at or below may leave the topic's log, as far as this reader is concerned. */
  readonly trimFloor: number;
  /** False while `trimFloor` may lie below the truth; `load` finds out. */
  readonly isFloorKnown: boolean;
  load(): void;
  /** Everything at or below `floor` is past retention. */
  dropUpTo(floor: number): void;
}
