import type { StatusName } from "@peal/wire/hot";

/** What the api tells whoever keeps metrics and logs. Called on the hot path: must be quick and not throw. */
export interface CallObserver {
  /**
   * A call has ended.
   *
   * @param method - The gRPC method's full path, `/google.pubsub.v1.Publisher/Publish`, also for calls over REST.
   * @param durationMs - From its first byte to its answer.
   */
  callEnded(method: string, code: StatusName, durationMs: number): void;
  /** A call met an error that is no domain error; the caller was told INTERNAL. Log it. */
  internalError(method: string, error: unknown): void;
  streamOpened(): void;
  streamClosed(): void;
}

/** An observer that does nothing. */
export const SILENT_OBSERVER: CallObserver = {
  callEnded: () => undefined,
  internalError: () => undefined,
  streamOpened: () => undefined,
  streamClosed: () => undefined,
};
