import assert from "node:assert/strict";
import { GrpcError } from "../status.js";

/** How the call failed. */
export async function failure(call: Promise<unknown>): Promise<GrpcError> {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof GrpcError, String(error));
    return error;
  }
  return assert.fail("the call succeeded");
}
