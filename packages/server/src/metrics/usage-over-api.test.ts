// What a scrape shows after real calls, over sockets, on a store in memory and a clock that can be moved.
import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { GrpcClient, type GrpcError } from "@peal/grpc";
import { type ReceivedMessage, StreamingPullRequestSchema, StreamingPullResponseSchema } from "@peal/wire";
import { createLogger } from "../logger.js";
import { startServer } from "../start-server.js";
import { readExposition, type Series } from "./exposition.test.support.js";

const LIMIT = { timeout: 60_000 };
const TOPIC = "projects/proj/topics/topic";
const SUBSCRIPTION = "projects/proj/subscriptions/sub";
const TOPIC_LABELS = 'project_id="proj",topic_id="topic"';
const SUBSCRIPTION_LABELS = 'project_id="proj",subscription_id="sub"';
const SUCCESS = 'response_class="success",response_code="success"';

class Bed {
  readonly #url: string;
  readonly grpc: GrpcClient;

  private constructor(port: number) {
    this.#url = `http://127.0.0.1:${port}`;
    this.grpc = new GrpcClient(`127.0.0.1:${port}`);
  }

  /** A server with the topic and the subscription. */
  static async start(context: TestContext): Promise<Bed> {
    const server = await startServer({
      host: "127.0.0.1",
      port: 0,
      data: undefined,
      profile: "service",
      tls: undefined,
      hasTestClock: true,
      logger: createLogger("silent"),
    });
    const bed = new Bed(server.port);
    context.after(async () => {
      await bed.grpc.close();
      await server.drain();
    });
    await bed.call("PUT", TOPIC, {});
    await bed.call("PUT", SUBSCRIPTION, { topic: TOPIC });
    return bed;
  }

  async call(method: string, path: string, body: object, status = 200) {
    const response = await fetch(`${this.#url}/v1/${path}`, { method, body: JSON.stringify(body) });
    const text = await response.text();
    assert.equal(response.status, status, text);
    return JSON.parse(text);
  }

  async publish(...sizes: number[]): Promise<void> {
    const messages = sizes.map((size) => ({ data: Buffer.alloc(size).toString("base64") }));
    await this.call("POST", `${TOPIC}:publish`, { messages });
  }

  /** Pulls, and returns the ack ids. */
  async pull(maxMessages: number): Promise<string[]> {
    const { receivedMessages = [] } = await this.call("POST", `${SUBSCRIPTION}:pull`, { maxMessages });
    return receivedMessages.map((received: { ackId: string }) => received.ackId);
  }

  async advance(by: string): Promise<void> {
    const response = await fetch(`${this.#url}/_/clock:advance`, { method: "POST", body: JSON.stringify({ by }) });
    assert.equal(response.status, 200, await response.text());
  }

  async scrape(): Promise<Scrape> {
    const response = await fetch(`${this.#url}/metrics`);
    return new Scrape(readExposition(await response.text()));
  }

  stream(): PullStream {
    return new PullStream(this.grpc);
  }
}

class Scrape {
  constructor(readonly series: Series) {}

  /** Of the topic. */
  topic(name: string, labels = ""): number | undefined {
    return this.series.get(`pubsub_googleapis_com_topic_${name}{${TOPIC_LABELS}${labels && `,${labels}`}}`);
  }

  /** Of the subscription. */
  of(name: string, labels = ""): number | undefined {
    const all = SUBSCRIPTION_LABELS + (labels && `,${labels}`);
    return this.series.get(`pubsub_googleapis_com_subscription_${name}{${all}}`);
  }
}

/** A streaming pull whose messages can be awaited. */
class PullStream {
  readonly messages: ReceivedMessage[] = [];
  readonly ended: Promise<GrpcError | undefined>;
  readonly #send: (message: Uint8Array) => void;
  readonly halfClose: () => void;
  #wake: () => void = () => undefined;

  constructor(client: GrpcClient) {
    let end: (error: GrpcError | undefined) => void = () => undefined;
    this.ended = new Promise((resolve) => {
      end = resolve;
    });
    const bidi = client.bidi("/google.pubsub.v1.Subscriber/StreamingPull", {
      onMessage: (bytes) => {
        this.messages.push(...fromBinary(StreamingPullResponseSchema, bytes).receivedMessages);
        this.#wake();
      },
      onEnd: end,
    });
    this.#send = (message) => bidi.send(message);
    this.halfClose = () => bidi.halfClose();
  }

