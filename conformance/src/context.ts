import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { protos, v1 } from "@google-cloud/pubsub";
import type { ChannelOptions } from "@grpc/grpc-js";
import { answerOf, type ExpectedText, expectAnswer } from "./answer.js";
import type { Clock } from "./clock.js";
import type { Connection } from "./connection.js";
import { DurableServer } from "./durable-server.js";
import type { Profile } from "./profile.js";
import type { PullStream } from "./pull-stream.js";
import { type AnswerPush, PushReceiver } from "./push-receiver.js";
import { RawGrpc } from "./raw-grpc.js";
import type { JsonObject, RestResponse } from "./rest.js";
import type { StartCommand } from "./server-process.js";
import type { StatusName } from "./status.js";

type Topic = protos.google.pubsub.v1.ITopic;
type Subscription = protos.google.pubsub.v1.ISubscription;
type PubsubMessage = protos.google.pubsub.v1.IPubsubMessage;
type ReceivedMessage = protos.google.pubsub.v1.IReceivedMessage;
type StreamingPullRequest = protos.google.pubsub.v1.IStreamingPullRequest;

/** Paths that are not of one project. */
const WHOLE_PATH = /^\/(?:$|v1\/|metrics$|\.well-known\/)/;

/** What a context is made from: the server and what the run allows. */
export interface ContextParts {
  readonly connection: Connection;
  readonly profile: Profile;
  readonly clock: Clock;
  /** How to start a server of the case's own; absent where the run only has an endpoint. */
  readonly command: StartCommand | undefined;
}

/** What a case works with: an endpoint, a project of its own, and the ways to speak to both. */
export class Context {
  readonly profile: Profile;
  /** A project that no other case uses, so that lists hold what the case made and nothing else. */
  readonly project = `conf-${randomBytes(6).toString("hex")}`;
  #connection: Connection;
  #clock: Clock;
  readonly #parts: ContextParts;
  readonly #closers: (() => Promise<unknown>)[] = [];
  #nextId = 1;

  constructor(parts: ContextParts) {
    this.#parts = parts;
    this.#connection = parts.connection;
    this.#clock = parts.clock;
    this.profile = parts.profile;
  }

  get isService(): boolean {
    return this.profile === "service";
  }
  get endpoint(): string {
    return this.#connection.endpoint;
  }
  get publisher(): v1.PublisherClient {
    return this.#connection.official.publisher;
  }
  get subscriber(): v1.SubscriberClient {
    return this.#connection.official.subscriber;
  }
  get schemas(): v1.SchemaServiceClient {
    return this.#connection.official.schemas;
  }
  get raw(): RawGrpc {
    return this.#connection.raw;
  }
  get hasMovableClock(): boolean {
    return this.#clock.isMovable;
  }

  topicName(id: string): string {
    return `projects/${this.project}/topics/${id}`;
  }
  subscriptionName(id: string): string {
    return `projects/${this.project}/subscriptions/${id}`;
  }
  snapshotName(id: string): string {
    return `projects/${this.project}/snapshots/${id}`;
  }

  /** Creates a topic, with a name of its own unless given one; returns the name. */
  async createTopic(fields: Topic = {}): Promise<string> {
    const [topic] = await this.publisher.createTopic({ name: this.topicName(this.newId("topic")), ...fields });
    return topic.name ?? "";
  }

  /** Creates a subscription, with a name of its own unless given one; returns the name. */
  async createSubscription(topic: string, fields: Subscription = {}): Promise<string> {
    const name = this.subscriptionName(this.newId("sub"));
    const [subscription] = await this.subscriber.createSubscription({ name, topic, ...fields });
    return subscription.name ?? "";
  }

  /** Creates a topic and a subscription to it. */
  async createPair(fields: Subscription = {}): Promise<{ topic: string; subscription: string }> {
    const topic = await this.createTopic();
    return { topic, subscription: await this.createSubscription(topic, fields) };
  }

  /** Publishes in one request; a text becomes the data of a message. Returns the message ids. */
  async publish(topic: string, ...messages: (string | PubsubMessage)[]): Promise<string[]> {
    const request = {
      topic,
      messages: messages.map((message) => (typeof message === "string" ? { data: Buffer.from(message) } : message)),
    };
    // The generated client would join requests that are sent together into one.
    const [response] = await this.publisher.publish(request, { isBundling: false });
    return response.messageIds ?? [];
  }

  /** Pulls what is there now, at most `maxMessages` in one call, without waiting. */
  async pullNow(subscription: string, maxMessages = 100): Promise<ReceivedMessage[]> {
    const [response] = await this.subscriber.pull({ subscription, maxMessages, returnImmediately: true });
    return response.receivedMessages ?? [];
  }

  /** Pulls until `count` deliveries have come; fails when they do not come in time. */
  async pull(subscription: string, count: number, timeoutMs = 15_000): Promise<ReceivedMessage[]> {
    const messages: ReceivedMessage[] = [];
    const lastAtMs = Date.now() + timeoutMs;
    while (messages.length < count) {
      const leftMs = lastAtMs - Date.now();
      if (leftMs <= 0) throw new Error(`waited ${timeoutMs} ms for ${count} messages, got ${messages.length}`);
      const came = await this.raw
        .pull(subscription, Math.min(count - messages.length, 1000), Math.max(leftMs, 5_000))
        .messages.catch((error: unknown) => {
          // The official emulator lets a pull of nothing run into its deadline; the loop says what is missing.
          if (answerOf(error)?.code === 4) return [];
          throw error;
        });
      messages.push(...came);
    }
    return messages;
  }

  /** Fails when the subscription has something to deliver now. */
  async expectNothing(subscription: string, why: string): Promise<void> {
    assert.deepEqual((await this.pullNow(subscription)).map(dataOf), [], why);
  }

