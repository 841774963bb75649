import type { SecureContextOptions } from "node:tls";
import type { TimeSource } from "../deadline-table.js";

/** Limits and times of the server half; each has a default that suits a broker. */
export interface ServerLimits {
  /** What one stream may send unread, in bytes; 64 KiB while less than half of `windowBudgetBytes` is left. */
  readonly streamWindowBytes: number;
  /** What one connection may have under way, in bytes. */
  readonly connectionWindowBytes: number;
  /**
   * What all streams that are not read on may still send, in bytes: their windows are a promise of memory. A stream beyond
   * that is refused instead of held back.
   */
  readonly windowBudgetBytes: number;
  /** Messages that have begun to arrive, of all connections together. */
  readonly receiveBudgetBytes: number;
  /** How long a message may wait for room in the receive budget before its call ends RESOURCE_EXHAUSTED. */
  readonly receiveWaitMs: number;
  readonly connectionsMax: number;
  readonly streamsPerConnectionMax: number;
  /** A request's headers, in bytes, all of them. */
  readonly headerListBytesMax: number;
  /** A connection that has sent nothing, or not its first request's headers, is closed. */
  readonly firstBytesMs: number;
  /** A request of one message, and each message of a stream that has begun, must have come whole in this time. */
  readonly requestMs: number;
  /**
   * Answers that were written and have not left, of all connections together, in bytes. Beyond it, calls whose peers do not
   * take their answers are reset, those that have stood still for longest first.
   */
  readonly sendBudgetBytes: number;
  /** The answer of a call that has ended must have left in this time, or the call is reset. */
  readonly answerMs: number;
  /** A silent connection is pinged this often… */
  readonly keepAliveMs: number;
  /** …and closed when no answer comes. */
  readonly keepAliveTimeoutMs: number;
}

export const DEFAULT_LIMITS: ServerLimits = {
  streamWindowBytes: 8 * 2 ** 20,
  connectionWindowBytes: 16 * 2 ** 20,
  windowBudgetBytes: 256 * 2 ** 20,
  receiveBudgetBytes: 256 * 2 ** 20,
  receiveWaitMs: 10_000,
  connectionsMax: 10_000,
  streamsPerConnectionMax: 2_000,
  headerListBytesMax: 64 * 2 ** 10,
  firstBytesMs: 20_000,
  requestMs: 300_000,
  sendBudgetBytes: 256 * 2 ** 20,
  answerMs: 300_000,
  keepAliveMs: 60_000,
  keepAliveTimeoutMs: 20_000,
};

export interface TlsOptions {
  readonly key: NonNullable<SecureContextOptions["key"]>;
  readonly cert: NonNullable<SecureContextOptions["cert"]>;
}

export interface CallReport {
  readonly path: string;
  /** The status code the call ended with. */
  readonly code: number;
  readonly durationMs: number;
}

export interface ServerHooks {
  /** A handler threw something that is no GrpcError; the caller got INTERNAL. */
  readonly onError?: (error: unknown, path: string) => void;
  /** A call has ended. */
  readonly onCall?: (report: CallReport) => void;
}

export interface GrpcServerOptions {
  readonly limits?: Partial<ServerLimits>;
  readonly tls?: TlsOptions;
  /** Compresses unary answers of 1 KiB and more with gzip for callers that accept it. Off where left out. */
  readonly compressAnswers?: boolean;
  readonly hooks?: ServerHooks;
  readonly time?: TimeSource;
}
