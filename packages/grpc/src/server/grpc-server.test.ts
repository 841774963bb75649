import assert from "node:assert/strict";
import { test } from "node:test";
import { Metadata as JsMetadata } from "@grpc/grpc-js";
import { Metadata } from "../metadata.js";
import type { BidiCall, MethodDefinition, ServerCall } from "../service.js";
import { GrpcError, Status } from "../status.js";
import { asIs, echo, startServer } from "./server-bed.test.support.js";

const bidi = (handler: (call: BidiCall) => void): MethodDefinition => ({
  name: "Talk",
  kind: "bidi",
  maxRequestBytes: 2 ** 20,
  handler,
});

const unary = (
  handler: (request: Uint8Array, call: ServerCall) => Uint8Array | Promise<Uint8Array>,
): MethodDefinition => ({
  name: "Ask",
  kind: "unary",
  maxRequestBytes: 2 ** 20,
  handler,
});

test("a unary call gets its request back, whatever its size", async (context) => {
  const { call } = await startServer(context, [echo]);
  for (const size of [0, 1, 16_379, 16_384, 1_000_000, 10_485_760]) {
    const request = Buffer.alloc(size, size % 251);
    const answer = await call("Echo", request);
    assert.equal(answer.code, Status.OK);
    assert.ok(answer.body?.equals(request), `${size} bytes come back`);
  }
});

test("a handler may answer later", async (context) => {
  const { call } = await startServer(context, [unary(async () => Buffer.from("later"))]);
  assert.equal((await call("Ask", Buffer.alloc(1))).body?.toString(), "later");
});

test("a GrpcError reaches the caller with code, text in any script, details and trailers", async (context) => {
  const handler = (_request: Uint8Array, call: ServerCall): Uint8Array => {
    call.trailers.set("x-why", "because");
    throw new GrpcError(Status.NOT_FOUND, "geen 100% thema «é»\n", { details: Buffer.from([8, 5]) });
  };
  const { call } = await startServer(context, [unary(handler)]);
  const { code, message, metadata } = await call("Ask", Buffer.alloc(1));
  assert.equal(code, Status.NOT_FOUND);
  assert.equal(message, "geen 100% thema «é»\n");
  assert.deepEqual(metadata.get("grpc-status-details-bin"), [Buffer.from([8, 5])]);
  assert.deepEqual(metadata.get("x-why"), ["because"]);
});

test("anything else that is thrown is INTERNAL with a bland text, and goes to onError", async (context) => {
  const seen: unknown[] = [];
  const secret = new TypeError("the password is 1234");
  const fail = (): Promise<Uint8Array> => Promise.reject(secret);
  const { call } = await startServer(context, [unary(fail)], { hooks: { onError: (error) => seen.push(error) } });
  const { code, message } = await call("Ask", Buffer.alloc(1));
  assert.equal(code, Status.INTERNAL);
  assert.equal(message, "internal error");
  assert.deepEqual(seen, [secret]);
});

test("metadata arrives, text and binary, and goes back in headers and trailers", async (context) => {
  const handler = (_request: Uint8Array, call: ServerCall): Uint8Array => {
    const headers = new Metadata();
    headers.set("x-bytes-bin", call.metadata.getBinary("x-bytes-bin") ?? Buffer.alloc(0));
    call.sendHeaders(headers);
    call.trailers.set("x-text", call.metadata.get("X-Text") ?? "");
    return Buffer.from(call.metadata.get("x-text") ?? "");
  };
  const { call } = await startServer(context, [unary(handler)]);
  const metadata = new JsMetadata();
  metadata.set("x-text", "a b");
  metadata.set("x-bytes-bin", Buffer.from([0, 255, 10]));
  const answer = await call("Ask", Buffer.alloc(1), { metadata });
  assert.equal(answer.body?.toString(), "a b");
  assert.deepEqual(answer.metadata.get("x-text"), ["a b"]);
});

test("an unknown method, an unknown service and a missing request are UNIMPLEMENTED with what is not there", async (context) => {
  const { call, client } = await startServer(context, [echo]);
  assert.match((await call("Nothing", Buffer.alloc(1))).message, /test\.Service has no method "Nothing"/);
  const other = await new Promise<{ code: number; message: string }>((resolve) => {
    client.makeUnaryRequest("/other.Service/Ask", asIs, asIs, Buffer.alloc(1), (error) =>
      resolve({ code: error?.code ?? 0, message: error?.details ?? "" }),
    );
  });
  assert.equal(other.code, Status.UNIMPLEMENTED);
  assert.match(other.message, /no service "other\.Service"/);
});

