import assert from "node:assert/strict";
import { test } from "node:test";
import { PubSubError } from "@peal/core";
import { GrpcError, Metadata, type MethodDefinition, type ServerCall, Status } from "@peal/grpc";
import { WireFormatError } from "@peal/wire/hot";
import { apiFixture, FakeScope } from "../api-fixture.test.support.js";
import { SILENT_OBSERVER } from "../call-observer.js";
import { grpcMethod, type UnaryHandler } from "./unary-method.js";

function fixture(handle: UnaryHandler) {
  const ended: string[] = [];
  const internal: unknown[] = [];
  const { context } = apiFixture("service", {
    ...SILENT_OBSERVER,
    callEnded: (method, code) => ended.push(`${method} ${code}`),
    internalError: (_method, error) => internal.push(error),
  });
  const method: MethodDefinition = grpcMethod(context, { path: "/a.B/C", maxRequestBytes: 5, handle });
  assert.ok(method.kind === "unary");
  const { handler } = method;
  return {
    method,
    ended,
    internal,
    call: async () => handler(new Uint8Array(0), new FakeCall()),
  };
}

/** A caller of whom no handler of ours looks at more than the scope. */
class FakeCall extends FakeScope implements ServerCall {
  readonly path = "/a.B/C";
  readonly peer = "";
  readonly signal = new AbortController().signal;
  readonly metadata = new Metadata();
  readonly trailers = new Metadata();

  sendHeaders(): void {
    throw new Error("a unary call's headers go out with its answer");
  }
}

test("an answer is passed on and told to the observer, whether it comes at once or later", async () => {
  const bytes = Uint8Array.of(1);
  for (const handle of [() => bytes, async () => bytes]) {
    const { call, ended } = fixture(handle);
    assert.equal(await call(), bytes);
    assert.deepEqual(ended, ["/a.B/C OK"]);
  }
});

test("a domain error becomes a status with its code and text, whether it is thrown or rejected", async () => {
  const error = new PubSubError("NOT_FOUND", "Resource not found (resource=t).");
  for (const handle of [() => Promise.reject(error), throwing(error)]) {
    const { call, ended, internal } = fixture(handle);
    await assert.rejects(call(), (thrown: unknown) => {
      assert.ok(thrown instanceof GrpcError);
      assert.equal(thrown.code, Status.NOT_FOUND);
      assert.equal(thrown.message, error.message);
      return true;
    });
    assert.deepEqual(ended, ["/a.B/C NOT_FOUND"]);
    assert.equal(internal.length, 0);
  }
});

test("bytes that are no message are an invalid argument", async () => {
  const { call } = fixture(throwing(new WireFormatError("the bytes end inside a field (byte 3)")));
  await assert.rejects(call(), { code: Status.INVALID_ARGUMENT, message: /byte 3/ });
});

test("anything else becomes INTERNAL with a bland text, and is told to the observer once", async () => {
  const secret = new Error("secret");
  const { call, ended, internal } = fixture(throwing(secret));
  await assert.rejects(call(), {
    code: Status.INTERNAL,
    message: "A service error has occurred. Please retry your request. If the error persists, please report it.",
  });
  assert.deepEqual(internal, [secret]);
  assert.deepEqual(ended, ["/a.B/C INTERNAL"]);
});

test("a request above the limit has the code and text of the service", () => {
  const { method } = fixture(() => new Uint8Array(0));
  const error = method.tooLarge?.(5);
  assert.equal(error?.code, Status.INVALID_ARGUMENT);
  assert.equal(error.message, "Request payload size exceeds the limit: 5 bytes.");
});

function throwing(error: Error): () => never {
  return () => {
    throw error;
  };
}
