/** Peers that mean harm, or are broken: each gets an error or a closed connection, and costs bounded memory. */
import assert from "node:assert/strict";
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2 } from "node:http2";
import { connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { Client, credentials, Metadata as JsMetadata } from "@grpc/grpc-js";
import type { MethodDefinition } from "../service.js";
import { GrpcError, Status } from "../status.js";
import { asIs, echo, startServer } from "./server-bed.test.support.js";

const GRPC_HEADERS = { ":method": "POST", "content-type": "application/grpc", te: "trailers" } as const;

function openSession(context: TestContext, port: number): ClientHttp2Session {
  const session = connectHttp2(`http://127.0.0.1:${port}`, { maxSessionMemory: 256 });
  session.on("error", () => undefined);
  context.after(() => session.destroy());
  return session;
}

/** The status of a call that is written byte by byte. */
function statusOf(stream: ClientHttp2Stream): Promise<{ code: string | undefined; message: string }> {
  return new Promise((resolve) => {
    const take = (headers: Record<string, unknown>): void => {
      if (headers["grpc-status"] === undefined) return;
      resolve({ code: String(headers["grpc-status"]), message: String(headers["grpc-message"] ?? "") });
    };
    stream.on("response", take);
    stream.on("trailers", take);
    stream.on("error", () => undefined);
    stream.on("close", () => resolve({ code: undefined, message: `closed ${stream.rstCode}` }));
    stream.resume();
  });
}

function prefix(length: number, flag = 0): Buffer {
  const bytes = Buffer.alloc(5);
  bytes[0] = flag;
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

const residentMb = (): number => process.memoryUsage().rss / 2 ** 20;

test("a message beyond the limit is refused on its declared length, with the method's own code and text", async (context) => {
  const limited: MethodDefinition = {
    ...echo,
    maxRequestBytes: 1_000,
    tooLarge: (limit) => new GrpcError(Status.INVALID_ARGUMENT, `more than ${limit}`),
  };
  const { port, call } = await startServer(context, [limited]);
  assert.equal((await call("Echo", Buffer.alloc(1_000))).code, Status.OK);
  const { code, message } = await call("Echo", Buffer.alloc(1_001));
  assert.deepEqual([code, message], [Status.INVALID_ARGUMENT, "more than 1000"]);
  const stream = openSession(context, port).request({ ...GRPC_HEADERS, ":path": "/test.Service/Echo" });
  stream.write(prefix(0xffff_ffff));
  assert.equal((await statusOf(stream)).code, String(Status.INVALID_ARGUMENT));
});

test("a gzip of zeros is inflated only up to the limit", async (context) => {
  const limited: MethodDefinition = { ...echo, maxRequestBytes: 100_000 };
  const { port } = await startServer(context, [limited]);
  const bomb = gzipSync(Buffer.alloc(90_000_000));
  assert.ok(bomb.length < 100_000);
  const before = residentMb();
  const session = openSession(context, port);
  const statuses = Array.from({ length: 20 }, () => {
    const stream = session.request({ ...GRPC_HEADERS, ":path": "/test.Service/Echo", "grpc-encoding": "gzip" });
    stream.end(Buffer.concat([prefix(bomb.length, 1), bomb]));
    return statusOf(stream);
  });
  for (const { code } of await Promise.all(statuses)) assert.equal(code, String(Status.RESOURCE_EXHAUSTED));
  assert.ok(residentMb() - before < 100, `grew by ${residentMb() - before} MB`);
});

test("gzip and deflate are understood, other encodings and lies about them are refused", async (context) => {
  const { port } = await startServer(context, [echo]);
  const session = openSession(context, port);
  const ask = (encoding: string, body: Buffer): ReturnType<typeof statusOf> => {
    const stream = session.request({ ...GRPC_HEADERS, ":path": "/test.Service/Echo", "grpc-encoding": encoding });
    stream.end(Buffer.concat([prefix(body.length, 1), body]));
    return statusOf(stream);
  };
  assert.equal((await ask("gzip", gzipSync("hi"))).code, "0");
  assert.equal((await ask("snappy", gzipSync("hi"))).code, String(Status.UNIMPLEMENTED));
  assert.equal((await ask("identity", Buffer.from("hi"))).code, String(Status.INTERNAL));
  assert.equal((await ask("gzip", Buffer.from("not gzip"))).code, String(Status.INTERNAL));
});

test("malformed framing, timeouts and methods end the call, not the server", async (context) => {
  const { port, call } = await startServer(context, [echo]);
  const session = openSession(context, port);
  const ask = (headers: Record<string, string>, body: Buffer): ReturnType<typeof statusOf> => {
    const stream = session.request({ ...GRPC_HEADERS, ":path": "/test.Service/Echo", ...headers });
    stream.end(body);
    return statusOf(stream);
  };
  assert.equal((await ask({}, Buffer.from([9, 0, 0, 0, 0]))).code, String(Status.INTERNAL));
  assert.equal((await ask({}, prefix(10))).code, String(Status.INTERNAL), "cut in the middle of a message");
  assert.equal((await ask({}, Buffer.from([0, 0]))).code, String(Status.INTERNAL), "cut in the middle of a prefix");
  assert.equal((await ask({ "grpc-timeout": "soon" }, prefix(0))).code, String(Status.INTERNAL));
  assert.equal((await ask({ "grpc-timeout": "0n" }, prefix(0))).code, String(Status.DEADLINE_EXCEEDED));
  assert.equal((await ask({ ":method": "GET" }, Buffer.alloc(0))).code, String(Status.INTERNAL));
  assert.equal((await ask({}, Buffer.concat([prefix(0), prefix(0)]))).code, String(Status.UNIMPLEMENTED));
  assert.equal((await call("Echo", Buffer.from("still here"))).code, Status.OK);
});

test("random bytes, cut frames and floods of settings close the connection and nothing else", async (context) => {
  // A session that nghttp2 has given up on says nothing more: the unanswered ping ends it.
  const limits = { keepAliveMs: 50, keepAliveTimeoutMs: 50 };
  const { port, call, server } = await startServer(context, [echo], { limits });
  const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  const noise = Buffer.from(Array.from({ length: 4_096 }, (_, index) => (index * 7_919 + 13) & 255));
  const attacks = [
    noise,
    Buffer.concat([preface, noise]),
    Buffer.concat([preface, Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]), noise]),
    // 20,000 empty SETTINGS frames, each of which wants an answer.
    Buffer.concat([preface, ...Array.from({ length: 20_000 }, () => Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]))]),
    Buffer.concat([preface, Buffer.from([0, 0x40, 0, 1, 4, 0, 0, 0, 1])]),
  ];
  for (const attack of attacks) {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.resume();
    socket.end(attack);
    await new Promise((resolve) => socket.on("close", resolve));
  }
  assert.equal((await call("Echo", Buffer.from("still here"))).code, Status.OK);
  assert.equal(server.openCalls, 0);
});

