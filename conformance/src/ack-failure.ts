import assert from "node:assert/strict";
import { answerOf, expectAnswer } from "./answer.js";
import type { Context } from "./context.js";
import type { StatusName } from "./status.js";
import { SOME_ACK_IDS_INVALID } from "./texts.js";

export const PERMANENT = "PERMANENT_FAILURE_INVALID_ACK_ID";
export const UNORDERED = "TRANSIENT_FAILURE_UNORDERED_ACK_ID";

/** Fails unless the call fails for exactly these ack ids, as exactly-once tells it (reference S-8.5). */
export async function expectFailedIds(
  context: Context,
  call: Promise<unknown>,
  codeById: Readonly<Record<string, string>>,
  status: StatusName = "INVALID_ARGUMENT",
): Promise<void> {
  const error = await failureOf(call);
  const answer = answerOf(error);
  assert.ok(answer !== undefined, `the call failed without an answer: ${String(error)}`);
  expectAnswer(answer, status, context.exactly(status === "INVALID_ARGUMENT" ? SOME_ACK_IDS_INVALID : undefined));
  // google-gax reads the details of an error into these properties.
  const { reason, domain, errorInfoMetadata } = error as {
    reason?: string;
    domain?: string;
    errorInfoMetadata?: Record<string, string>;
  };
  assert.deepEqual({ ...errorInfoMetadata }, codeById);
  assert.equal(reason, "EXACTLY_ONCE_ACKID_FAILURE");
  assert.equal(domain, "pubsub.googleapis.com");
}

async function failureOf(call: Promise<unknown>): Promise<Error> {
  try {
    await call;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error("expected ack ids to fail, but the call succeeded");
}
