import type { GrpcError } from "../status.js";
import { ClientCall, type ClientContext } from "./client-call.js";
import type { CallOptions } from "./client-options.js";

/** What an application does with the answer of a streaming call. */
export interface StreamListener {
  /**
   * Each message, in order. While a returned promise is pending none follows, and HTTP/2 holds the server back. A throw or
   * rejection ends the call INTERNAL, with the error as its cause.
   */
  onMessage(message: Uint8Array): void | Promise<void>;
  /** The call is over; undefined is OK. Called once, after the last message. */
  onEnd(error: GrpcError | undefined): void;
  /** What was sent has left, after `send` answered false. */
  onDrain?(): void;
}

/** A call whose answer is a stream of messages. */
export interface ClientStream {
  /** Ends the call CANCELLED, and tells the server. */
  cancel(): void;
}

/** A streaming call on which the client, too, sends any number of messages. */
export interface ClientBidi extends ClientStream {
  /**
   * Queues one message (its chunks are one message). The bytes must not change until the server has answered.
   *
   * @returns False while there is no connection, or the server does not keep up: wait for `onDrain`.
   */
  send(message: Uint8Array | readonly Uint8Array[]): boolean;
  /** No more messages follow; the answer goes on. */
  halfClose(): void;
}

/** Begins a call whose messages go to `listener`. */
export function beginStream(
  context: ClientContext,
  path: string,
  options: CallOptions,
  listener: StreamListener,
  request: Uint8Array | undefined,
): ClientBidi {
  const call = new ClientCall(context, path, options, {
    onMessage: (message) => listener.onMessage(message),
    onDrain: () => listener.onDrain?.(),
    onEnd: (error) => listener.onEnd(error),
  });
  if (request !== undefined) {
    call.send(request);
    call.halfClose();
  }
  call.begin();
  return call;
}
