import assert from "node:assert/strict";
import { createHook } from "node:async_hooks";
import { connect as connectHttp2 } from "node:http2";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import type { MethodDefinition } from "../service.js";
import { startServer } from "./server-bed.test.support.js";

const HEADERS = {
  ":method": "POST",
  ":path": "/test.Service/Size",
  "content-type": "application/grpc",
  "grpc-encoding": "gzip",
} as const;
const CALLS = 20;

test("few messages are inflated at a time, and calls that are cancelled meanwhile make room", async (context) => {
  const zeros = gzipSync(Buffer.alloc(16 * 2 ** 20));
  const prefix = Buffer.from([1, 0, 0, 0, 0]);
  prefix.writeUInt32BE(zeros.length, 1);
  let begun = 0;
  let handled = 0;
  let together = 0;
  const hook = createHook({
    init(_id, type) {
      if (type !== "ZLIB") return;
      begun += 1;
      together = Math.max(together, begun - handled);
    },
  });
  const size: MethodDefinition = {
    name: "Size",
    kind: "unary",
    maxRequestBytes: 16 * 2 ** 20,
    handler: (request) => {
      handled += 1;
      return Buffer.from(String(request.byteLength));
    },
  };
  const { port, server } = await startServer(context, [size]);
  const freeBytes = server.receiveBytesFree;
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on("error", () => undefined);
  context.after(() => session.destroy());
  const open = (): { answer: Promise<string>; cancel: () => void } => {
    const stream = session.request(HEADERS);
    const chunks: Buffer[] = [];
    stream.on("error", () => undefined);
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.end(Buffer.concat([prefix, zeros]));
    const answer = new Promise<string>((resolve) => {
      stream.on("close", () => resolve(Buffer.concat(chunks).subarray(5).toString()));
    });
    return { answer, cancel: () => stream.close(8) };
  };
  hook.enable();
  context.after(() => hook.disable());
  const calls = Array.from({ length: CALLS }, open);
  for (const { answer } of calls) assert.equal(await answer, String(16 * 2 ** 20));
  // The next one begins just before the one that is through is handed over.
  assert.ok(begun === CALLS && together <= 3, `${together} of ${begun} were inflated together`);

  const cancelled = Array.from({ length: CALLS }, open);
  while (begun < CALLS + 1) await new Promise((resolve) => setImmediate(resolve));
  for (const { cancel } of cancelled) cancel();
  assert.equal(await open().answer, String(16 * 2 ** 20));
  assert.ok(begun < 2 * CALLS, `${begun - CALLS} were inflated, though most were cancelled`);
  while (server.openCalls > 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(server.receiveBytesFree, freeBytes);
});
