/** The ack ids of one request, and what became of each. */
import type { AckFailureReason } from "@peal/core";
import type { AckIdCodec } from "./ack-id.js";
import type { AckOutcome } from "./ack-outcomes.js";
import type { AckFailure } from "./engine-contract.js";
import { invalidAckId } from "./engine-errors.js";
import type { SubscriptionHost } from "./subscription-host.js";

/** Parallel arrays of what the core is told. */
export interface AckedIds {
  readonly sequences: number[];
  readonly generations: number[];
  /** Where each stood in the request. */
  readonly indexes: number[];
  /** Where those stood that have failed already. */
  readonly failed: number[];
}

const NO_FAILURES: readonly AckFailure[] = [];

/**
 * Reads the ids of one subscription. Those of others are left out, and under exactly-once have failed, like malformed
 * ones (S-8.4).
 *
 * @throws {PubSubError} INVALID_ARGUMENT for the first malformed one elsewhere.
 */
export function readAckIds(codec: AckIdCodec, host: SubscriptionHost, ackIds: readonly string[]): AckedIds {
  const { number, isDetached } = host.record;
  const { isExactlyOnce } = host.rules;
  const ids: AckedIds = { sequences: [], generations: [], indexes: [], failed: [] };
  for (let index = 0; index < ackIds.length; index += 1) {
    const ackId = ackIds[index]!;
    const isOurs = codec.read(ackId);
    if (isOurs && codec.subscription === number) {
      ids.sequences.push(codec.sequence);
      ids.generations.push(codec.generation);
      ids.indexes.push(index);
    } else if (isExactlyOnce && !isDetached) ids.failed.push(index);
    else if (!isOurs) throw invalidAckId(ackId);
  }
  return ids;
}

/** The ids that failed, in the order of the request; counts them. */
export function failuresOf(
  host: SubscriptionHost,
  ackIds: readonly string[],
  { indexes, failed }: AckedIds,
  outcome: AckOutcome | undefined,
): readonly AckFailure[] {
  const reasons = new Map<number, AckFailureReason>();
  for (const index of failed) reasons.set(index, "invalid");
  for (let at = 0; at < (outcome?.indexes.length ?? 0); at += 1) {
    reasons.set(indexes[outcome!.indexes[at]!]!, outcome!.reasons[at]!);
  }
  if (reasons.size === 0) return NO_FAILURES;
  host.usage.exactlyOnceWarnings += reasons.size;
  return [...reasons]
    .sort(([left], [right]) => left - right)
    .map(([index, reason]) => ({ ackId: ackIds[index]!, reason }));
}
