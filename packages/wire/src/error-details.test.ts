import assert from "node:assert/strict";
import { test } from "node:test";
import { createRegistry, fromBinary, toJson } from "@bufbuild/protobuf";
import fc from "fast-check";
import { type ErrorDetail, encodeStatusDetails, errorDetailToJson, restError } from "./error-details.js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  QuotaFailureSchema,
  RetryInfoSchema,
} from "./gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "./gen/google/rpc/status_pb.js";
import { STATUS, type StatusName } from "./status.js";
import { texts } from "./wire-oracle.test.support.js";

const registry = createRegistry(
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  QuotaFailureSchema,
  RetryInfoSchema,
);

const lists = <Fields>(fields: { [Name in keyof Fields]: fc.Arbitrary<Fields[Name]> }) =>
  fc.array(fc.record(fields), { maxLength: 3 });

const details: fc.Arbitrary<ErrorDetail> = fc.oneof(
  fc.record({
    type: fc.constant("ErrorInfo" as const),
    reason: texts,
    domain: texts,
    metadata: fc.dictionary(texts, texts, { maxKeys: 4, noNullPrototype: true }),
  }),
  fc.record({ type: fc.constant("BadRequest" as const), fieldViolations: lists({ field: texts, description: texts }) }),
  fc.record({ type: fc.constant("RetryInfo" as const), retryDelayMs: fc.nat(10_000_000) }),
  fc.record({ type: fc.constant("QuotaFailure" as const), violations: lists({ subject: texts, description: texts }) }),
  fc.record({
    type: fc.constant("PreconditionFailure" as const),
    violations: lists({ type: texts, subject: texts, description: texts }),
  }),
);

const STATUS_NAMES: readonly StatusName[] = ["OK", "INVALID_ARGUMENT", "ABORTED", "UNAUTHENTICATED"];

test("a serialized status decodes to its code, text and details, and prints the same JSON", () => {
  fc.assert(
    fc.property(fc.constantFrom(...STATUS_NAMES), texts, fc.array(details, { maxLength: 3 }), (status, text, given) => {
      const decoded = fromBinary(StatusSchema, encodeStatusDetails(status, text, given));
      assert.deepEqual([decoded.code, decoded.message], [STATUS[status].grpc, text]);
      const json = toJson(StatusSchema, decoded, { registry });
      const expected = given.map(errorDetailToJson);
      assert.deepEqual(json, {
        ...(STATUS[status].grpc > 0 && { code: STATUS[status].grpc }),
        ...(text !== "" && { message: text }),
        ...(expected.length > 0 && { details: expected }),
      });
      assert.deepEqual(restError(status, text, given).error.details ?? [], expected);
    }),
  );
});

test("failed ack ids by the thousand fit in one ErrorInfo", () => {
  const metadata: Record<string, string> = {};
  for (let index = 0; index < 3000; index += 1) metadata[`ack-id-${index}`] = "PERMANENT_FAILURE_INVALID_ACK_ID";
  const detail = {
    type: "ErrorInfo",
    reason: "EXACTLY_ONCE_ACKID_FAILURE",
    domain: "pubsub.googleapis.com",
    metadata,
  } as const;
  const decoded = fromBinary(StatusSchema, encodeStatusDetails("INVALID_ARGUMENT", "text", [detail]));
  const [any] = decoded.details;
  assert.equal(any?.typeUrl, "type.googleapis.com/google.rpc.ErrorInfo");
  assert.deepEqual({ ...fromBinary(ErrorInfoSchema, any.value).metadata }, metadata);
});

// REST-007
test("a REST error has code, message and status, and details only where there are some", () => {
  assert.deepEqual(restError("NOT_FOUND", "Resource not found (resource=t)."), {
    error: { code: 404, message: "Resource not found (resource=t).", status: "NOT_FOUND" },
  });
  const detail = { type: "BadRequest", fieldViolations: [{ field: "", description: "d" }] } as const;
  assert.deepEqual(restError("INVALID_ARGUMENT", "m", [detail]).error.details, [
    { "@type": "type.googleapis.com/google.rpc.BadRequest", fieldViolations: [{ description: "d" }] },
  ]);
});
