// How acks and deadline changes of a stream ended, from when they are durable until the client has room for it. What waits
// together leaves in one response.
import type { AcknowledgeConfirmation, StreamingPullResponseParts } from "@peal/wire/hot";
import type { AckFailure } from "../../engine/engine-contract.js";

/** Which of the two confirmations of a response. */
export type ConfirmedKind = "acknowledge" | "modify";

/** Where a response is full: clients take 4 MiB, and what is added last is no longer than a request (512 KiB). */
const FULL_LENGTH = 1_048_576;

interface Outcome {
  readonly kind: ConfirmedKind;
  readonly ackIds: readonly string[];
  readonly failures: readonly AckFailure[];
  /** Characters of all ids. */
  readonly length: number;
}

export class ConfirmationQueue {
  readonly #onTaken: (count: number) => void;
  readonly #outcomes: Outcome[] = [];

  /** @param onTaken - Called with the number of ids that were taken. */
  constructor(onTaken: (count: number) => void) {
    this.#onTaken = onTaken;
  }

  get isEmpty(): boolean {
    return this.#outcomes.length === 0;
  }

  /** Adds how one request's ids ended. */
  add(kind: ConfirmedKind, ackIds: readonly string[], failures: readonly AckFailure[]): void {
    const length = ackIds.reduce((sum, ackId) => sum + ackId.length, 0);
    this.#outcomes.push({ kind, ackIds, failures, length });
  }

  /** Takes what fits one response, at least what one request asked for; the queue must not be empty. */
  take(): StreamingPullResponseParts {
    let length = 0;
    let count = 0;
    while (count < this.#outcomes.length && (count === 0 || length < FULL_LENGTH)) {
      length += this.#outcomes[count]!.length;
      count += 1;
    }
    const taken = this.#outcomes.splice(0, count);
    this.#onTaken(taken.reduce((sum, { ackIds }) => sum + ackIds.length, 0));
    const acknowledge = merged(taken.filter(({ kind }) => kind === "acknowledge"));
    const modify = merged(taken.filter(({ kind }) => kind === "modify"));
    return {
      ...(acknowledge && { acknowledgeConfirmation: acknowledge }),
      ...(modify && { modifyAckDeadlineConfirmation: modify }),
    };
  }
}

function merged(outcomes: readonly Outcome[]): AcknowledgeConfirmation | undefined {
  if (outcomes.length === 0) return undefined;
  return {
    ackIds: outcomes.flatMap(({ ackIds, failures }) => succeeded(ackIds, failures)),
    invalidAckIds: outcomes.flatMap(({ failures }) => failedBy(failures, "invalid")),
    unorderedAckIds: outcomes.flatMap(({ failures }) => failedBy(failures, "unordered")),
  };
}

function succeeded(ackIds: readonly string[], failures: readonly AckFailure[]): readonly string[] {
  if (failures.length === 0) return ackIds;
  const failed = new Set(failures.map(({ ackId }) => ackId));
  return ackIds.filter((ackId) => !failed.has(ackId));
}

function failedBy(failures: readonly AckFailure[], reason: AckFailure["reason"]): string[] {
  return failures.filter((failure) => failure.reason === reason).map(({ ackId }) => ackId);
}
