/** Requests that come slowly, or not at all: what they pin is bounded in bytes and in time. */
import assert from "node:assert/strict";
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2 } from "node:http2";
import { type TestContext, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { ManualTime } from "../manual-time.test.support.js";
import type { BidiCall, MethodDefinition } from "../service.js";
import { GrpcError, Status } from "../status.js";
import { echo, startServer } from "./server-bed.test.support.js";

const MIB = 2 ** 20;
setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
async function turns(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await turn();
}

function openSession(context: TestContext, port: number): ClientHttp2Session {
  const session = connectHttp2(`http://127.0.0.1:${port}`, { maxSessionMemory: 1_024 });
  session.on("error", () => undefined);
  context.after(() => session.destroy());
  return session;
}

function open(session: ClientHttp2Session, method: string): ClientHttp2Stream {
  const path = `/test.Service/${method}`;
  const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc" });
  stream.on("error", () => undefined);
  return stream;
}

/** How a call ended: its status, or how its stream was closed where it had none. */
function statusOf(stream: ClientHttp2Stream): Promise<string> {
  return new Promise((resolve) => {
    const take = (headers: Record<string, unknown>): void => {
      if (headers["grpc-status"] !== undefined) resolve(String(headers["grpc-status"]));
    };
    stream.on("response", take);
    stream.on("trailers", take);
    stream.on("close", () => resolve(`closed ${stream.rstCode}`));
    stream.resume();
  });
}

function frame(lengthBytes: number, sentBytes = lengthBytes): Buffer {
  const bytes = Buffer.alloc(5 + sentBytes);
  bytes.writeUInt32BE(lengthBytes, 1);
  return bytes;
}

const talk = (handler: (call: BidiCall) => void): MethodDefinition => ({
  name: "Talk",
  kind: "bidi",
  maxRequestBytes: MIB,
  handler,
});

test("streams that wait for memory pin no more than the window budget; those beyond are refused", async (context) => {
  const limits = { receiveBudgetBytes: 20 * MIB, windowBudgetBytes: 16 * MIB, connectionWindowBytes: 64 * MIB };
  const { port, server, call } = await startServer(context, [echo], { limits });
  const session = openSession(context, port);
  await new Promise((resolve) => session.once("remoteSettings", resolve));
  // One buffer for all, so that what grows is the server's.
  const part = frame(10 * MIB, 8 * MIB);
  const before = process.memoryUsage().arrayBuffers;
  let sentBytes = 0;
  const ended: string[] = [];
  for (let count = 0; count < 40; count += 1) {
    const stream = open(session, "Echo");
    stream.write(part, () => {
      sentBytes += part.length;
    });
    void statusOf(stream).then((status) => ended.push(status));
  }
  // Two are taken, two or three are held back with the windows they have left; the others hear at once.
  while (ended.length < 32) await turn();
  assert.deepEqual(new Set(ended), new Set([String(Status.RESOURCE_EXHAUSTED)]));
  collectGarbage();
  const growthBytes = process.memoryUsage().arrayBuffers - before;
  assert.ok(growthBytes < 64 * MIB, `grew by ${growthBytes / MIB} MiB, ${sentBytes / MIB} MiB were sent`);
  session.destroy();
  while (server.receiveBytesFree < 20 * MIB || server.openCalls > 0) await turn();
  assert.equal((await call("Echo", Buffer.alloc(MIB))).code, Status.OK);
});

test("a request that never comes whole ends at its time and gives its memory back", async (context) => {
  const time = new ManualTime();
  const limits = { requestMs: 30_000, keepAliveMs: 3_600_000, receiveBudgetBytes: 10 * MIB };
  const { port, server } = await startServer(context, [echo, talk(() => undefined)], { time, limits });
  const session = openSession(context, port);
  const silent = statusOf(open(session, "Echo"));
  const [cut, cutTalk] = [open(session, "Echo"), open(session, "Talk")];
  cut.write(frame(4 * MIB, 1_000));
  cutTalk.write(frame(MIB, 1_000));
  const [cutStatus, talkStatus] = [statusOf(cut), statusOf(cutTalk)];
  while (server.receiveBytesFree > 5 * MIB) await turn();
  time.advance(29_000);
  await turns(20);
  assert.deepEqual([server.openCalls, server.receiveBytesFree], [3, 5 * MIB]);
  time.advance(1_010);
  const late = String(Status.DEADLINE_EXCEEDED);
  assert.deepEqual(await Promise.all([silent, cutStatus, talkStatus]), [late, late, late]);
  while (server.openCalls > 0) await turn();
  assert.equal(server.receiveBytesFree, 10 * MIB);
});

test("a bidirectional call may be silent between its messages for as long as it likes", async (context) => {
  const time = new ManualTime();
  const sizes: number[] = [];
  const listen = talk((call) => {
    call.onMessage((message) => void sizes.push(message.byteLength));
    call.onHalfClose(() => call.end());
  });
  const limits = { requestMs: 30_000, keepAliveMs: 360_000_000 };
  const { port, server } = await startServer(context, [listen], { time, limits });
  const stream = open(openSession(context, port), "Talk");
  const status = statusOf(stream);
  while (server.openCalls === 0) await turn();
  time.advance(1_000_000);
  for (const size of [7, 100_000, 9]) {
    stream.write(frame(size));
    while (sizes.at(-1) !== size) await turn();
    time.advance(1_000_000);
    await turns(20);
  }
  assert.equal(server.openCalls, 1);
  stream.end();
  assert.equal(await status, String(Status.OK));
  assert.deepEqual(sizes, [7, 100_000, 9]);
});

test("a stream that has answered and ends with an error keeps its status while the client still sends", async (context) => {
  const fail = talk((call) => {
    call.onMessage(() => {
      call.send(Buffer.from("first"));
      call.end(new GrpcError(Status.ABORTED, "enough"));
    });
  });
  const { port, server } = await startServer(context, [fail]);
  const session = openSession(context, port);
  for (let round = 0; round < 20; round += 1) {
    const stream = open(session, "Talk");
    const status = statusOf(stream);
    stream.write(frame(10));
    assert.equal(await status, String(Status.ABORTED));
  }
  // The client has not ended its streams; the server has.
  while (server.openCalls > 0) await turn();
});

test("a stream whose request is refused counts as cancelled for its handler", async (context) => {
  const seen: string[] = [];
  const listen = talk((call) => {
    call.onCancel(() => seen.push("cancelled"));
    call.signal.addEventListener("abort", () => seen.push("aborted"));
    call.onHalfClose(() => seen.push("half-closed"));
  });
  const { port, server } = await startServer(context, [listen]);
  const stream = open(openSession(context, port), "Talk");
  const status = statusOf(stream);
  stream.write(frame(MIB + 1, 10));
  assert.equal(await status, String(Status.RESOURCE_EXHAUSTED));
  assert.deepEqual(seen, ["cancelled", "aborted"]);
  while (server.openCalls > 0) await turn();
});
