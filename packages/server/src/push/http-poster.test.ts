import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, createServer as createRawServer, type Socket } from "node:net";
import test, { type TestContext } from "node:test";
import { createHttpPoster, type HttpPosterOptions } from "./http-poster.js";
import type { PostOutcome } from "./post-request.js";
import { parseEndpoint } from "./post-request.js";
import { LOCALHOST_PAIR, STRANGE_PAIR } from "./tls-pairs.test.support.js";

/** Far above what any of this takes; only an outcome that never comes runs into it. */
const HANG_LIMIT_MS = 20_000;

interface Poster {
  post(url: string, signal?: AbortSignal, body?: string): Promise<PostOutcome>;
}

function openPoster(context: TestContext, options: Partial<HttpPosterOptions> = {}): Poster {
  const poster = createHttpPoster({
    allowsPrivate: true,
    ca: undefined,
    skipsVerification: false,
    resolve: async () => [{ address: "127.0.0.1", family: 4 }],
    ...options,
  });
  context.after(() => poster.close());
  return {
    post: (url, signal = AbortSignal.timeout(HANG_LIMIT_MS), body = "body") =>
      poster.post({ endpoint: parseEndpoint(url)!, headers: { "X-Test": "1" }, body: Buffer.from(body) }, signal),
  };
}

