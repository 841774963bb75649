/**
 * What a service gives to the server half, and what it gets for each call.
 *
 * Messages are bytes: whoever owns the protocol decodes them. Handlers run on the event loop, one call at a time, and
 * throw (or reject with) a `GrpcError` to end a call with its status; anything else thrown becomes INTERNAL with a bland
 * text, and is given to `onError`.
 */
import type { Metadata } from "./metadata.js";
import type { GrpcError } from "./status.js";

/** One call as its handler sees it. Everything that costs is made when first asked for. */
export interface ServerCall {
  /** The path, as `/package.Service/Method`. */
  readonly path: string;
  readonly metadata: Metadata;
  /** When the caller gives up, on the monotonic clock of `performance.now()`; Infinity where it said nothing. */
  readonly deadlineAtMs: number;
  /** True once the caller is gone, has cancelled, or its deadline has passed; nothing that is sent arrives any more. */
  readonly isCancelled: boolean;
  /** Calls `listener` once when `isCancelled` turns true; at once where it is already. */
  onCancel(listener: () => void): void;
  /** The same as an AbortSignal. */
  readonly signal: AbortSignal;
  /** The peer's address and port. */
  readonly peer: string;
  /** Metadata that goes out with the status. */
  readonly trailers: Metadata;
  /** Sends the response headers now; otherwise they go out with the first message. */
  sendHeaders(metadata?: Metadata): void;
}

/** A call on which the server may send any number of messages. */
export interface StreamingCall extends ServerCall {
  /**
   * Queues one message (its chunks are one message). The bytes must not change until they have left.
   *
   * @returns False when the peer or the socket does not keep up: wait for `onDrain` before the next one.
   */
  send(message: Uint8Array | readonly Uint8Array[]): boolean;
  /** Calls `listener` each time that all queued messages have left for the socket after `send` answered false. */
  onDrain(listener: () => void): void;
  /** Ends the call, with OK where no error is given, after what is queued. Further calls do nothing. */
  end(error?: GrpcError): void;
}

/** A call on which the client, too, may send any number of messages. */
export interface BidiCall extends StreamingCall {
  /**
   * Hands over each message of the client, in order. Set once, synchronously in the handler.
   * While a returned promise is pending no further message is handed over, and HTTP/2 holds the client back.
   */
  onMessage(listener: (message: Uint8Array) => void | Promise<void>): void;
  /** Calls `listener` when the client will send no more, after its last message was handled. */
  onHalfClose(listener: () => void): void;
}

interface MethodBase {
  /** The name after the slash. */
  readonly name: string;
  /** The largest request message, in bytes after decompression, framing not counted. */
  readonly maxRequestBytes: number;
  /** What a larger one is answered; RESOURCE_EXHAUSTED with a plain text where left out. */
  readonly tooLarge?: (limitBytes: number) => GrpcError;
}

export type MethodDefinition =
  | (MethodBase & {
      readonly kind: "unary";
      /** A handler that answers without waiting returns the bytes, not a promise: that is the fast path. */
      readonly handler: (request: Uint8Array, call: ServerCall) => Uint8Array | Promise<Uint8Array>;
    })
  | (MethodBase & {
      readonly kind: "serverStreaming";
      readonly handler: (request: Uint8Array, call: StreamingCall) => void | Promise<void>;
    })
  | (MethodBase & { readonly kind: "bidi"; readonly handler: (call: BidiCall) => void | Promise<void> });

export interface ServiceDefinition {
  /** The full name, `package.Service`. */
  readonly name: string;
  readonly methods: readonly MethodDefinition[];
}
