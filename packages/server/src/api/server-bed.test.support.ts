// A server over a real port with the real engine and a store in memory, and a grpc-js client of it.
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Client, type ClientDuplexStream, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { GrpcServer } from "@peal/grpc";
import { openMemoryStorage } from "@peal/store";
import {
  Publisher,
  type StreamingPullRequest,
  StreamingPullRequestSchema,
  type StreamingPullResponse,
  StreamingPullResponseSchema,
  Subscriber,
} from "@peal/wire";
import { Engine } from "../engine/engine.js";
import { SystemClock } from "../engine/system-clock.js";
import { createServices } from "./create-services.js";
import { pathOf } from "./handlers/admin-methods.js";

type Method<Input extends DescMessage, Output extends DescMessage> = {
  readonly input: Input;
  readonly output: Output;
} & Parameters<typeof pathOf>[0];

/** A server on a free port, and a grpc-js client of it. */
export class ServerBed {
  readonly #engine: Engine;
  readonly #server: GrpcServer;
  readonly client: Client;
  readonly url: string;

  private constructor(engine: Engine, server: GrpcServer, port: number) {
    this.#engine = engine;
    this.#server = server;
    this.url = `http://127.0.0.1:${port}`;
    this.client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      "grpc.max_receive_message_length": -1,
      "grpc.max_send_message_length": -1,
    });
  }

  static async start(): Promise<ServerBed> {
    const clock = new SystemClock();
    const engine = await Engine.open({
      storage: openMemoryStorage(),
      clock,
      random: Math.random,
      identity: "end-to-end",
      startNumber: 1,
      onFatal: (error) => {
        throw error;
      },
    });
    const { services, onHttpRequest } = createServices({ engine, clock, profile: "service" });
    const server = new GrpcServer(services, onHttpRequest);
    return new ServerBed(engine, server, await server.listen(["127.0.0.1"], 0));
  }

  async close(): Promise<void> {
    this.client.close();
    this.#server.close();
    await this.#engine.close();
  }

  call<Input extends DescMessage, Output extends DescMessage>(
    method: Method<Input, Output>,
    fields: MessageInitShape<Input>,
    deadlineMs = 10_000,
  ): Promise<MessageShape<Output>> {
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(
        pathOf(method),
        (request: MessageShape<Input>) => Buffer.from(toBinary(method.input, request)),
        (bytes) => fromBinary(method.output, bytes),
        create(method.input, fields),
        new Metadata(),
        { deadline: Date.now() + deadlineMs },
        (error, response) => {
          if (error !== null || response === undefined) reject(error);
          else resolve(response);
        },
      );
    });
  }

  stream(): PullStream {
    return new PullStream(
      this.client.makeBidiStreamRequest(
        pathOf(Subscriber.method.streamingPull),
        (request: StreamingPullRequest) => Buffer.from(toBinary(StreamingPullRequestSchema, request)),
        (bytes) => fromBinary(StreamingPullResponseSchema, bytes),
      ),
    );
  }

  async topicAndSubscription(id: string): Promise<{ topic: string; subscription: string }> {
    const topic = `projects/p/topics/${id}`;
    const subscription = `projects/p/subscriptions/${id}`;
    await this.call(Publisher.method.createTopic, { name: topic });
    await this.call(Subscriber.method.createSubscription, { name: subscription, topic });
    return { topic, subscription };
  }
}

/** A streaming pull whose responses can be awaited. */
export class PullStream {
  readonly responses: StreamingPullResponse[] = [];
  readonly ended: Promise<ServiceError | undefined>;
  #hasHeaders = false;
  readonly #waiting: (() => void)[] = [];

  constructor(readonly stream: ClientDuplexStream<StreamingPullRequest, StreamingPullResponse>) {
    stream.on("metadata", () => {
      this.#hasHeaders = true;
      this.#wake();
    });
    stream.on("data", (response: StreamingPullResponse) => {
      this.responses.push(response);
      this.#wake();
    });
    this.ended = new Promise((resolve) => {
      stream.on("error", (error: ServiceError) => resolve(error));
      stream.on("end", () => resolve(undefined));
    });
  }

  get messages() {
    return this.responses.flatMap((response) => response.receivedMessages);
  }

  send(fields: MessageInitShape<typeof StreamingPullRequestSchema>): void {
    this.stream.write(create(StreamingPullRequestSchema, fields));
  }

  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async headers(): Promise<void> {
    await this.until(() => this.#hasHeaders);
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
