import assert from "node:assert/strict";
import { constants } from "node:http2";
import { test } from "node:test";
import { Status } from "../status.js";
import { errorOfReset, statusOf } from "./answer-status.js";

test("headers without grpc-status carry no outcome", () => {
  assert.equal(statusOf({ ":status": "200" }), undefined);
});

test("a status that is not one of the seventeen is UNKNOWN", () => {
  for (const text of ["17", "99", "-1", "x", "", "3.5", "0x1"]) {
    assert.equal(statusOf({ "grpc-status": text })?.error?.code, Status.UNKNOWN, text);
  }
});

test("OK has no error, whatever the message says", () => {
  assert.deepEqual(statusOf({ "grpc-status": "0", "grpc-message": "fine" }), { error: undefined });
});

test("reset codes map as the gRPC protocol says", () => {
  const codes = [
    [constants.NGHTTP2_NO_ERROR, Status.INTERNAL],
    [constants.NGHTTP2_REFUSED_STREAM, Status.UNAVAILABLE],
    [constants.NGHTTP2_CANCEL, Status.CANCELLED],
    [constants.NGHTTP2_ENHANCE_YOUR_CALM, Status.RESOURCE_EXHAUSTED],
    [constants.NGHTTP2_INADEQUATE_SECURITY, Status.PERMISSION_DENIED],
    [constants.NGHTTP2_FLOW_CONTROL_ERROR, Status.INTERNAL],
  ] as const;
  for (const [reset, code] of codes) assert.equal(errorOfReset(reset).code, code, `reset ${reset}`);
});