  /** Creates a snapshot, with a name of its own; returns the name. */
  async createSnapshot(subscription: string, id = this.newId("snap")): Promise<string> {
    const [snapshot] = await this.subscriber.createSnapshot({ name: this.snapshotName(id), subscription });
    return snapshot.name ?? "";
  }

  async acknowledge(subscription: string, ackIds: string[]): Promise<void> {
    await this.subscriber.acknowledge({ subscription, ackIds });
  }

  async modifyAckDeadline(subscription: string, ackIds: string[], ackDeadlineSeconds: number): Promise<void> {
    await this.subscriber.modifyAckDeadline({ subscription, ackIds, ackDeadlineSeconds });
  }

  /** Opens a StreamingPull on the shared connection; it is cancelled when the case ends. */
  openStream(subscription: string, first: StreamingPullRequest = {}): PullStream {
    const stream = this.raw.streamingPull({ subscription, streamAckDeadlineSeconds: 10, ...first });
    this.atEnd(async () => stream.cancel());
    return stream;
  }

  /** Opens a gRPC connection that the case has for itself. */
  openConnection(options: ChannelOptions = {}): RawGrpc {
    const raw = new RawGrpc(this.endpoint, options);
    this.atEnd(async () => raw.close());
    return raw;
  }

  /** Sends a REST request; `path` is what follows `/v1/projects/PROJECT`, or a whole path: see `WHOLE_PATH`. */
  rest(
    method: string,
    path: string,
    body?: JsonObject | string | Buffer,
    headers: Record<string, string> = {},
  ): Promise<RestResponse> {
    const whole = WHOLE_PATH.test(path) ? path : `/v1/projects/${this.project}${path}`;
    return this.#connection.rest.send(method, whole, body, headers);
  }

  /**
   * Fails unless the call is refused with this code. The text is compared in the service profile only: the official
   * emulator, and servers that stand in for it, word theirs differently (EMU-30).
   */
  async refuses(call: Promise<unknown>, code: StatusName, text?: ExpectedText): Promise<void> {
    let value: unknown;
    try {
      value = await call;
    } catch (error) {
      const answer = answerOf(error);
      if (answer === undefined) throw error;
      expectAnswer(answer, code, this.exactly(text));
      return;
    }
    throw new Error(`expected ${code}, but the call succeeded: ${JSON.stringify(value)?.slice(0, 200)}`);
  }

  /** Returns the text in the service profile, and nothing in the emulator profile. */
  exactly(text: ExpectedText): ExpectedText {
    return this.isService ? text : undefined;
  }

  /** Lets time pass at the server, by its test clock or by waiting. */
  advance(seconds: number): Promise<void> {
    return this.#clock.advance(seconds);
  }

  /** Starts a server that keeps its data in a fresh directory, and speaks to it from here on. */
  async startDurableServer(options: { hasTestClock?: boolean } = {}): Promise<DurableServer> {
    const { command } = this.#parts;
    assert.ok(command !== undefined, "a case with ownsServer runs only where servers can be started");
    const server = await DurableServer.start({
      command,
      profile: this.profile,
      hasTestClock: options.hasTestClock ?? false,
      onStart: (connection, clock) => {
        this.#connection = connection;
        this.#clock = clock;
      },
    });
    this.atEnd(() => server.close());
    return server;
  }

  /** Listens for pushes, by https where the profile wants that; every push is a success unless `answer` says otherwise. */
  async startReceiver(answer: AnswerPush = () => 200): Promise<PushReceiver> {
    const receiver = await PushReceiver.start(this.isService, answer);
    this.atEnd(() => receiver.close());
    return receiver;
  }

  newId(prefix: string): string {
    return `${prefix}-${this.#nextId++}`;
  }

  /** Remembers something to undo when the case is over, last first. */
  atEnd(close: () => Promise<unknown>): void {
    this.#closers.push(close);
  }

  /** Undoes what the case opened; deletes its resources where the server outlives the run. */
  async close(deleteResources: boolean): Promise<void> {
    for (const close of this.#closers.reverse()) await close();
    if (!deleteResources) return;
    const [subscriptions] = await this.#parts.connection.official.subscriber.listSubscriptions({
      project: `projects/${this.project}`,
    });
    const [topics] = await this.#parts.connection.official.publisher.listTopics({
      project: `projects/${this.project}`,
    });
    const [snapshots] = await this.#parts.connection.official.subscriber.listSnapshots({
      project: `projects/${this.project}`,
    });
    await Promise.all([
      ...snapshots.map(({ name }) =>
        this.#parts.connection.official.subscriber.deleteSnapshot({ snapshot: name ?? "" }),
      ),
      ...subscriptions.map(({ name }) =>
        this.#parts.connection.official.subscriber.deleteSubscription({ subscription: name ?? "" }),
      ),
      ...topics.map(({ name }) => this.#parts.connection.official.publisher.deleteTopic({ topic: name ?? "" })),
    ]);
  }
}

/** Returns the data of a delivery as text. */
export function dataOf(received: ReceivedMessage): string {
  return Buffer.from((received.message?.data ?? "") as Uint8Array).toString("utf8");
}

/** Returns the ack id of a delivery. */
export function ackIdOf(received: ReceivedMessage | undefined): string {
  assert.ok(received?.ackId, "a delivery carries an ack id");
  return received.ackId;
}

/** Returns whole seconds of a duration in any of the forms that the clients give them. */
export function secondsOf(duration: protos.google.protobuf.IDuration | null | undefined): number | undefined {
  return duration === null || duration === undefined ? undefined : Number(String(duration.seconds ?? 0));
}
