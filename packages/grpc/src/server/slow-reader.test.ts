/** Peers that take no answers: what they pin is bounded, and they are ended before anybody else. */
import assert from "node:assert/strict";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { type TestContext, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { ManualTime } from "../manual-time.test.support.js";
import type { MethodDefinition, StreamingCall } from "../service.js";
import { Status } from "../status.js";
import { echo, startServer } from "./server-bed.test.support.js";

const MIB = 2 ** 20;
const HEADERS = { ":method": "POST", "content-type": "application/grpc", te: "trailers" } as const;
const EMPTY_MESSAGE = Buffer.alloc(5);
const CALM = 11;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");
const arrayBufferMb = (): number => process.memoryUsage().arrayBuffers / MIB;

/** Answers a mebibyte that nobody else holds. */
const big: MethodDefinition = {
  name: "Big",
  kind: "unary",
  maxRequestBytes: 100,
  handler: () => Buffer.alloc(MIB),
};

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const [DATA, HEADERS_FRAME, SETTINGS, WINDOW_UPDATE] = [0, 1, 4, 8];
const [END_STREAM, END_HEADERS] = [1, 4];

/** The beginning of a connection whose windows are as wide as they can be. */
const PREFACE = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  frame(SETTINGS, 0, 0, Buffer.from([0, 4, 0x7f, 0xff, 0xff, 0xff])),
  frame(WINDOW_UPDATE, 0, 0, Buffer.from([0x7f, 0, 0, 0])),
]);

/** A whole call, its headers as literals that no table remembers. */
function rawCall(stream: number, method: string): Buffer {
  const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  const headers = [
    Buffer.from([0x83, 0x86, 0x04]), // :method POST, :scheme http, :path …
    text(`/test.Service/${method}`),
    Buffer.from([0x01]), // :authority …
    text("localhost"),
    Buffer.from([0x0f, 0x10]), // content-type …
    text("application/grpc"),
  ];
  return Buffer.concat([
    frame(HEADERS_FRAME, END_HEADERS, stream, Buffer.concat(headers)),
    frame(DATA, END_STREAM, stream, EMPTY_MESSAGE),
  ]);
}

/** A peer that takes the first 1,000 bytes of each answer. */
async function connectNarrow(context: TestContext, port: number): Promise<ClientHttp2Session> {
  const session = connectHttp2(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 1_000 } });
  session.on("error", () => undefined);
  context.after(() => session.destroy());
  await new Promise((resolve) => session.once("remoteSettings", resolve));
  return session;
}

/** Begins calls whose answers are not read. @returns The reset codes of those that have ended, in order. */
function openStalled(session: ClientHttp2Session, method: string, count: number): (number | undefined)[] {
  const codes: (number | undefined)[] = [];
  for (let index = 0; index < count; index += 1) {
    const stream = session.request({ ...HEADERS, ":path": `/test.Service/${method}` });
    stream.on("error", () => undefined);
    stream.on("close", () => codes.push(stream.rstCode));
    stream.end(EMPTY_MESSAGE);
  }
  return codes;
}

test("answers that are not taken pin no more than the send budget, and other callers are answered", async (context) => {
  const limits = { sendBudgetBytes: 8 * MIB };
  const { port, server, call } = await startServer(context, [big, echo], { limits });
  const session = await connectNarrow(context, port);
  const before = arrayBufferMb();
  const codes = openStalled(session, "Big", 200);
  while (codes.length < 192) {
    await turn();
  }
  assert.deepEqual(new Set(codes), new Set([CALM]));
  assert.equal((await call("Echo", Buffer.alloc(100_000))).code, Status.OK);
  while (server.unsentBytes > 8 * MIB) await turn();
  assert.ok(server.openCalls === 7 || server.openCalls === 8, `${server.openCalls} calls are open`);
  assert.equal(session.destroyed, false);
  // Not a moment longer than the collector takes.
  while (arrayBufferMb() - before > 24) {
    collectGarbage();
    await turn();
  }
  session.destroy();
  while (server.unsentBytes > 0 || server.openCalls > 0) await turn();
});

test("one answer may be larger than the send budget", async (context) => {
  const { server, call } = await startServer(context, [big], { limits: { sendBudgetBytes: 1_000 } });
  assert.equal((await call("Big", Buffer.alloc(0))).body?.length, MIB);
  while (server.unsentBytes > 0) await turn();
});