test("headers beyond the limit are refused", async (context) => {
  const { port, call } = await startServer(context, [echo]);
  const session = openSession(context, port);
  const stream = session.request({
    ...GRPC_HEADERS,
    ":path": "/test.Service/Echo",
    "x-bomb": "a".repeat(60_000),
    "x-more": "b".repeat(60_000),
  });
  const { code } = await statusOf(stream);
  assert.notEqual(code, "0");
  assert.equal((await call("Echo", Buffer.from("still here"))).code, Status.OK);
});

test("a message waits for room in the receive budget, and is refused when none comes in time", async (context) => {
  const timers: { atMs: number; listener: () => void }[] = [];
  const time = {
    nowMs: () => 0,
    setTimer: (delayMs: number, listener: () => void) => {
      const timer = { atMs: delayMs, listener };
      timers.push(timer);
      return { cancel: () => void timers.splice(timers.indexOf(timer), timers.includes(timer) ? 1 : 0) };
    },
  };
  const limits = { receiveBudgetBytes: 100_000, receiveWaitMs: 7 };
  const { port, server } = await startServer(context, [echo], { limits, time });
  const session = openSession(context, port);
  const open = (length: number): ClientHttp2Stream => {
    const stream = session.request({ ...GRPC_HEADERS, ":path": "/test.Service/Echo" });
    stream.write(Buffer.concat([prefix(length), Buffer.alloc(10)]));
    return stream;
  };
  const first = open(60_000);
  while (server.receiveBytesFree !== 40_000) await new Promise((resolve) => setImmediate(resolve));
  const second = statusOf(open(50_000));
  const third = open(50_000);
  const thirdStatus = statusOf(third);
  while (timers.filter((timer) => timer.atMs === 7).length < 2) await new Promise((resolve) => setImmediate(resolve));
  // The second one's time is up; then the first one finishes, and the third has room.
  timers.find((timer) => timer.atMs === 7)?.listener();
  assert.equal((await second).code, String(Status.RESOURCE_EXHAUSTED));
  first.end(Buffer.alloc(59_990));
  assert.equal((await statusOf(first)).code, "0");
  third.end(Buffer.alloc(49_990));
  assert.equal((await thirdStatus).code, "0");
  assert.equal(server.receiveBytesFree, 100_000);
});

