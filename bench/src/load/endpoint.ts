import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { GrpcClient } from "@peal/grpc";
import {
  DeleteTopicRequestSchema,
  ModifyPushConfigRequestSchema,
  PublishRequestSchema,
  StreamingPullRequestSchema,
  SubscriptionSchema,
  TopicSchema,
} from "@peal/wire";

const PUBLISHER = "/google.pubsub.v1.Publisher";
const SUBSCRIBER = "/google.pubsub.v1.Subscriber";

export const PUBLISH_PATH = `${PUBLISHER}/Publish`;
export const ACKNOWLEDGE_PATH = `${SUBSCRIBER}/Acknowledge`;
export const STREAMING_PULL_PATH = `${SUBSCRIBER}/StreamingPull`;

export function topicName(id: string): string {
  return `projects/bench/topics/${id}`;
}

export function subscriptionName(id: string): string {
  return `projects/bench/subscriptions/${id}`;
}

/** A server that is driven, over one connection of our own client. */
export class Endpoint {
  readonly client: GrpcClient;

  constructor(port: number) {
    this.client = new GrpcClient(`127.0.0.1:${port}`);
  }

  async createTopic(id: string): Promise<void> {
    const topic = create(TopicSchema, { name: topicName(id) });
    await this.client.unary(`${PUBLISHER}/CreateTopic`, toBinary(TopicSchema, topic));
  }

  /** @param settings - What it has besides a long ack deadline. */
  async createSubscription(
    id: string,
    topicId: string,
    settings: MessageInitShape<typeof SubscriptionSchema> = {},
  ): Promise<void> {
    const subscription = create(SubscriptionSchema, {
      name: subscriptionName(id),
      topic: topicName(topicId),
      ackDeadlineSeconds: 600,
      ...settings,
    });
    await this.client.unary(`${SUBSCRIBER}/CreateSubscription`, toBinary(SubscriptionSchema, subscription));
  }

  /** Turns a subscription that is pulled from into one that is pushed. */
  async pushTo(id: string, pushEndpoint: string): Promise<void> {
    const request = create(ModifyPushConfigRequestSchema, {
      subscription: subscriptionName(id),
      pushConfig: { pushEndpoint },
    });
    await this.client.unary(`${SUBSCRIBER}/ModifyPushConfig`, toBinary(ModifyPushConfigRequestSchema, request));
  }

  async deleteTopic(id: string): Promise<void> {
    const request = create(DeleteTopicRequestSchema, { topic: topicName(id) });
    await this.client.unary(`${PUBLISHER}/DeleteTopic`, toBinary(DeleteTopicRequestSchema, request));
  }

  close(): Promise<void> {
    return this.client.close();
  }
}

/** What each message of a request has besides its data. */
export interface MessageExtras {
  readonly orderingKey?: string;
  readonly attributes?: { readonly [key: string]: string };
}

/**
 * A serialized PublishRequest of `count` messages with `messageBytes` of data each.
 *
 * @param extras - What all messages have, or what message `index` has.
 */
export function publishRequest(
  topicId: string,
  count: number,
  messageBytes: number,
  extras: MessageExtras | ((index: number) => MessageExtras) = {},
): Uint8Array {
  const data = new Uint8Array(messageBytes).fill(0x61);
  const extrasOf = typeof extras === "function" ? extras : () => extras;
  const messages = Array.from({ length: count }, (_, index) => {
    const { orderingKey = "", attributes = {} } = extrasOf(index);
    return { data, orderingKey, attributes: { ...attributes } };
  });
  return toBinary(PublishRequestSchema, create(PublishRequestSchema, { topic: topicName(topicId), messages }));
}

/** The first request of a streaming pull. */
export function openingRequest(subscriptionId: string, outstandingMax: number): Uint8Array {
  const request = create(StreamingPullRequestSchema, {
    subscription: subscriptionName(subscriptionId),
    streamAckDeadlineSeconds: 60,
    maxOutstandingMessages: BigInt(outstandingMax),
  });
  return toBinary(StreamingPullRequestSchema, request);
}