async function listen(context: TestContext, server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function serve(context: TestContext, listener: RequestListener): Promise<number> {
  return listen(context, createServer(listener));
}

/** A server that speaks by hand, and does what no HTTP library would. */
async function serveRaw(context: TestContext, onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createRawServer((socket) => {
    sockets.add(socket);
    // The poster may go away first.
    socket.on("error", () => socket.destroy());
    socket.once("data", () => onSocket(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

test("a request is a POST with its head and body, to the path and query of the endpoint", async (context) => {
  const seen: unknown[] = [];
  const port = await serve(context, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method, url, headers } = request;
    seen.push([method, url, headers["x-test"], headers.host, headers.authorization, Buffer.concat(chunks).toString()]);
    response.statusCode = 204;
    response.end();
  });
  const { post } = openPoster(context);
  assert.deepEqual(await post(`http://u:p%40@push.test:${port}/a/b?c=d&e`), { kind: "answered", status: 204 });
  const authorization = `Basic ${Buffer.from("u:p@").toString("base64")}`;
  assert.deepEqual(seen, [["POST", "/a/b?c=d&e", "1", `push.test:${port}`, authorization, "body"]]);
});

test("a connection is used again", async (context) => {
  const ports = new Set<number | undefined>();
  const port = await serve(context, (request, response) => {
    ports.add(request.socket.remotePort);
    response.end("ok");
  });
  const { post } = openPoster(context);
  for (let index = 0; index < 3; index += 1) await post(`http://push.test:${port}/`);
  assert.equal(ports.size, 1);
});

test("a connection that is closed when it is used again costs no failure", async (context) => {
  let connections = 0;
  const port = await serveRaw(context, (socket) => {
    connections += 1;
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    // What an endpoint does whose idle time is over just then.
    socket.once("data", () => socket.resetAndDestroy());
  });
  const { post } = openPoster(context);
  const answered = { kind: "answered", status: 200 };
  assert.deepEqual(await post(`http://push.test:${port}/`), answered);
  assert.deepEqual(await post(`http://push.test:${port}/`), answered);
  assert.equal(connections, 2);
});

test("redirects are answers like any other (PUSH-012)", async (context) => {
  let requests = 0;
  const port = await serve(context, (_request, response) => {
    requests += 1;
    response.writeHead(307, { location: "/elsewhere" });
    response.end();
  });
  assert.deepEqual(await openPoster(context).post(`http://push.test:${port}/`), { kind: "answered", status: 307 });
  assert.equal(requests, 1);
});

test("the status after a 102 counts, and the 102 where nothing follows it", async (context) => {
  const failing = await serveRaw(context, (socket) => {
    socket.write("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
  });
  const silent = await serveRaw(context, (socket) => socket.end("HTTP/1.1 102 Processing\r\n\r\n"));
  const { post } = openPoster(context);
  assert.deepEqual(await post(`http://push.test:${failing}/`), { kind: "answered", status: 500 });
  assert.deepEqual(await post(`http://push.test:${silent}/`), { kind: "answered", status: 102 });
});

test("an endpoint that never answers is given up when the caller says so", async (context) => {
  const port = await serve(context, () => undefined);
  const abort = new AbortController();
  const outcome = openPoster(context).post(`http://push.test:${port}/`, abort.signal);
  abort.abort();
  assert.deepEqual(await outcome, { kind: "failed", error: "DEADLINE_EXCEEDED" });
});

test("an endpoint that takes no bytes is given up when the caller says so", async (context) => {
  const port = await serveRaw(context, (socket) => socket.pause());
  const abort = new AbortController();
  const outcome = openPoster(context).post(`http://push.test:${port}/`, abort.signal, "x".repeat(8 * 1024 * 1024));
  setImmediate(() => abort.abort());
  assert.deepEqual(await outcome, { kind: "failed", error: "DEADLINE_EXCEEDED" });
});

test("of an answer that never ends a few KiB are read, and its status counts", async (context) => {
  let isClosed: () => void = () => undefined;
  const closed = new Promise<void>((resolve) => {
    isClosed = resolve;
  });
  let sentBytes = 0;
  const port = await serve(context, (_request, response) => {
    const chunk = "x".repeat(4_096);
    const pump = (): void => {
      while (!response.destroyed && response.write(chunk)) sentBytes += chunk.length;
    };
    response.on("drain", pump);
    response.on("close", isClosed);
    pump();
  });
  assert.deepEqual(await openPoster(context).post(`http://push.test:${port}/`), { kind: "answered", status: 200 });
  await closed;
  assert.ok(sentBytes < 64 * 1024 * 1024);
});

test("an answer whose body drips is cut off when the caller says so, and its status counts", async (context) => {
  const abort = new AbortController();
  const port = await serveRaw(context, (socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    let drips = 0;
    const drip = (): void => {
      drips += 1;
      // In the same process the head has long been read by then.
      if (drips === 50) abort.abort();
      else if (socket.write("x")) setTimeout(drip, 1);
    };
    drip();
  });
  const outcome = await openPoster(context).post(`http://push.test:${port}/`, abort.signal);
  assert.equal(abort.signal.aborted, true);
  assert.deepEqual(outcome, { kind: "answered", status: 200 });
});

test("an answer that breaks off in its body has its status", async (context) => {
  const port = await serveRaw(context, (socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx"));
  assert.deepEqual(await openPoster(context).post(`http://push.test:${port}/`), { kind: "answered", status: 200 });
});

test("a giant head, endless informational answers, and what is not HTTP are failures", async (context) => {
  const giant = await serveRaw(context, (socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nX-Giant: ${"x".repeat(1024 * 1024)}\r\n\r\n`);
  });
  const endless = await serveRaw(context, (socket) => {
    socket.write("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1_000));
  });
  const nonsense = await serveRaw(context, (socket) => socket.write("SSH-2.0-OpenSSH_9.6\r\n"));
  const upgrading = await serveRaw(context, (socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n");
  });
  const { post } = openPoster(context);
  assert.deepEqual(await post(`http://push.test:${giant}/`), { kind: "failed", error: "HPE_HEADER_OVERFLOW" });
  for (const port of [endless, nonsense, upgrading]) {
    const outcome = await post(`http://push.test:${port}/`);
    assert.equal(outcome.kind, "failed");
  }
});

test("an endpoint that closes at once, or is not there, is a failure", async (context) => {
  const closing = await serveRaw(context, (socket) => socket.destroy());
  const { post } = openPoster(context);
  assert.deepEqual(await post(`http://push.test:${closing}/`), { kind: "failed", error: "ECONNRESET" });
  const gone = createServer();
  const port = await listen(context, gone);
  gone.close();
  await once(gone, "close");
  assert.deepEqual(await post(`http://push.test:${port}/`), { kind: "failed", error: "ECONNREFUSED" });
});

test("a name that cannot be resolved is a failure with the word of DNS", async (context) => {
  const resolve = () => Promise.reject(Object.assign(new Error("no such name"), { code: "ENOTFOUND" }));
  const outcome = await openPoster(context, { resolve }).post("http://push.test:1/");
  assert.deepEqual(outcome, { kind: "failed", error: "ENOTFOUND" });
});

test("a certificate must be trusted and fit the name, unless it is not verified", async (context) => {
  const answer: RequestListener = (_request, response) => response.end();
  const own = await listen(context, createTlsServer(LOCALHOST_PAIR, answer));
  const strange = await listen(context, createTlsServer(STRANGE_PAIR, answer));
  const plain = await serve(context, answer);
  const doubting = openPoster(context);
  const untrusted = { kind: "failed", error: "DEPTH_ZERO_SELF_SIGNED_CERT" };
  assert.deepEqual(await doubting.post(`https://localhost:${own}/`), untrusted);
  const trusting = openPoster(context, { ca: `${LOCALHOST_PAIR.cert}\n${STRANGE_PAIR.cert}` });
  assert.deepEqual(await trusting.post(`https://localhost:${own}/`), { kind: "answered", status: 200 });
  const misnamed = { kind: "failed", error: "ERR_TLS_CERT_ALTNAME_INVALID" };
  assert.deepEqual(await trusting.post(`https://localhost:${strange}/`), misnamed);
  assert.equal((await trusting.post(`https://localhost:${plain}/`)).kind, "failed");
  const careless = openPoster(context, { skipsVerification: true });
  assert.deepEqual(await careless.post(`https://localhost:${strange}/`), { kind: "answered", status: 200 });
});

test("private addresses are refused, whether they are written or a name leads to them", async (context) => {
  let requests = 0;
  const port = await serve(context, (_request, response) => {
    requests += 1;
    response.end();
  });
  const { post } = openPoster(context, { allowsPrivate: false });
  const refused = { kind: "failed", error: "ADDRESS_REFUSED" };
  for (const host of ["127.0.0.1", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]", "[::1]", "localhost", "push.test"]) {
    assert.deepEqual(await post(`http://${host}:${port}/`), refused, host);
  }
  assert.equal(requests, 0);
});
