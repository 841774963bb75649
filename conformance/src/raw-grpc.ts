import { protos } from "@google-cloud/pubsub";
import { type ChannelOptions, Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { PullStream } from "./pull-stream.js";

type StreamingPullRequest = protos.google.pubsub.v1.IStreamingPullRequest;

/** A running unary call, seen from where the official client hides it: with its deadline and its cancellation. */
export interface RawCall {
  /** The bytes of the response; rejects with grpc-js's ServiceError. */
  readonly response: Promise<Buffer>;
  cancel(): void;
}

/** One connection of grpc-js's own, for what the official client hides: streams, headers, deadlines, bytes. */
export class RawGrpc {
  readonly #client: Client;
  readonly #streams: PullStream[] = [];

  /** @param endpoint - `host:port` of a server that speaks gRPC without TLS. */
  constructor(endpoint: string, options: ChannelOptions = {}) {
    this.#client = new Client(endpoint, credentials.createInsecure(), {
      "grpc.max_receive_message_length": -1,
      "grpc.max_send_message_length": -1,
      "grpc.use_local_subchannel_pool": 1,
      "grpc.enable_retries": 0,
      ...options,
    });
  }

  /** Starts a unary call from bytes, such as `google.pubsub.v1.Publisher/Publish`. */
  unary(method: string, request: Uint8Array, options: { deadlineMs?: number; metadata?: Metadata } = {}): RawCall {
    let cancel = (): void => undefined;
    const response = new Promise<Buffer>((resolve, reject) => {
      const call = this.#client.makeUnaryRequest(
        `/${method}`,
        (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
        (bytes: Buffer) => bytes,
        request,
        options.metadata ?? new Metadata(),
        { deadline: Date.now() + (options.deadlineMs ?? 30_000) },
        (error: ServiceError | null, value?: Buffer) => (error ? reject(error) : resolve(value ?? Buffer.alloc(0))),
      );
      cancel = () => call.cancel();
    });
    return { response, cancel };
  }

  /** Pulls as a client would that waits at most `deadlineMs`. */
  pull(subscription: string, maxMessages: number, deadlineMs: number) {
    const { PullRequest, PullResponse } = protos.google.pubsub.v1;
    const call = this.unary(
      "google.pubsub.v1.Subscriber/Pull",
      PullRequest.encode({ subscription, maxMessages }).finish(),
      { deadlineMs },
    );
    return {
      messages: call.response.then((bytes) => PullResponse.decode(bytes).receivedMessages),
      cancel: call.cancel,
    };
  }

  /** Opens a StreamingPull and sends its first request. */
  streamingPull(first: StreamingPullRequest): PullStream {
    const { StreamingPullRequest, StreamingPullResponse } = protos.google.pubsub.v1;
    const call = this.#client.makeBidiStreamRequest(
      "/google.pubsub.v1.Subscriber/StreamingPull",
      (request: StreamingPullRequest) => Buffer.from(StreamingPullRequest.encode(request).finish()),
      (bytes: Buffer) => StreamingPullResponse.decode(bytes),
      new Metadata(),
    );
    const stream = new PullStream(call);
    this.#streams.push(stream);
    stream.write(first);
    return stream;
  }

  /** Ends the connection and every stream on it. */
  close(): void {
    for (const stream of this.#streams) stream.cancel();
    this.#client.close();
  }
}
