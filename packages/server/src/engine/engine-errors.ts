/** The errors the engine answers, with the texts of the reference (its appendix B). */
import { PubSubError } from "@peal/core";
import { StorageError } from "@peal/store";

function lastSegment(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}

export function notFound(name: string): PubSubError {
  return new PubSubError("NOT_FOUND", `Resource not found (resource=${lastSegment(name)}).`);
}

export function alreadyExists(name: string): PubSubError {
  return new PubSubError("ALREADY_EXISTS", `Resource already exists in the project (resource=${lastSegment(name)}).`);
}

export function detached(name: string): PubSubError {
  return new PubSubError(
    "FAILED_PRECONDITION",
    `The subscription is detached from its topic (resource=${lastSegment(name)}). Delete it and create it again to receive messages.`,
  );
}

/** What needs the topic of a subscription that has lost it. */
export function topicDeleted(subscription: string): PubSubError {
  return new PubSubError(
    "FAILED_PRECONDITION",
    `The topic of the subscription was deleted (resource=${lastSegment(subscription)}). Its backlog can still be pulled; it cannot be sought or snapshotted.`,
  );
}

/** @param lifeMs - What a snapshot would live. */
export function shortLivedSnapshot(subscription: string, lifeMs: number): PubSubError {
  const minutes = Math.max(Math.floor(lifeMs / 60_000), 0);
  return new PubSubError(
    "FAILED_PRECONDITION",
    `The snapshot would expire in ${minutes} minutes, and the minimum is 60: a snapshot lives 7 days less the age of the oldest unacknowledged message of the subscription (resource=${lastSegment(subscription)}). Acknowledge its old messages or seek past them first.`,
  );
}

export function otherTopic(snapshot: string, subscription: string): PubSubError {
  return new PubSubError(
    "INVALID_ARGUMENT",
    `The snapshot (resource=${lastSegment(snapshot)}) is not of the topic of the subscription (resource=${lastSegment(subscription)}); seek to a snapshot of the same topic.`,
  );
}

/** A pull from what is pushed to, or a push from what is pulled from. */
export function wrongSubscriptionType(): PubSubError {
  return new PubSubError("FAILED_PRECONDITION", "This method is not supported for this subscription type.");
}

export function invalidAckId(ackId: string): PubSubError {
  const shown = ackId.length > 200 ? `${ackId.slice(0, 200)}…` : ackId;
  return new PubSubError("INVALID_ARGUMENT", `You have passed an invalid ack ID to the service (ack_id=${shown}).`);
}

export function unavailable(cause?: unknown): PubSubError {
  return new PubSubError(
    "UNAVAILABLE",
    "The service was unable to fulfill your request. Please try again. [code=8a75]",
    cause === undefined ? undefined : { cause },
  );
}

export function tooMuchWaiting(waitingBytes: number): PubSubError {
  return new PubSubError(
    "RESOURCE_EXHAUSTED",
    `${waitingBytes} bytes of messages are waiting to be stored, which is all the server holds. Try again later.`,
  );
}

export function internal(cause: unknown): PubSubError {
  return new PubSubError(
    "INTERNAL",
    "A service error has occurred. Please retry your request. If the error persists, please report it.",
    { cause },
  );
}

/**
 * What a failed read or write of the store means to a caller.
 *
 * @param name - The resource it was about.
 */
export function fromStorage(error: unknown, name: string): PubSubError {
  if (error instanceof PubSubError) return error;
  if (!(error instanceof StorageError)) return internal(error);
  switch (error.code) {
    case "Full":
      return new PubSubError("RESOURCE_EXHAUSTED", "The server has no space left to store this. Try again later.", {
        cause: error,
      });
    case "Gone":
      return notFound(name);
    case "Fenced":
    case "Unknown":
      return unavailable(error);
    case "Corrupt":
      return internal(error);
  }
}
