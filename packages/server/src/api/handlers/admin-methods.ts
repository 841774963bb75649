// Every unary call that works on decoded messages, by its path: shared by gRPC and REST. Loaded with the first such call,
// since the descriptors of the messages cost more than the rest of a start.
import {
  type DescMessage,
  type DescMethod,
  type DescMethodUnary,
  fromBinary,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { IAMPolicy, Publisher, SchemaService, Subscriber } from "@peal/wire";
import type { ApiContext } from "../api-context.js";
import { invalidArgument, unsupportedMethod } from "../error-catalogue.js";
import {
  createSnapshot,
  deleteSnapshot,
  getSnapshot,
  listSnapshots,
  listTopicSnapshots,
  updateSnapshot,
} from "./snapshots.js";
import {
  createSubscription,
  deleteSubscription,
  getSubscription,
  listSubscriptions,
  modifyPushConfig,
  seek,
  updateSubscription,
} from "./subscriptions.js";
import {
  createTopic,
  deleteTopic,
  detachSubscription,
  getTopic,
  listTopicSubscriptions,
  listTopics,
  updateTopic,
} from "./topics.js";

/** One method, with the types of its messages forgotten. */
export interface AdminMethod {
  /** A serialized request in, a serialized response out. */
  callBytes(context: ApiContext, request: Uint8Array): Promise<Uint8Array>;
}

const SUPPORTED: readonly (readonly [DescMethod, AdminMethod])[] = [
  entry(Publisher.method.createTopic, createTopic),
  entry(Publisher.method.getTopic, getTopic),
  entry(Publisher.method.updateTopic, updateTopic),
  entry(Publisher.method.deleteTopic, deleteTopic),
  entry(Publisher.method.listTopics, listTopics),
  entry(Publisher.method.listTopicSubscriptions, listTopicSubscriptions),
  entry(Publisher.method.listTopicSnapshots, listTopicSnapshots),
  entry(Publisher.method.detachSubscription, detachSubscription),
  entry(Subscriber.method.createSubscription, createSubscription),
  entry(Subscriber.method.getSubscription, getSubscription),
  entry(Subscriber.method.updateSubscription, updateSubscription),
  entry(Subscriber.method.deleteSubscription, deleteSubscription),
  entry(Subscriber.method.listSubscriptions, listSubscriptions),
  entry(Subscriber.method.modifyPushConfig, modifyPushConfig),
  entry(Subscriber.method.seek, seek),
  entry(Subscriber.method.createSnapshot, createSnapshot),
  entry(Subscriber.method.getSnapshot, getSnapshot),
  entry(Subscriber.method.updateSnapshot, updateSnapshot),
  entry(Subscriber.method.deleteSnapshot, deleteSnapshot),
  entry(Subscriber.method.listSnapshots, listSnapshots),
];

/** The gRPC path of a method. */
export function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

const BY_PATH: ReadonlyMap<string, AdminMethod> = new Map(
  SUPPORTED.map(([method, handler]) => [pathOf(method), handler]),
);

/** Every method of the services, whether it is supported or not. */
export const ALL_METHODS: readonly DescMethod[] = [Publisher, Subscriber, SchemaService, IAMPolicy].flatMap(
  (service) => service.methods,
);

/**
 * Returns the method of a path such as `/google.pubsub.v1.Publisher/CreateTopic`.
 *
 * @throws PubSubError UNIMPLEMENTED for one that this server does not have.
 */
export function adminMethod(path: string): AdminMethod {
  const method = BY_PATH.get(path);
  if (method === undefined) throw unsupportedMethod(path.slice(path.lastIndexOf("/") + 1));
  return method;
}

function entry<Input extends DescMessage, Output extends DescMessage>(
  method: DescMethodUnary<Input, Output>,
  handle: (context: ApiContext, request: MessageShape<Input>) => MessageShape<Output> | Promise<MessageShape<Output>>,
): readonly [DescMethod, AdminMethod] {
  return [
    method,
    {
      callBytes: async (context, request) =>
        toBinary(method.output, await handle(context, decode(method.input, request))),
    },
  ];
}

function decode<Desc extends DescMessage>(desc: Desc, bytes: Uint8Array): MessageShape<Desc> {
  try {
    return fromBinary(desc, bytes);
  } catch (error) {
    throw invalidArgument(`The request is not a well-formed ${desc.name}.`, { cause: error });
  }
}
