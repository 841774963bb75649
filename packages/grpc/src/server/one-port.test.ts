import assert from "node:assert/strict";
import { createServer as createHttp1, request as httpRequest } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { request as httpsRequest } from "node:https";
import { connect, createServer } from "node:net";
import { test } from "node:test";
import { Client, credentials } from "@grpc/grpc-js";
import { GrpcServer, type HttpHandler } from "./grpc-server.js";
import { asIs, echo, startServer } from "./server-bed.test.support.js";
import { TLS_PAIR } from "./tls-pair.test.support.js";

const describe: HttpHandler = (request, response) => {
  let size = 0;
  request.on("data", (chunk: Buffer) => {
    size += chunk.length;
  });
  request.on("end", () => response.end(`${request.httpVersion} ${request.method} ${request.url} ${size}`));
};

function http1(port: number, method: string, body: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ port, host: "127.0.0.1", method, path: "/v1/x%3Ay?q=1" }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => resolve(Buffer.concat(chunks).toString()));
    });
    request.on("error", reject);
    request.end(body);
  });
}

test("HTTP/1.1, HTTP/2 without gRPC, and gRPC share a plain port", async (context) => {
  const { port, call } = await startServer(context, [echo], {}, describe);
  for (const method of ["POST", "PUT", "PATCH"]) {
    assert.equal(await http1(port, method, Buffer.alloc(100_000)), `1.1 ${method} /v1/x%3Ay?q=1 100000`);
  }
  assert.equal((await call("Echo", Buffer.from("hi"))).body?.toString(), "hi");
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  const stream = session.request({ ":method": "POST", ":path": "/v1/z", "content-type": "application/json" });
  stream.end("{}");
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve) => stream.on("end", resolve));
  session.close();
  assert.equal(Buffer.concat(chunks).toString(), "2.0 POST /v1/z 2");
});

test("over TLS the protocol is agreed by ALPN, for gRPC and HTTP alike", async (context) => {
  const server = new GrpcServer([{ name: "test.Service", methods: [echo] }], describe, { tls: TLS_PAIR });
  const port = await server.listen(["127.0.0.1"], 0);
  const client = new Client(`localhost:${port}`, credentials.createSsl(Buffer.from(TLS_PAIR.cert)));
  context.after(() => {
    client.close();
    server.close();
  });
  const body = await new Promise<Buffer | undefined>((resolve, reject) => {
    client.makeUnaryRequest("/test.Service/Echo", asIs, asIs, Buffer.from("tls"), (error, answer?: Buffer) => {
      if (error !== null) reject(error);
      else resolve(answer);
    });
  });
  assert.equal(body?.toString(), "tls");
  const text = await new Promise<string>((resolve, reject) => {
    const request = httpsRequest({ port, host: "localhost", ca: TLS_PAIR.cert, path: "/a" }, (response) => {
      response.setEncoding("utf8");
      response.on("data", resolve);
    });
    request.on("error", reject);
    request.end();
  });
  assert.equal(text, "1.1 GET /a 0");
});

test("the first bytes may come one by one", async (context) => {
  const { port } = await startServer(context, [echo], {}, describe);
  const socket = connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  for (const character of "PUT /slow HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n") {
    socket.write(character);
    await new Promise((resolve) => setImmediate(resolve));
  }
  let text = "";
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  await new Promise((resolve) => socket.on("close", resolve));
  assert.match(text, /1\.1 PUT \/slow 0/);
});

test("several addresses share one free port; one that the machine lacks is left out", async (context) => {
  const server = new GrpcServer([], describe);
  context.after(() => server.close());
  const port = await server.listen(["127.0.0.1", "127.0.0.2", "203.0.113.7"], 0);
  for (const host of ["127.0.0.1", "127.0.0.2"]) {
    await new Promise<void>((resolve, reject) => {
      const socket = connect(port, host, () => {
        socket.destroy();
        resolve();
      });
      socket.on("error", reject);
    });
  }
});

test("a port that is taken, and an address that the machine lacks, are told by the system's code", async (context) => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  context.after(() => taken.close());
  const address = taken.address();
  assert.ok(address !== null && typeof address === "object");
  const server = new GrpcServer([], describe);
  await assert.rejects(server.listen(["127.0.0.1"], address.port), { code: "EADDRINUSE" });
  await assert.rejects(server.listen(["203.0.113.7"], 0), { code: "EADDRNOTAVAIL" });
});

test("a drained server finishes its calls, takes no new ones, and closes", async () => {
  let answer: (body: Uint8Array) => void = () => undefined;
  const slow = {
    ...echo,
    name: "Slow",
    kind: "unary" as const,
    handler: () => new Promise<Uint8Array>((resolve) => (answer = resolve)),
  };
  const server = new GrpcServer([{ name: "test.Service", methods: [slow] }], describe);
  const port = await server.listen(["127.0.0.1"], 0);
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const pending = new Promise<Buffer | undefined>((resolve, reject) => {
    client.makeUnaryRequest("/test.Service/Slow", asIs, asIs, Buffer.from("x"), (error, body?: Buffer) => {
      if (error !== null) reject(error);
      else resolve(body);
    });
  });
  while (server.openCalls === 0) await new Promise((resolve) => setImmediate(resolve));
  const drained = server.drain(60_000);
  answer(Buffer.from("done"));
  assert.equal((await pending)?.toString(), "done");
  await drained;
  assert.equal(server.connectionCount, 0);
  await assert.rejects(http1(port, "GET", Buffer.alloc(0)), { code: "ECONNREFUSED" });
  client.close();
});

test("a drained server lets the answer under way out over HTTP/1.1, then closes the connection", async () => {
  let finish = (): void => undefined;
  const slow: HttpHandler = (_request, response) => {
    finish = () => void response.end("late");
  };
  const server = new GrpcServer([], slow);
  const port = await server.listen(["127.0.0.1"], 0);
  const text = http1(port, "GET", Buffer.alloc(0));
  while (server.connectionCount === 0) await new Promise((resolve) => setImmediate(resolve));
  // The handler has run once the request is there.
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  const drained = server.drain(60_000);
  finish();
  assert.equal(await text, "late");
  await drained;
});

test("what is open when the time is up is cut off", async () => {
  const server = new GrpcServer([], () => undefined);
  const port = await server.listen(["127.0.0.1"], 0);
  const other = createHttp1();
  other.close();
  const broken = assert.rejects(http1(port, "GET", Buffer.alloc(0)));
  while (server.connectionCount === 0) await new Promise((resolve) => setImmediate(resolve));
  await server.drain(10);
  await broken;
});
