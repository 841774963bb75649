import { type CoreLimits, DEFAULT_LIMITS } from "@peal/core";

/** Every limit of the engine that may be set. */
export interface EngineLimits {
  /** Requests share a block up to this many bytes; a bigger request is a block of its own. */
  readonly blockBytes: number;
  /** Requests share a block up to this many messages. */
  readonly blockMessages: number;
  /** Bytes of publish requests that may wait for the log, in all topics; beyond it publishes are refused. */
  readonly waitingBytes: number;
  /** Bytes of recent blocks kept in memory, all topics together. */
  readonly tailCacheBytes: number;
  /** Reads of the store under way at once, so that commits never wait behind them. */
  readonly readsInFlight: number;
  /** Steps weigh at least this much before a Checkpoint replaces them. */
  readonly checkpointBytes: number;
  /** A subscription without pullers and leases leaves memory after this long. */
  readonly idleMs: number;
  /** What a topic's log no longer needs is given up after this long, */
  readonly trimIntervalMs: number;
  /** or sooner where this much was appended since the last time. */
  readonly trimBytes: number;
  /** How long a Step that found no space waits before it is written again. */
  readonly fullRetryMs: number;
  readonly core: CoreLimits;
}

export const DEFAULT_ENGINE_LIMITS: EngineLimits = {
  blockBytes: 1024 * 1024,
  blockMessages: 4_096,
  waitingBytes: 64 * 1024 * 1024,
  tailCacheBytes: 64 * 1024 * 1024,
  readsInFlight: 2,
  checkpointBytes: 64 * 1024,
  idleMs: 10_000,
  trimIntervalMs: 10_000,
  trimBytes: 1024 * 1024,
  fullRetryMs: 1_000,
  core: DEFAULT_LIMITS,
};
