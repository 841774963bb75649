import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type BidiCall, type GrpcError, Metadata } from "@peal/grpc";
import { StreamingPullRequestSchema, StreamingPullResponseSchema } from "@peal/wire";

/** What a client sends on a streaming pull. */
export type StreamRequestFields = MessageInitShape<typeof StreamingPullRequestSchema>;

/** A stream whose socket is full or not as the test says. */
export class FakeBidiCall implements BidiCall {
  readonly path = "/google.pubsub.v1.Subscriber/StreamingPull";
  readonly metadata = new Metadata();
  readonly trailers = new Metadata();
  readonly deadlineAtMs = Number.POSITIVE_INFINITY;
  readonly peer = "127.0.0.1:1";
  readonly signal: BidiCall["signal"] = new AbortController().signal;
  readonly sent: Uint8Array[] = [];
  isCancelled = false;
  isFull = false;
  hasHeaders = false;
  ending: { readonly error: GrpcError | undefined } | undefined;
  #room = Number.POSITIVE_INFINITY;
  #message: (message: Uint8Array) => void | Promise<void> = () => undefined;
  #halfClose = (): void => undefined;
  #drain = (): void => undefined;
  #cancel = (): void => undefined;

  send(message: Uint8Array): boolean {
    this.sent.push(message);
    this.#room -= 1;
    if (this.#room <= 0) this.isFull = true;
    return !this.isFull;
  }

  sendHeaders(): void {
    this.hasHeaders = true;
  }

  end(error?: GrpcError): void {
    this.ending ??= { error };
  }

  onMessage(listener: (message: Uint8Array) => void | Promise<void>): void {
    this.#message = listener;
  }

  onHalfClose(listener: () => void): void {
    this.#halfClose = listener;
  }

  onDrain(listener: () => void): void {
    this.#drain = listener;
  }

  onCancel(listener: () => void): void {
    this.#cancel = listener;
  }

  request(fields: StreamRequestFields): void | Promise<void> {
    return this.#message(toBinary(StreamingPullRequestSchema, create(StreamingPullRequestSchema, fields)));
  }

  raw(bytes: Uint8Array): void {
    void this.#message(bytes);
  }

  halfClose(): void {
    this.#halfClose();
  }

  /** @param room - The socket is full again after so many messages. */
  drain(room = Number.POSITIVE_INFINITY): void {
    this.isFull = false;
    this.#room = room;
    this.#drain();
  }

  cancel(): void {
    this.isCancelled = true;
    this.#cancel();
  }

  get responses() {
    return this.sent.map((bytes) => fromBinary(StreamingPullResponseSchema, bytes));
  }
}
