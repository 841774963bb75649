// Ack ids that failed under exactly-once delivery, in the words of the service. Reference S-8.5, S-8.6.
import type { AckFailure } from "../engine/engine-contract.js";
import { DetailedError } from "./detailed-error.js";
import { ACK_IDS_FAILED_TEXT } from "./error-catalogue.js";

const FAILURE_CODES: { readonly [reason in AckFailure["reason"]]: string } = {
  invalid: "PERMANENT_FAILURE_INVALID_ACK_ID",
  unordered: "TRANSIENT_FAILURE_UNORDERED_ACK_ID",
};

/** The error of a unary call some of whose ids failed: what it does not name has succeeded, and is durable. */
export function ackIdsFailed(failures: readonly AckFailure[]): DetailedError {
  const metadata = Object.fromEntries(failures.map(({ ackId, reason }) => [ackId, FAILURE_CODES[reason]]));
  return new DetailedError("INVALID_ARGUMENT", ACK_IDS_FAILED_TEXT, [
    { type: "ErrorInfo", reason: "EXACTLY_ONCE_ACKID_FAILURE", domain: "pubsub.googleapis.com", metadata },
  ]);
}
