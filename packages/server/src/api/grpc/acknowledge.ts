// Acknowledge and ModifyAckDeadline: ack ids are read from the request's bytes and given to the engine. Reference 1.3, 3.3.
import {
  type AckIdList,
  LIMITS,
  type SubscriptionName,
  scanAcknowledgeRequest,
  scanModifyAckDeadlineRequest,
} from "@peal/wire/hot";
import type { AckFailure } from "../../engine/engine-contract.js";
import type { ResponseCounts } from "../../engine/response-counts.js";
import { ackIdsFailed } from "../ack-failures.js";
import type { ApiContext } from "../api-context.js";
import { badAckDeadline, malformedAckId, noAckIds } from "../error-catalogue.js";
import { inProfileWords } from "../resource-errors.js";
import { codeOf } from "../to-status.js";
import { checkSubscriptionName } from "../validation/names.js";
import type { UnaryMethod } from "./unary-method.js";

/** A serialized google.protobuf.Empty. */
const EMPTY = new Uint8Array(0);

/** No server ever made an ack id this long; refused before the engine would repeat it in an error. */
const LONGEST_ACK_ID = 512;

/**
 * Acks the ids of a serialized AcknowledgeRequest; all of them, or none where one is malformed. Under exactly-once each id
 * stands for itself, and those that failed are in the details of the error.
 */
export function acknowledgeMethod(context: ApiContext): UnaryMethod {
  return {
    path: "/google.pubsub.v1.Subscriber/Acknowledge",
    maxRequestBytes: LIMITS.ackRequestPayloadBytes,
    handle: (request) => {
      const { subscription, ackIds } = scanAcknowledgeRequest(request);
      const name = checkSubscriptionName(context.rules, subscription);
      const usage = context.engine.subscriptionUsage(name);
      if (usage !== undefined) usage.ackIds += ackIds.count;
      return settled(context, name, usage?.ackRequests, () => {
        if (ackIds.count === 0) throw noAckIds();
        return context.engine.acknowledge(name, readSubscriptionAckIds(context, name, ackIds));
      });
    },
  };
}

/** Moves the deadlines of the ids of a serialized ModifyAckDeadlineRequest; fails as `acknowledgeMethod` does. */
export function modifyAckDeadlineMethod(context: ApiContext): UnaryMethod {
  return {
    path: "/google.pubsub.v1.Subscriber/ModifyAckDeadline",
    maxRequestBytes: LIMITS.ackRequestPayloadBytes,
    handle: (request) => {
      const { subscription, ackIds, ackDeadlineSeconds } = scanModifyAckDeadlineRequest(request);
      const name = checkSubscriptionName(context.rules, subscription);
      return settled(context, name, context.engine.subscriptionUsage(name)?.modifyRequests, () => {
        if (ackIds.count === 0) throw noAckIds();
        checkModifySeconds(ackDeadlineSeconds);
        const ids = readSubscriptionAckIds(context, name, ackIds);
        return context.engine.modifyAckDeadline(name, ids, ackDeadlineSeconds);
      });
    },
  };
}

/** @throws PubSubError INVALID_ARGUMENT where a changed deadline is not 0 to 600 seconds. */
export function checkModifySeconds(seconds: number): void {
  const { min, max } = LIMITS.modifyAckDeadlineSeconds;
  if (seconds < min || seconds > max) throw badAckDeadline(seconds, min, max);
}

/**
 * Reads ack ids as text.
 *
 * @throws PubSubError INVALID_ARGUMENT for one that is longer than any ack id.
 */
export function readAckIds(ackIds: AckIdList): string[] {
  const { lengths } = ackIds;
  for (let index = 0; index < ackIds.count; index += 1) {
    if (lengths[index]! > LONGEST_ACK_ID) throw malformedAckId(ackIds.text(index));
  }
  return ackIds.texts();
}

/** Reads ack ids as text: where each one stands for itself, also those that are too long. */
function readSubscriptionAckIds({ engine }: ApiContext, name: SubscriptionName, ackIds: AckIdList): string[] {
  const isTooLong = ackIds.lengths.some((length) => length > LONGEST_ACK_ID);
  return isTooLong && engine.getSubscription(name).isExactlyOnce === true ? ackIds.texts() : readAckIds(ackIds);
}

/** Answers what `settle` does, and counts how it ends. */
function settled(
  { rules }: ApiContext,
  name: SubscriptionName,
  counts: ResponseCounts | undefined,
  settle: () => Promise<readonly AckFailure[]>,
): Promise<Uint8Array> {
  const failed = (error: unknown): never => {
    counts?.add(codeOf(error));
    throw inProfileWords(rules, { missing: { kind: "subscription", name } }, error);
  };
  try {
    return settle().then((failures) => {
      if (failures.length > 0) return failed(ackIdsFailed(failures));
      counts?.add("OK");
      return EMPTY;
    }, failed);
  } catch (error) {
    return failed(error);
  }
}
