// What the requests of a streaming pull may say: the first one opens, later ones only change. Reference S-7.1 to S-7.4.
import { PubSubError } from "@peal/core";
import { LIMITS, type StreamingPullScan, type SubscriptionName } from "@peal/wire/hot";
import { badAckDeadline, invalidArgument, SERVICE_ERROR_TEXT } from "../error-catalogue.js";
import type { ProfileRules } from "../profile.js";
import { checkSubscriptionName } from "./names.js";

const MS_PER_SECOND = 1000;

/** What the first request of a stream asks for. */
export interface StreamOpening {
  readonly subscription: SubscriptionName;
  /** Undefined: the subscription's own ack deadline. */
  readonly leaseMs: number | undefined;
  /** Infinity where unlimited. */
  readonly maxOutstandingMessages: number;
  readonly maxOutstandingBytes: number;
  readonly clientId: string;
  /** Does the client expect an answer to each of its requests? (S-7.15) */
  readonly wantsAnswers: boolean;
}

/** @throws PubSubError INVALID_ARGUMENT; INTERNAL for a deadline of 0 in the service profile. */
export function checkFirstRequest(rules: ProfileRules, request: StreamingPullScan): StreamOpening {
  const subscription = checkSubscriptionName(rules, request.subscription);
  const leaseMs = firstLeaseMs(rules, request.streamAckDeadlineSeconds);
  checkDeadlineChanges(request);
  return {
    subscription,
    leaseMs,
    maxOutstandingMessages: limitOf(request.maxOutstandingMessages),
    maxOutstandingBytes: limitOf(request.maxOutstandingBytes),
    clientId: request.clientId,
    wantsAnswers: request.protocolVersion >= 1,
  };
}

/**
 * Checks a request that is not the first.
 *
 * @returns The new lease length; undefined where it stays as it is.
 * @throws PubSubError INVALID_ARGUMENT
 */
export function checkLaterRequest(
  rules: ProfileRules,
  opening: StreamOpening,
  request: StreamingPullScan,
): number | undefined {
  const repeats = rules.allowsRepeatedSubscription && request.subscription === opening.subscription;
  if (request.subscription !== "" && !repeats) throw onlyFirst("subscription");
  if (request.maxOutstandingMessages !== 0) throw onlyFirst("max_outstanding_messages");
  if (request.maxOutstandingBytes !== 0) throw onlyFirst("max_outstanding_bytes");
  if (request.protocolVersion !== 0) throw onlyFirst("protocol_version");
  checkDeadlineChanges(request);
  const seconds = request.streamAckDeadlineSeconds;
  return seconds === 0 ? undefined : checkStreamDeadline(rules, seconds);
}

function firstLeaseMs(rules: ProfileRules, seconds: number): number | undefined {
  if (seconds !== 0) return checkStreamDeadline(rules, seconds);
  if (rules.zeroStreamDeadline === "subscriptionDeadline") return undefined;
  throw new PubSubError("INTERNAL", SERVICE_ERROR_TEXT);
}

function checkStreamDeadline(rules: ProfileRules, seconds: number): number {
  const { min, max } = LIMITS.ackDeadlineSeconds;
  if (seconds < rules.minAckDeadlineSeconds || seconds > max) throw badAckDeadline(seconds, min, max);
  return seconds * MS_PER_SECOND;
}

function checkDeadlineChanges(request: StreamingPullScan): void {
  const { modifyDeadlineSeconds: seconds, modifyDeadlineAckIds: ackIds } = request;
  if (seconds.length !== ackIds.count) {
    throw invalidArgument(
      `modify_deadline_seconds has ${seconds.length} values and modify_deadline_ack_ids has ${ackIds.count}; send one value for each ack ID.`,
    );
  }
  const { min, max } = LIMITS.modifyAckDeadlineSeconds;
  for (let index = 0; index < seconds.length; index += 1) {
    const value = seconds[index]!;
    if (value < min || value > max) throw badAckDeadline(value, min, max);
  }
}

function limitOf(value: number): number {
  return value <= 0 ? Number.POSITIVE_INFINITY : value;
}

function onlyFirst(field: string): PubSubError {
  return invalidArgument(
    `The field ${field} may be set in the first request of a streaming pull only; leave it unset.`,
  );
}