test("a call ends DEADLINE_EXCEEDED on the server too when its time is up, and its handler learns of it", async (context) => {
  const cancelled = new Promise<boolean>((resolve) => {
    const never = unary((_request, call) => {
      call.onCancel(() => resolve(call.isCancelled && call.signal.aborted));
      return new Promise(() => undefined);
    });
    void startServer(context, [never]).then(({ call }) => call("Ask", Buffer.alloc(1), { deadlineMs: 50 }));
  });
  assert.equal(await cancelled, true);
});

test("ten thousand messages go back and forth on one call, in order", async (context) => {
  const talk = bidi((call) => {
    call.onMessage((message) => {
      call.send(message);
    });
    call.onHalfClose(() => call.end());
  });
  const { client } = await startServer(context, [talk]);
  const call = client.makeBidiStreamRequest("/test.Service/Talk", asIs, asIs);
  let next = 0;
  call.on("data", (message: Buffer) => {
    assert.equal(message.readUInt32LE(0), next);
    next += 1;
  });
  for (let index = 0; index < 10_000; index += 1) {
    const message = Buffer.alloc(64);
    message.writeUInt32LE(index, 0);
    call.write(message);
  }
  call.end();
  const code = await new Promise((resolve) => call.on("status", (status) => resolve(status.code)));
  assert.equal(code, Status.OK);
  assert.equal(next, 10_000);
});

test("headers go out before the first message when the handler says so", async (context) => {
  const { client } = await startServer(context, [bidi((call) => call.sendHeaders())]);
  const call = client.makeBidiStreamRequest("/test.Service/Talk", asIs, asIs);
  call.on("error", () => undefined);
  await new Promise((resolve) => call.on("metadata", resolve));
  call.cancel();
});

test("a listener that is busy holds the next message back", async (context) => {
  let running = 0;
  let most = 0;
  let handled = 0;
  const talk = bidi((call) => {
    call.onMessage(async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      handled += 1;
    });
    call.onHalfClose(() => call.end());
  });
  const { client } = await startServer(context, [talk]);
  const call = client.makeBidiStreamRequest("/test.Service/Talk", asIs, asIs);
  call.resume();
  for (let index = 0; index < 500; index += 1) call.write(Buffer.alloc(2_000));
  call.end();
  await new Promise((resolve) => call.on("status", resolve));
  assert.equal(most, 1);
  assert.equal(handled, 500);
});

test("an error that a stream's handler throws ends the stream with its code", async (context) => {
  const talk = bidi((call) => {
    call.onMessage(() => {
      throw new GrpcError(Status.INVALID_ARGUMENT, "no");
    });
  });
  const { client } = await startServer(context, [talk]);
  const call = client.makeBidiStreamRequest("/test.Service/Talk", asIs, asIs);
  call.on("error", () => undefined);
  call.on("data", () => undefined);
  call.write(Buffer.alloc(1));
  const status = await new Promise<{ code: number; details: string }>((resolve) => call.on("status", resolve));
  assert.deepEqual([status.code, status.details], [Status.INVALID_ARGUMENT, "no"]);
});

test("a server-streaming call has one request and any number of answers", async (context) => {
  const count: MethodDefinition = {
    name: "Count",
    kind: "serverStreaming",
    maxRequestBytes: 10,
    handler: (request, call) => {
      for (let index = 0; index < request[0]!; index += 1) call.send(Buffer.from([index]));
      call.end();
    },
  };
  const { client } = await startServer(context, [count]);
  const call = client.makeServerStreamRequest("/test.Service/Count", asIs, asIs, Buffer.from([3]));
  const seen: number[] = [];
  call.on("data", (message: Buffer) => seen.push(message[0]!));
  await new Promise((resolve) => call.on("status", resolve));
  assert.deepEqual(seen, [0, 1, 2]);
});

test("send answers false when the peer does not read, and drain comes when it does", async (context) => {
  const sent = { count: 0, stalled: false };
  const flood = bidi((call) => {
    const push = (): void => {
      while (sent.count < 100) {
        sent.count += 1;
        if (!call.send(Buffer.alloc(1_000_000))) {
          sent.stalled = true;
          return;
        }
      }
      call.end();
    };
    call.onDrain(push);
    push();
  });
  const { client } = await startServer(context, [flood]);
  const call = client.makeBidiStreamRequest("/test.Service/Talk", asIs, asIs);
  let received = 0;
  call.on("data", (message: Buffer) => {
    received += message.length;
  });
  await new Promise((resolve) => call.on("status", resolve));
  assert.equal(sent.stalled, true);
  assert.equal(received, 100_000_000);
});