test("calls that vanish in the middle of a message give their memory back", async (context) => {
  const { port, server } = await startServer(context, [echo], { limits: { receiveBudgetBytes: 50_000_000 } });
  const session = openSession(context, port);
  const streams = Array.from({ length: 5 }, () => {
    const stream = session.request({ ...GRPC_HEADERS, ":path": "/test.Service/Echo" });
    stream.on("error", () => undefined);
    stream.write(Buffer.concat([prefix(10_000_000), Buffer.alloc(1_000)]));
    return stream;
  });
  while (server.receiveBytesFree > 0) await new Promise((resolve) => setImmediate(resolve));
  streams[0]?.close(8);
  session.destroy();
  while (server.receiveBytesFree < 50_000_000) await new Promise((resolve) => setImmediate(resolve));
});

test("ten thousand cancelled calls leave nothing behind", async (context) => {
  let cancelled = 0;
  const never: MethodDefinition = {
    ...echo,
    name: "Never",
    kind: "unary",
    handler: (_request, call) => {
      call.onCancel(() => {
        cancelled += 1;
      });
      return new Promise(() => undefined);
    },
  };
  const { client, server, call } = await startServer(context, [never, echo]);
  for (let round = 0; round < 100; round += 1) {
    const ended = Array.from(
      { length: 100 },
      () =>
        new Promise<void>((resolve) => {
          const pending = client.makeUnaryRequest("/test.Service/Never", asIs, asIs, Buffer.alloc(1), () => resolve());
          setImmediate(() => setImmediate(() => pending.cancel()));
        }),
    );
    await Promise.all(ended);
  }
  while (server.openCalls > 0) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(cancelled > 5_000, `${cancelled} handlers learned of it`);
  assert.equal((await call("Echo", Buffer.from("still here"))).code, Status.OK);
});

test("status details that no trailer can carry give way to the brief ones, and code and text stay", async (context) => {
  const refuse: MethodDefinition = {
    ...echo,
    kind: "unary",
    handler: (request) => {
      const ids = Buffer.from(request).readUInt32LE(0);
      const details = Buffer.alloc(74 * ids, 120);
      const brief = ids % 2 === 0 ? {} : { briefDetails: Buffer.of(8, 3) };
      throw new GrpcError(Status.INVALID_ARGUMENT, "some ids failed", { details, ...brief });
    },
  };
  const { call } = await startServer(context, [refuse]);
  const ask = async (ids: number): Promise<readonly [number, string, number | undefined]> => {
    const request = Buffer.alloc(4);
    request.writeUInt32LE(ids, 0);
    const { code, message, metadata } = await call("Echo", request);
    const [details] = metadata.get("grpc-status-details-bin");
    return [code, message, details === undefined ? undefined : details.length];
  };
  assert.deepEqual(await ask(500), [Status.INVALID_ARGUMENT, "some ids failed", 37_000]);
  assert.deepEqual(await ask(501), [Status.INVALID_ARGUMENT, "some ids failed", 37_074]);
  assert.deepEqual(await ask(3_000), [Status.INVALID_ARGUMENT, "some ids failed", undefined]);
  assert.deepEqual(await ask(3_001), [Status.INVALID_ARGUMENT, "some ids failed", 2]);
});

