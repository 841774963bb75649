/** Every limit of the core. All are per subscription. */
export interface CoreLimits {
  /** Acked runs above the low watermark plus messages waiting for redelivery; at the limit nothing is delivered first. */
  readonly holesMax: number;
  /** Messages out under a lease; at the limit nothing is delivered, and no lease that has ended is extended. */
  readonly leasesMax: number;
  /** Messages one step hands out or expires; the rest follows in the next step, asked for by a wake. */
  readonly stepMessagesMax: number;
  /** Bytes of message data asked for with one `load`. */
  readonly loadBytes: number;
  /** The read-ahead takes no further block when it holds this many bytes of message data ahead. */
  readonly readAheadBytesMax: number;
  /** The read-ahead takes no further block when it holds this many messages ahead. */
  readonly readAheadMessagesMax: number;
  /** How long the read-ahead outlives the last puller, so that a client that pulls in a loop does not read all again. */
  readonly readAheadIdleMs: number;
  /** Messages of one ordering key that are handed out again before the turn of the next key. */
  readonly keyTurnMessages: number;
  /** Runs of acked messages that exactly-once remembers for ten minutes, so that an ack told again succeeds. */
  readonly ackedMemoryRuns: number;
  /** How long after a failed load the next is asked for. */
  readonly loadRetryMs: number;
}

export const DEFAULT_LIMITS: CoreLimits = {
  holesMax: 1_000_000,
  leasesMax: 1_000_000,
  stepMessagesMax: 4_096,
  loadBytes: 1024 * 1024,
  readAheadBytesMax: 1024 * 1024,
  readAheadMessagesMax: 16_384,
  readAheadIdleMs: 1_000,
  keyTurnMessages: 64,
  ackedMemoryRuns: 65_536,
  loadRetryMs: 250,
};
