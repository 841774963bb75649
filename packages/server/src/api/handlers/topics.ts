// The Publisher's calls other than Publish: check, translate, call the engine, translate back.
import { clone, create } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { type Empty, EmptySchema } from "@bufbuild/protobuf/wkt";
import {
  type DeleteTopicRequest,
  type DetachSubscriptionRequest,
  type DetachSubscriptionResponse,
  DetachSubscriptionResponseSchema,
  type GetTopicRequest,
  type ListTopicSubscriptionsRequest,
  type ListTopicSubscriptionsResponse,
  ListTopicSubscriptionsResponseSchema,
  type ListTopicsRequest,
  type ListTopicsResponse,
  ListTopicsResponseSchema,
  type Topic,
  TopicSchema,
  type UpdateTopicRequest,
} from "@peal/wire";
import type { ApiContext } from "../api-context.js";
import { type CallSubjects, withProfileWords } from "../resource-errors.js";
import { topicMessage, topicSettings } from "../resources.js";
import { checkProjectName, checkSubscriptionName, checkTopicName } from "../validation/names.js";
import { checkTopic, MASKED_TOPIC, refuseUnsupportedTopic } from "../validation/topic-rules.js";
import { applyUpdateMask, checkUpdateMask, fieldsOf } from "../validation/update-mask.js";
import { readPage } from "./page.js";

export async function createTopic({ engine, rules }: ApiContext, topic: Topic): Promise<Topic> {
  const name = checkTopicName(rules, topic.name);
  checkTopic(rules, topic);
  refuseUnsupportedTopic(topic);
  const subjects: CallSubjects = { missing: { kind: "topic", name }, existing: { kind: "topic", name } };
  return topicMessage(await withProfileWords(rules, subjects, () => engine.createTopic(topicSettings(topic))));
}

export async function getTopic({ engine, rules }: ApiContext, request: GetTopicRequest): Promise<Topic> {
  const name = checkTopicName(rules, request.topic);
  return topicMessage(await withProfileWords(rules, topicMissing(name), () => engine.getTopic(name)));
}

export async function updateTopic({ engine, rules }: ApiContext, request: UpdateTopicRequest): Promise<Topic> {
  const asked = request.topic ?? create(TopicSchema);
  const name = checkTopicName(rules, asked.name);
  const paths = checkUpdateMask(MASKED_TOPIC, request.updateMask);
  const updated = await withProfileWords(rules, topicMissing(name), () =>
    engine.updateTopic(name, (present) => {
      const changed = topicMessage(present);
      applyUpdateMask(paths, reflect(TopicSchema, changed), reflect(TopicSchema, clone(TopicSchema, asked)));
      checkTopic(rules, changed, fieldsOf(paths));
      refuseUnsupportedTopic(changed);
      return topicSettings(changed);
    }),
  );
  return topicMessage(updated);
}

export async function deleteTopic({ engine, rules }: ApiContext, request: DeleteTopicRequest): Promise<Empty> {
  const name = checkTopicName(rules, request.topic);
  await withProfileWords(rules, topicMissing(name), () => engine.deleteTopic(name));
  return create(EmptySchema);
}

export function listTopics({ engine, rules }: ApiContext, request: ListTopicsRequest): ListTopicsResponse {
  const project = checkProjectName(rules, request.project);
  const { items, nextPageToken } = readPage({
    rules,
    list: { scope: `topics of ${project}`, prefix: `${project}/topics/` },
    request,
    read: (slice) => engine.listTopics(project, slice),
    nameOf: (settings) => settings.name,
  });
  return create(ListTopicsResponseSchema, { topics: items.map(topicMessage), nextPageToken });
}

export async function listTopicSubscriptions(
  { engine, rules }: ApiContext,
  request: ListTopicSubscriptionsRequest,
): Promise<ListTopicSubscriptionsResponse> {
  const topic = checkTopicName(rules, request.topic);
  const { items, nextPageToken } = await withProfileWords(rules, topicMissing(topic), () =>
    readPage({
      rules,
      list: {
        scope: `subscriptions of ${topic}`,
        prefix: `${topic.slice(0, topic.indexOf("/topics/"))}/subscriptions/`,
      },
      request,
      read: (slice) => engine.listTopicSubscriptions(topic, slice),
      nameOf: (name) => name,
    }),
  );
  return create(ListTopicSubscriptionsResponseSchema, { subscriptions: items, nextPageToken });
}

export async function detachSubscription(
  { engine, rules }: ApiContext,
  request: DetachSubscriptionRequest,
): Promise<DetachSubscriptionResponse> {
  const name = checkSubscriptionName(rules, request.subscription);
  await withProfileWords(rules, { missing: { kind: "subscription", name } }, () => engine.detachSubscription(name));
  return create(DetachSubscriptionResponseSchema);
}

function topicMissing(name: string): CallSubjects {
  return { missing: { kind: "topic", name } };
}
