import assert from "node:assert/strict";
import { test } from "node:test";
import { Code } from "./gen/google/rpc/code_pb.js";
import { isRetryable, STATUS, type StatusName, statusNameOf } from "./status.js";

test("the status table holds every code of google.rpc.Code under its number", () => {
  const published = Object.entries(Code).filter(([, value]) => typeof value === "number");
  assert.deepEqual(
    Object.entries(STATUS).map(([name, { grpc }]) => [name, grpc]),
    published.sort(([, a], [, b]) => Number(a) - Number(b)),
  );
});

test("a gRPC number leads back to its name, an unknown number to UNKNOWN", () => {
  for (const [name, { grpc }] of Object.entries(STATUS)) assert.equal(statusNameOf(grpc), name);
  assert.equal(statusNameOf(17), "UNKNOWN");
  assert.equal(statusNameOf(-1), "UNKNOWN");
});

test("success is never retried, UNAVAILABLE always, and a refusal for cause by no class", () => {
  const refusals: StatusName[] = ["OK", "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION"];
  for (const retryClass of ["publish", "streamingPull", "pull", "read", "write"] as const) {
    assert.ok(isRetryable("UNAVAILABLE", retryClass));
    for (const refusal of refusals) assert.ok(!isRetryable(refusal, retryClass));
  }
  assert.ok(isRetryable("CANCELLED", "publish"));
  assert.ok(!isRetryable("CANCELLED", "pull"));
  assert.ok(!isRetryable("UNKNOWN", "write"));
});