  send(fields: MessageInitShape<typeof StreamingPullRequestSchema>): void {
    this.#send(toBinary(StreamingPullRequestSchema, create(StreamingPullRequestSchema, fields)));
  }

  async untilMessages(count: number): Promise<string[]> {
    while (this.messages.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.messages.map((received) => received.ackId);
  }
}

test("publishes are counted by outcome, with their sizes and times", LIMIT, async (context) => {
  const bed = await Bed.start(context);
  await bed.publish(10, 20_000);
  await bed.publish(10);
  await bed.call("POST", `${TOPIC}:publish`, { messages: [{}] }, 400);
  await bed.call("POST", "projects/proj/topics/none:publish", { messages: [{ data: "AAAA" }] }, 404);
  await bed.call("PATCH", TOPIC, { topic: { labels: { a: "b" } }, updateMask: "labels" });
  const scrape = await bed.scrape();
  assert.equal(scrape.topic("send_request_count", SUCCESS), 2);
  assert.equal(scrape.topic("send_request_count", 'response_class="invalid",response_code="invalid_argument"'), 1);
  assert.equal(scrape.topic("send_request_latencies_count"), 2);
  assert.ok(scrape.topic("send_request_latencies_sum")! > 0);
  assert.equal(scrape.topic("message_sizes_count"), 3);
  assert.equal(scrape.topic("message_sizes_bucket", 'le="64"'), 2);
  assert.equal(scrape.topic("message_sizes_bucket", 'le="16384"'), 2);
  assert.equal(scrape.topic("message_sizes_bucket", 'le="65536"'), 3);
  assert.equal(scrape.topic("config_updates_count"), 1);
  assert.equal(scrape.series.get(`peal_topic_published_messages{${TOPIC_LABELS}}`), 3);
  assert.ok(![...scrape.series.keys()].some((key) => key.includes('topic_id="none"')), "a topic that is not there");
});

test("pulls, acks and nacks move what they should", LIMIT, async (context) => {
  const bed = await Bed.start(context);
  await bed.publish(1, 1, 1, 1);
  const [first, second, third] = await bed.pull(3);
  const pulled = await bed.scrape();
  assert.equal(pulled.of("num_undelivered_messages"), 4);
  assert.equal(pulled.of("num_outstanding_messages"), 3);
  assert.equal(pulled.of("sent_message_count"), 3);
  assert.equal(pulled.of("ack_latencies_count"), undefined);
  await bed.advance("5s");
  await bed.call("POST", `${SUBSCRIPTION}:acknowledge`, { ackIds: [first, second] });
  await bed.call("POST", `${SUBSCRIPTION}:modifyAckDeadline`, { ackIds: [third], ackDeadlineSeconds: 0 });
  await bed.call("POST", `${SUBSCRIPTION}:acknowledge`, { ackIds: ["nonsense"] }, 400);
  await bed.call("POST", `${SUBSCRIPTION}:pull`, { maxMessages: 0 }, 400);
  const settled = await bed.scrape();
  const invalid = 'response_class="invalid",response_code="invalid_argument"';
  assert.equal(settled.of("num_undelivered_messages"), 2);
  assert.equal(settled.of("num_outstanding_messages"), 0);
  assert.ok(settled.of("oldest_unacked_message_age")! >= 5);
  assert.equal(settled.of("ack_message_count"), 2);
  assert.equal(settled.of("mod_ack_deadline_message_count"), 1);
  assert.equal(settled.of("mod_ack_deadline_request_count", SUCCESS), 1);
  assert.equal(settled.of("pull_request_count", SUCCESS), 1);
  assert.equal(settled.of("pull_request_count", invalid), 1);
  assert.equal(settled.of("pull_message_operation_count"), 3);
  assert.equal(settled.of("pull_ack_request_count", SUCCESS), 1);
  assert.equal(settled.of("pull_ack_request_count", invalid), 1);
  assert.equal(settled.of("pull_ack_message_operation_count"), 3);
  assert.equal(settled.of("ack_latencies_count"), 2);
  assert.equal(settled.of("ack_latencies_bucket", 'le="1000"'), 0);
  assert.ok(settled.of("ack_latencies_sum")! >= 10_000);
  assert.equal(settled.of("expired_ack_deadlines_count"), 0);
  assert.equal(settled.series.get(`peal_subscription_nacked_messages{${SUBSCRIPTION_LABELS}}`), 1);
});

test("a lease that runs out is counted, and its message is sent again", LIMIT, async (context) => {
  const bed = await Bed.start(context);
  await bed.publish(1, 1);
  await bed.pull(2);
  await bed.advance("11s");
  const expired = await bed.scrape();
  assert.equal(expired.of("expired_ack_deadlines_count"), 2);
  assert.equal(expired.of("num_outstanding_messages"), 0);
  assert.equal((await bed.pull(2)).length, 2);
  assert.equal((await bed.scrape()).of("sent_message_count"), 4);
});

test("what goes over a streaming pull is counted apart", LIMIT, async (context) => {
  const bed = await Bed.start(context);
  await bed.publish(1, 1, 1);
  const stream = bed.stream();
  stream.send({ subscription: SUBSCRIPTION, streamAckDeadlineSeconds: 60 });
  const ackIds = await stream.untilMessages(3);
  assert.equal((await bed.scrape()).of("open_streaming_pulls"), 1);
  stream.send({
    ackIds: ackIds.slice(0, 2),
    modifyDeadlineAckIds: ackIds.slice(2),
    modifyDeadlineSeconds: [30],
  });
  stream.halfClose();
  assert.equal(await stream.ended, undefined);
  const closed = await bed.scrape();
  assert.equal(closed.of("open_streaming_pulls"), 0);
  assert.ok(closed.of("streaming_pull_response_count", SUCCESS)! >= 2, "the first, and those with messages");
  assert.equal(closed.of("streaming_pull_message_operation_count"), 3);
  assert.equal(closed.of("streaming_pull_ack_request_count"), 1);
  assert.equal(closed.of("streaming_pull_ack_message_operation_count"), 2);
  assert.equal(closed.of("streaming_pull_mod_ack_deadline_request_count"), 1);
  assert.equal(closed.of("streaming_pull_mod_ack_deadline_message_operation_count"), 1);
  assert.equal(closed.of("ack_message_count"), 2);
  assert.equal(closed.of("mod_ack_deadline_message_count"), 1);
  assert.equal(closed.of("pull_ack_request_count", SUCCESS), 0);
});

test("a stream that fails is no open stream, and counts by its code", LIMIT, async (context) => {
  const bed = await Bed.start(context);
  const stream = bed.stream();
  stream.send({ subscription: SUBSCRIPTION, streamAckDeadlineSeconds: 60 });
  stream.send({ ackIds: ["nonsense"] });
  assert.ok(await stream.ended);
  const scrape = await bed.scrape();
  assert.equal(scrape.of("open_streaming_pulls"), 0);
  assert.equal(
    scrape.of("streaming_pull_response_count", 'response_class="invalid",response_code="invalid_argument"'),
    1,
  );
});

test("figures outlast the rest of a subscription, and go with its deletion", LIMIT, async (context) => {
  const bed = await Bed.start(context);
  await bed.publish(1);
  await bed.call("POST", `${SUBSCRIPTION}:acknowledge`, { ackIds: await bed.pull(1) });
  await bed.call("PATCH", SUBSCRIPTION, { subscription: { ackDeadlineSeconds: 30 }, updateMask: "ackDeadlineSeconds" });
  await bed.advance("1h");
  const rested = await bed.scrape();
  assert.equal(rested.of("ack_message_count"), 1);
  assert.equal(rested.of("ack_latencies_count"), 1);
  assert.equal(rested.of("pull_message_operation_count"), 1);
  assert.equal(rested.of("config_updates_count"), 1);
  await bed.call("DELETE", SUBSCRIPTION, {});
  await bed.call("PUT", SUBSCRIPTION, { topic: TOPIC });
  const again = await bed.scrape();
  assert.equal(again.of("ack_message_count"), 0);
  assert.equal(again.of("pull_message_operation_count"), undefined);
});

test("acked messages that are retained are told", LIMIT, async (context) => {
  const bed = await Bed.start(context);
  assert.equal((await bed.scrape()).of("num_retained_acked_messages"), undefined);
  await bed.call("PATCH", SUBSCRIPTION, {
    subscription: { retainAckedMessages: true },
    updateMask: "retainAckedMessages",
  });
  await bed.publish(1, 1, 1);
  await bed.call("POST", `${SUBSCRIPTION}:acknowledge`, { ackIds: await bed.pull(2) });
  assert.equal((await bed.scrape()).of("num_retained_acked_messages"), 2);
});
