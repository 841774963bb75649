// The Subscriber's calls on resources: check, translate, call the engine, translate back.
import { clone, create } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { type Empty, EmptySchema } from "@bufbuild/protobuf/wkt";
import {
  type DeleteSubscriptionRequest,
  type GetSubscriptionRequest,
  type ListSubscriptionsRequest,
  type ListSubscriptionsResponse,
  ListSubscriptionsResponseSchema,
  type ModifyPushConfigRequest,
  PushConfigSchema,
  projectOf,
  randomResourceId,
  type SeekRequest,
  type SeekResponse,
  SeekResponseSchema,
  type Subscription,
  SubscriptionSchema,
  type UpdateSubscriptionRequest,
} from "@peal/wire";
import type { SubscriptionSettings, SubscriptionState } from "../../engine/settings.js";
import type { ApiContext } from "../api-context.js";
import { PUSH_VERSION_ATTRIBUTE } from "../push-config-message.js";
import { type CallSubjects, withProfileWords } from "../resource-errors.js";
import { subscriptionMessage, subscriptionSettings } from "../resources.js";
import { checkProjectName, checkSubscriptionName, checkTopicName } from "../validation/names.js";
import { checkSeekTarget } from "../validation/seek-rules.js";
import {
  checkSubscription,
  MASKED_SUBSCRIPTION,
  refuseUnsupportedSubscription,
} from "../validation/subscription-rules.js";
import { applyUpdateMask, checkUpdateMask, fieldsOf, type MaskPath } from "../validation/update-mask.js";
import { readPage } from "./page.js";

const DEAD_LETTER_TOPIC = "dead_letter_topic";

export async function createSubscription(context: ApiContext, request: Subscription): Promise<Subscription> {
  const { engine, rules } = context;
  const topic = checkTopicName(rules, request.topic);
  const name =
    request.name === ""
      ? `${projectOf(topic)}/subscriptions/${randomResourceId(context.random)}`
      : checkSubscriptionName(rules, request.name);
  checkSubscription(rules, request);
  await checkDeadLetterTopic(context, request);
  refuseUnsupportedSubscription(request);
  const subjects: CallSubjects = {
    missing: { kind: "topicOfSubscription", name: topic },
    existing: { kind: "subscription", name },
  };
  const settings = { ...subscriptionSettings(request), name };
  return subscriptionMessage(await withProfileWords(rules, subjects, () => engine.createSubscription(settings)));
}

export async function getSubscription(
  { engine, rules }: ApiContext,
  request: GetSubscriptionRequest,
): Promise<Subscription> {
  const name = checkSubscriptionName(rules, request.subscription);
  return subscriptionMessage(
    await withProfileWords(rules, subscriptionMissing(name), () => engine.getSubscription(name)),
  );
}

export async function updateSubscription(
  context: ApiContext,
  request: UpdateSubscriptionRequest,
): Promise<Subscription> {
  const { engine, rules } = context;
  const asked = request.subscription ?? create(SubscriptionSchema);
  const name = checkSubscriptionName(rules, asked.name);
  const paths = checkUpdateMask(MASKED_SUBSCRIPTION, request.updateMask);
  if (namesDeadLetterTopic(paths)) await checkDeadLetterTopic(context, asked);
  const updated = await withProfileWords(rules, subscriptionMissing(name), () =>
    engine.updateSubscription(name, (present) => changedSettings(context, present, asked, paths)),
  );
  return subscriptionMessage(updated);
}

export async function deleteSubscription(
  { engine, rules }: ApiContext,
  request: DeleteSubscriptionRequest,
): Promise<Empty> {
  const name = checkSubscriptionName(rules, request.subscription);
  await withProfileWords(rules, subscriptionMissing(name), () => engine.deleteSubscription(name));
  return create(EmptySchema);
}

export function listSubscriptions(
  { engine, rules }: ApiContext,
  request: ListSubscriptionsRequest,
): ListSubscriptionsResponse {
  const project = checkProjectName(rules, request.project);
  const { items, nextPageToken } = readPage({
    rules,
    list: { scope: `subscriptions of ${project}`, prefix: `${project}/subscriptions/` },
    request,
    read: (slice) => engine.listSubscriptions(project, slice),
    nameOf: (state) => state.name,
  });
  return create(ListSubscriptionsResponseSchema, { subscriptions: items.map(subscriptionMessage), nextPageToken });
}

/** Makes a subscription pushed to, or pulled from. Its backlog stays. */
export async function modifyPushConfig(
  { engine, rules }: ApiContext,
  request: ModifyPushConfigRequest,
): Promise<Empty> {
  const name = checkSubscriptionName(rules, request.subscription);
  await withProfileWords(rules, subscriptionMissing(name), () =>
    engine.updateSubscription(name, (present) => {
      const changed = subscriptionMessage(present);
      const version = present.pushConfig?.attributes[PUSH_VERSION_ATTRIBUTE];
      const config = request.pushConfig ? clone(PushConfigSchema, request.pushConfig) : create(PushConfigSchema);
      if (version !== undefined) config.attributes = { [PUSH_VERSION_ATTRIBUTE]: version, ...config.attributes };
      changed.pushConfig = config;
      checkSubscription(rules, changed, new Set(["push_config"]));
      return storedSettings(present, changed);
    }),
  );
  return create(EmptySchema);
}

export async function seek({ engine, rules }: ApiContext, request: SeekRequest): Promise<SeekResponse> {
  const name = checkSubscriptionName(rules, request.subscription);
  const target = checkSeekTarget(rules, request);
  // What is missing is the snapshot from here on.
  await withProfileWords(rules, subscriptionMissing(name), () => engine.getSubscription(name));
  const missing: CallSubjects["missing"] =
    target.kind === "snapshot" ? { kind: "snapshot", name: target.name } : { kind: "subscription", name };
  await withProfileWords(rules, { missing }, () => engine.seek(name, target));
  return create(SeekResponseSchema);
}

/** What a subscription becomes under a mask; throws where the result may not be. */
function changedSettings(
  { rules }: ApiContext,
  present: SubscriptionState,
  asked: Subscription,
  paths: readonly MaskPath[],
): SubscriptionSettings {
  const changed = subscriptionMessage(present);
  const source = clone(SubscriptionSchema, asked);
  applyUpdateMask(paths, reflect(SubscriptionSchema, changed), reflect(SubscriptionSchema, source));
  checkSubscription(rules, changed, fieldsOf(paths));
  refuseUnsupportedSubscription(changed);
  return storedSettings(present, changed);
}

/** The message of a subscription whose topic is gone does not name it any more; what is stored does. */
function storedSettings(present: SubscriptionState, changed: Subscription): SubscriptionSettings {
  return { ...subscriptionSettings(changed), name: present.name, topic: present.topic };
}

function namesDeadLetterTopic(paths: readonly MaskPath[]): boolean {
  return paths.some(
    ([field, part]) => field === "dead_letter_policy" && (part ?? DEAD_LETTER_TOPIC) === DEAD_LETTER_TOPIC,
  );
}

/** @throws PubSubError NOT_FOUND */
async function checkDeadLetterTopic({ engine, rules }: ApiContext, subscription: Subscription): Promise<void> {
  const policy = subscription.deadLetterPolicy;
  if (policy === undefined) return;
  const name = checkTopicName(rules, policy.deadLetterTopic);
  await withProfileWords(rules, { missing: { kind: "topic", name } }, () => engine.getTopic(name));
}

function subscriptionMissing(name: string): CallSubjects {
  return { missing: { kind: "subscription", name } };
}