test("an answer that has not left in time is reset; a stream that is open may stand still", async (context) => {
  const time = new ManualTime();
  const streams: StreamingCall[] = [];
  let cancelled = 0;
  const flood: MethodDefinition = {
    name: "Flood",
    kind: "serverStreaming",
    maxRequestBytes: 100,
    handler: (_request, stream) => {
      stream.onCancel(() => {
        cancelled += 1;
      });
      stream.send(Buffer.alloc(MIB));
      streams.push(stream);
    },
  };
  // Pings would end the connection: its peer lives in this process, and time moves faster than it answers.
  const limits = { answerMs: 60_000, keepAliveMs: 3_600_000 };
  const { port, server } = await startServer(context, [big, flood], { time, limits });
  const session = await connectNarrow(context, port);
  const answers = openStalled(session, "Big", 3);
  const floods = openStalled(session, "Flood", 2);
  while (server.unsentBytes < 5 * MIB - 5_000) await turn();
  time.advance(59_000);
  for (let turns = 0; turns < 20; turns += 1) await turn();
  assert.deepEqual([answers.length, floods.length], [0, 0]);
  time.advance(1_000);
  while (answers.length < 3) await turn();
  assert.deepEqual(answers, [CALM, CALM, CALM]);
  while (server.unsentBytes > 2 * (MIB + 5)) await turn();
  time.advance(600_000);
  assert.deepEqual([floods.length, cancelled], [0, 0]);
  // From its end on, a stream has the same time as an answer.
  streams[0]?.end();
  time.advance(59_000);
  for (let turns = 0; turns < 20; turns += 1) await turn();
  assert.equal(floods.length, 0);
  while (floods.length < 1) {
    time.advance(1_000);
    for (let turns = 0; turns < 20; turns += 1) await turn();
  }
  assert.equal(cancelled, 0, "it had ended for its handler before");
  while (server.unsentBytes > MIB + 5) await turn();
});

test("a stream that is reset for memory counts as cancelled for its handler", async (context) => {
  let cancelled = 0;
  const flood: MethodDefinition = {
    name: "Flood",
    kind: "serverStreaming",
    maxRequestBytes: 100,
    handler: (_request, stream) => {
      stream.onCancel(() => {
        cancelled += 1;
      });
      stream.send(Buffer.alloc(MIB));
    },
  };
  const reports: number[] = [];
  const hooks = { onCall: ({ code }: { code: number }): void => void reports.push(code) };
  const { port } = await startServer(context, [flood], { limits: { sendBudgetBytes: 3 * MIB }, hooks });
  const codes = openStalled(await connectNarrow(context, port), "Flood", 5);
  while (codes.length < 3 || reports.length < 3) await turn();
  // Three messages and their prefixes are more than three mebibytes.
  assert.deepEqual([cancelled, codes], [3, [CALM, CALM, CALM]]);
  assert.deepEqual(reports, [Status.RESOURCE_EXHAUSTED, Status.RESOURCE_EXHAUSTED, Status.RESOURCE_EXHAUSTED]);
});

test("messages that leave are no longer charged, however many a stream sends", async (context) => {
  const pour: MethodDefinition = {
    name: "Pour",
    kind: "serverStreaming",
    maxRequestBytes: 100,
    handler: (_request, stream) => {
      let left = 300;
      const send = (): void => {
        while (left > 0) {
          left -= 1;
          if (!stream.send([Buffer.alloc(60_000), Buffer.alloc(left)])) return;
        }
        stream.end();
      };
      stream.onDrain(send);
      send();
    },
  };
  const { port, server } = await startServer(context, [pour], { limits: { sendBudgetBytes: MIB } });
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  context.after(() => session.destroy());
  const received = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const stream = session.request({ ...HEADERS, ":path": "/test.Service/Pour" });
      let receivedBytes = 0;
      stream.on("data", (chunk: Buffer) => {
        receivedBytes += chunk.length;
      });
      stream.end(EMPTY_MESSAGE);
      await new Promise((resolve) => stream.once("close", resolve));
      return receivedBytes;
    }),
  );
  for (const receivedBytes of received) assert.equal(receivedBytes, 300 * 60_005 + (299 * 300) / 2);
  while (server.unsentBytes > 0) await turn();
});

test("a connection whose socket is not read is ended when its answers have not left it in time", async (context) => {
  let asked = 0;
  let answerAll: (() => void) | undefined;
  const allAsked = new Promise<void>((resolve) => {
    answerAll = resolve;
  });
  // All at once: while a socket does not take more, Node does not read from it either.
  const late: MethodDefinition = {
    name: "Late",
    kind: "unary",
    maxRequestBytes: 100,
    handler: async () => {
      asked += 1;
      if (asked === 40) answerAll?.();
      await allAsked;
      return Buffer.alloc(MIB);
    },
  };
  const time = new ManualTime();
  const limits = { sendBudgetBytes: 64 * MIB, answerMs: 60_000, keepAliveMs: 3_600_000 };
  const { port, server, call } = await startServer(context, [late, echo], { limits, time });
  const peer = connectTcp(port, "127.0.0.1");
  peer.on("error", () => undefined);
  context.after(() => peer.destroy());
  peer.write(PREFACE);
  await new Promise((resolve) => peer.once("readable", resolve));
  peer.write(Buffer.concat(Array.from({ length: 40 }, (_, index) => rawCall(index * 2 + 1, "Late"))));
  while (server.unsentBytes === 0) await turn();
  while (server.connectionCount > 0) {
    time.advance(1_000);
    for (let turns = 0; turns < 20; turns += 1) await turn();
  }
  assert.ok(time.nowMs() >= 74_000, `it was ended after ${time.nowMs()} ms`);
  while (server.unsentBytes > 0 || server.openCalls > 0) await turn();
  assert.equal((await call("Echo", Buffer.alloc(100_000))).code, Status.OK);
});