test("a thousand idle connections cost little, and one that says nothing is closed", async (context) => {
  const { port, server, call } = await startServer(context, [echo], { limits: { firstBytesMs: 300 } });
  const before = residentMb();
  const sockets: Socket[] = [];
  for (let index = 0; index < 1_000; index += 1) {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.resume();
    sockets.push(socket);
  }
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.on("close", resolve))));
  assert.ok(residentMb() - before < 150, `grew by ${residentMb() - before} MB`);
  assert.equal((await call("Echo", Buffer.from("still here"))).code, Status.OK);
  assert.ok(server.connectionCount <= 1);
});

test("an HTTP/1.1 request whose headers never end is closed", async (context) => {
  const { port } = await startServer(context, [echo], { limits: { firstBytesMs: 200 } });
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.resume();
  socket.write("GET / HTTP/1.1\r\nhost: x\r\nx-a: ");
  await new Promise((resolve) => socket.on("close", resolve));
});

test("connections beyond the limit are closed at once", async (context) => {
  const { port, server } = await startServer(context, [echo], { limits: { connectionsMax: 2 } });
  const first = [connect(port, "127.0.0.1"), connect(port, "127.0.0.1")];
  for (const socket of first) socket.on("error", () => undefined);
  while (server.connectionCount < 2) await new Promise((resolve) => setImmediate(resolve));
  const third = connect(port, "127.0.0.1");
  third.on("error", () => undefined);
  third.resume();
  await new Promise((resolve) => third.on("close", resolve));
  assert.equal(server.connectionCount, 2);
  for (const socket of first) socket.destroy();
});

test("a 10 MiB request comes through a slow link", async (context) => {
  const { port } = await startServer(context, [echo]);
  const relay = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    near.on("error", () => far.destroy());
    far.on("error", () => near.destroy());
    far.pipe(near);
    // A quarter of a chunk a turn of the loop: the peer's windows are never waited for, and never needed whole.
    near.on("data", (chunk: Buffer) => {
      near.pause();
      const quarter = Math.ceil(chunk.length / 4);
      const pass = (at: number): void => {
        if (at >= chunk.length) near.resume();
        else far.write(chunk.subarray(at, at + quarter), () => setImmediate(() => pass(at + quarter)));
      };
      pass(0);
    });
    near.on("close", () => far.destroy());
  });
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
  const address = relay.address();
  assert.ok(address !== null && typeof address === "object");
  const client = new Client(`127.0.0.1:${address.port}`, credentials.createInsecure(), {
    "grpc.max_receive_message_length": -1,
  });
  context.after(() => {
    client.close();
    relay.close();
  });
  const request = Buffer.alloc(10_485_760, 5);
  const body = await new Promise<Buffer | undefined>((resolve, reject) => {
    client.makeUnaryRequest(
      "/test.Service/Echo",
      asIs,
      asIs,
      request,
      new JsMetadata(),
      {},
      (error, answer?: Buffer) => {
        if (error !== null) reject(error);
        else resolve(answer);
      },
    );
  });
  assert.ok(body?.equals(request));
});

test("window probes, a PING with every few frames, are answered and not punished", async (context) => {
  const { port } = await startServer(context, [echo]);
  const session = openSession(context, port);
  let answered = 0;
  for (let round = 0; round < 200; round += 1) {
    const stream = session.request({ ...GRPC_HEADERS, ":path": "/test.Service/Echo" });
    const status = statusOf(stream);
    stream.write(Buffer.concat([prefix(20_000), Buffer.alloc(10_000)]));
    await new Promise<void>((resolve) => {
      session.ping(() => {
        answered += 1;
        resolve();
      });
    });
    stream.end(Buffer.alloc(10_000));
    assert.equal((await status).code, "0");
  }
  assert.equal(answered, 200);
  assert.equal(session.destroyed, false);
});
