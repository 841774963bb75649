import assert from "node:assert/strict";
import { createServer as createHttp2Server, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo, createServer, type Server as NetServer } from "node:net";
import { type TestContext, test } from "node:test";
import {
  Metadata as JsMetadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { Metadata } from "../metadata.js";
import { TLS_PAIR } from "../server/tls-pair.test.support.js";
import { type GrpcError, Status } from "../status.js";
import { failure } from "./failure.test.support.js";
import { GrpcClient } from "./grpc-client.js";
import { bind, type OracleMethod, startOracle, toService } from "./oracle-server.test.support.js";

type UnaryCall = ServerUnaryCall<Buffer, Buffer>;
type Answer = sendUnaryData<Buffer>;

const echo: OracleMethod = { handle: (call: UnaryCall, answer: Answer) => answer(null, call.request) };
const never: OracleMethod = { handle: () => undefined };
const talk: OracleMethod = {
  requestStream: true,
  responseStream: true,
  handle: (call: ServerDuplexStream<Buffer, Buffer>) => {
    call.on("data", (message: Buffer) => call.write(message));
    call.on("end", () => call.end());
    call.on("error", () => undefined);
  },
};

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((onResolve) => {
    resolve = onResolve;
  });
  return { promise, resolve };
}

async function listen(context: TestContext, server: NetServer): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("a unary call brings back what the server answers, whatever its size", async (context) => {
  const { client } = await startOracle(context, { Echo: echo });
  for (const size of [0, 1, 16_379, 70_000, 10_485_760]) {
    const request = Buffer.alloc(size, size % 251);
    const answer = await client.unary("/oracle.Service/Echo", request);
    assert.ok(request.equals(answer), `${size} bytes come back`);
  }
});

test("a failed call tells code, text in any script, details and trailers", async (context) => {
  const fail: OracleMethod = {
    handle: (_call: UnaryCall, answer: Answer) => {
      const metadata = new JsMetadata();
      metadata.set("x-why", "because");
      metadata.set("grpc-status-details-bin", Buffer.from([8, 5]));
      answer({ code: Status.NOT_FOUND, details: "geen 100% thema «é»", metadata });
    },
  };
  const { client } = await startOracle(context, { Fail: fail });
  let why: string | undefined;
  const onTrailers = (trailers: Metadata): void => {
    why = trailers.get("x-why");
  };
  const error = await failure(client.unary("/oracle.Service/Fail", Buffer.alloc(1), { onTrailers }));
  assert.equal(error.code, Status.NOT_FOUND);
  assert.equal(error.message, "geen 100% thema «é»");
  assert.deepEqual(error.details, Buffer.from([8, 5]));
  assert.equal(why, "because");
});

test("metadata goes out, text and binary, and the server's headers come back", async (context) => {
  const mirror: OracleMethod = {
    handle: (call: UnaryCall, answer: Answer) => {
      const headers = new JsMetadata();
      headers.set("x-bytes-bin", call.metadata.get("x-bytes-bin")[0] ?? Buffer.alloc(0));
      call.sendMetadata(headers);
      answer(null, Buffer.from(String(call.metadata.get("x-text"))));
    },
  };
  const { client } = await startOracle(context, { Mirror: mirror });
  const metadata = new Metadata();
  metadata.append("x-text", "a b");
  metadata.set("x-bytes-bin", Buffer.from([0, 255, 10]));
  let bytes: Uint8Array | undefined;
  const onHeaders = (headers: Metadata): void => {
    bytes = headers.getBinary("x-bytes-bin");
  };
  const answer = await client.unary("/oracle.Service/Mirror", Buffer.alloc(1), { metadata, onHeaders });
  assert.equal(Buffer.from(answer).toString(), "a b");
  assert.deepEqual(bytes, Buffer.from([0, 255, 10]));
});

test("an unknown method is UNIMPLEMENTED", async (context) => {
  const { client } = await startOracle(context, { Echo: echo });
  assert.equal((await failure(client.unary("/oracle.Service/Nope", Buffer.alloc(1)))).code, Status.UNIMPLEMENTED);
});

test("a deadline ends the call, and the server knows of it", async (context) => {
  let deadline: unknown;
  const slow: OracleMethod = {
    handle: (call: UnaryCall) => {
      deadline = call.getDeadline();
    },
  };
  const { client } = await startOracle(context, { Slow: slow });
  const error = await failure(client.unary("/oracle.Service/Slow", Buffer.alloc(1), { timeoutMs: 100 }));
  assert.equal(error.code, Status.DEADLINE_EXCEEDED);
  const left = Number(deadline) - Date.now();
  assert.ok(left <= 100 && left > -30_000, `the server's deadline is ${left} ms away`);
});

test("an abort signal cancels the call at both ends", async (context) => {
  const abort = new AbortController();
  let onCancelled: () => void = () => undefined;
  const atServer = new Promise<void>((resolve) => {
    onCancelled = resolve;
  });
  const slow: OracleMethod = {
    handle: (call: UnaryCall) => {
      call.on("cancelled", onCancelled);
      abort.abort();
    },
  };
  const { client } = await startOracle(context, { Slow: slow });
  const error = await failure(client.unary("/oracle.Service/Slow", Buffer.alloc(1), { signal: abort.signal }));
  assert.equal(error.code, Status.CANCELLED);
  await atServer;
});

test("a signal that was aborted before sends nothing", async (context) => {
  const { client } = await startOracle(context, { Echo: echo });
  const call = client.unary("/oracle.Service/Echo", Buffer.alloc(1), { signal: AbortSignal.abort() });
  assert.equal((await failure(call)).code, Status.CANCELLED);
  assert.equal(client.state, "idle");
});

test("a server stream hands over its messages in order, then its end", async (context) => {
  const count: OracleMethod = {
    responseStream: true,
    handle: (call: ServerWritableStream<Buffer, Buffer>) => {
      for (let n = 0; n < call.request[0]!; n += 1) call.write(Buffer.from([n]));
      call.end();
    },
  };
  const { client } = await startOracle(context, { Count: count });
  const seen: number[] = [];
  const error = await new Promise<GrpcError | undefined>((resolve) => {
    client.serverStream("/oracle.Service/Count", Buffer.from([5]), {
      onMessage: (message) => {
        seen.push(message[0]!);
      },
      onEnd: resolve,
    });
  });
  assert.equal(error, undefined);
  assert.deepEqual(seen, [0, 1, 2, 3, 4]);
});

test("while a message is handled no other is handed over, and the server is held back", async (context) => {
  const written = { count: 0 };
  const flood: OracleMethod = {
    responseStream: true,
    handle: (call: ServerWritableStream<Buffer, Buffer>) => {
      const message = Buffer.alloc(100_000);
      const push = (): void => {
        while (!call.cancelled && call.write(message)) written.count += 1;
        written.count += 1;
        call.once("drain", push);
      };
      push();
    },
  };
  const limits = { streamWindowBytes: 65_535, connectionWindowBytes: 65_535 };
  const { client } = await startOracle(context, { Flood: flood }, { limits });
  let handled = 0;
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let onFirst: () => void = () => undefined;
  const first = new Promise<void>((resolve) => {
    onFirst = resolve;
  });
  const ended = new Promise<GrpcError | undefined>((resolve) => {
    const stream = client.serverStream("/oracle.Service/Flood", Buffer.alloc(1), {
      onMessage: () => {
        handled += 1;
        onFirst();
        if (handled === 3) stream.cancel();
        return handled === 1 ? held : undefined;
      },
      onEnd: resolve,
    });
  });
  await first;
  // A round trip on the same connection: what the server could push by now, it has.
  await failure(client.unary("/oracle.Service/Nope", Buffer.alloc(1)));
  assert.equal(handled, 1);
  assert.ok(written.count < 20, `the server has written ${written.count} messages of 100 kB`);
  release();
  assert.equal((await ended)?.code, Status.CANCELLED);
});

test("a bidirectional stream carries messages both ways until the client closes its half", async (context) => {
  const { client } = await startOracle(context, { Talk: talk });
  const seen: string[] = [];
  const error = await new Promise<GrpcError | undefined>((resolve) => {
    const stream = client.bidi("/oracle.Service/Talk", {
      onMessage: async (message) => {
        await Promise.resolve();
        seen.push(Buffer.from(message).toString());
        if (seen.length === 100) stream.halfClose();
        else stream.send(Buffer.from(`${seen.length}`));
      },
      onEnd: resolve,
    });
    stream.send([Buffer.from("be"), Buffer.from("gin")]);
  });
  assert.equal(error, undefined);
  assert.deepEqual(seen, ["begin", ...Array.from({ length: 99 }, (_, index) => `${index + 1}`)]);
});

test("a sender that does not wait is told when to go on", async (context) => {
  const { client } = await startOracle(context, { Talk: talk });
  let received = 0;
  await new Promise<void>((resolve) => {
    let sent = 0;
    const push = (): void => {
      while (sent < 50) {
        sent += 1;
        if (!stream.send(Buffer.alloc(100_000, sent))) return;
      }
      stream.halfClose();
    };
    const stream = client.bidi("/oracle.Service/Talk", {
      onMessage: () => {
        received += 1;
      },
      onDrain: push,
      onEnd: () => resolve(),
    });
    push();
  });
  assert.equal(received, 50);
});

test("a listener that fails ends its call with the failure as the cause", async (context) => {
  const { client } = await startOracle(context, { Talk: talk });
  const bug = new TypeError("bug");
  for (const onMessage of [
    () => Promise.reject(bug),
    () => {
      throw bug;
    },
  ]) {
    const error = await new Promise<GrpcError | undefined>((resolve) => {
      client.bidi("/oracle.Service/Talk", { onMessage, onEnd: resolve }).send(Buffer.alloc(1));
    });
    assert.equal(error?.code, Status.INTERNAL);
    assert.equal(error?.cause, bug);
  }
});

test("an answer over the limit is RESOURCE_EXHAUSTED and is not kept", async (context) => {
  const { client } = await startOracle(context, { Echo: echo });
  const call = client.unary("/oracle.Service/Echo", Buffer.alloc(1001), { receiveBytesMax: 1000 });
  const error = await failure(call);
  assert.equal(error.code, Status.RESOURCE_EXHAUSTED);
  assert.match(error.message, /1001 bytes; the limit is 1000/);
});

test("calls in flight when the server goes away are UNAVAILABLE, and the next one connects again", async (context) => {
  const { client, server, target } = await startOracle(context, { Echo: echo, Never: never });
  await client.unary("/oracle.Service/Echo", Buffer.alloc(1));
  const lost = failure(client.unary("/oracle.Service/Never", Buffer.alloc(1)));
  await failure(client.unary("/oracle.Service/Nope", Buffer.alloc(1)));
  server.forceShutdown();
  assert.equal((await lost).code, Status.UNAVAILABLE);
  const next = new Server();
  next.addService(...toService({ Echo: echo }));
  await bind(next, target);
  context.after(() => next.forceShutdown());
  assert.equal((await client.unary("/oracle.Service/Echo", Buffer.from("x"))).length, 1);
});

test("a call that the server refused unread starts again on a new connection", async (context) => {
  const seen: number[] = [];
  const server = createHttp2Server();
  let streams = 0;
  server.on("stream", (stream: ServerHttp2Stream) => {
    streams += 1;
    stream.on("error", () => undefined);
    if (streams === 1) {
      stream.close(7);
      return;
    }
    stream.on("data", (chunk: Buffer) => seen.push(...chunk));
    stream.on("end", () => {
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(Buffer.from([0, 0, 0, 0, 1, 42]));
    });
  });
  const client = new GrpcClient(await listen(context, server));
  context.after(() => client.close());
  assert.deepEqual([...(await client.unary("/a.B/C", Buffer.from([7])))], [42]);
  assert.equal(streams, 2);
  assert.deepEqual(seen, [0, 0, 0, 0, 1, 7]);
});

test("a server that does not speak HTTP/2 is UNAVAILABLE", async (context) => {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  const client = new GrpcClient(await listen(context, server));
  context.after(() => client.close());
  const error = await failure(client.unary("/a.B/C", Buffer.alloc(1)));
  assert.equal(error.code, Status.UNAVAILABLE);
  assert.equal(client.state, "backingOff");
  assert.equal(await failure(client.unary("/a.B/C", Buffer.alloc(1))), error, "during backoff a call fails at once");
});

test("an answer that is not gRPC is judged by its HTTP status", async (context) => {
  const server = createHttp2Server();
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    stream.on("error", () => undefined);
    stream.respond({ ":status": Number(String(headers[":path"]).slice(1)) });
    stream.end("<html>");
  });
  const client = new GrpcClient(await listen(context, server));
  context.after(() => client.close());
  const codes = [];
  for (const status of [401, 403, 404, 429, 503, 418]) {
    codes.push((await failure(client.unary(`/${status}`, Buffer.alloc(1)))).code);
  }
  const { UNAUTHENTICATED, PERMISSION_DENIED, UNIMPLEMENTED, UNAVAILABLE, UNKNOWN } = Status;
  assert.deepEqual(codes, [UNAUTHENTICATED, PERMISSION_DENIED, UNIMPLEMENTED, UNAVAILABLE, UNAVAILABLE, UNKNOWN]);
});

test("TLS trusts the certificate that is given, and no other", async (context) => {
  const server = new Server();
  server.addService(...toService({ Echo: echo }));
  const pair = [{ private_key: Buffer.from(TLS_PAIR.key), cert_chain: Buffer.from(TLS_PAIR.cert) }];
  const port = await bind(server, "127.0.0.1:0", ServerCredentials.createSsl(null, pair));
  const trusting = new GrpcClient(`127.0.0.1:${port}`, { tls: { ca: TLS_PAIR.cert } });
  const doubting = new GrpcClient(`127.0.0.1:${port}`, { tls: {} });
  context.after(async () => {
    await Promise.all([trusting.close(), doubting.close()]);
    server.forceShutdown();
  });
  assert.equal((await trusting.unary("/oracle.Service/Echo", Buffer.alloc(3))).length, 3);
  const error = await failure(doubting.unary("/oracle.Service/Echo", Buffer.alloc(3)));
  assert.equal(error.code, Status.UNAVAILABLE);
  assert.match(error.message, /self-signed/);
});

test("ten thousand messages go back and forth on one call, in order", async (context) => {
  const { client } = await startOracle(context, { Talk: talk });
  const total = 10_000;
  let received = 0;
  const error = await new Promise<GrpcError | undefined>((resolve) => {
    let sent = 0;
    const push = (): void => {
      while (sent < total) {
        const message = Buffer.alloc(4 + (sent % 50));
        message.writeUInt32LE(sent);
        sent += 1;
        if (!stream.send(message)) return;
      }
      stream.halfClose();
    };
    const stream = client.bidi("/oracle.Service/Talk", {
      onMessage: (message) => {
        assert.equal(Buffer.from(message).readUInt32LE(), received);
        assert.equal(message.length, 4 + (received % 50));
        received += 1;
      },
      onDrain: push,
      onEnd: resolve,
    });
    push();
  });
  assert.equal(error, undefined);
  assert.equal(received, total);
});

test("a server that shuts down in order finishes what is open, and new calls find the next one", async (context) => {
  let answer: Answer = () => assert.fail("not called yet");
  const { promise: arrived, resolve: onArrived } = deferred();
  const held: OracleMethod = {
    handle: (_call: UnaryCall, reply: Answer) => {
      answer = reply;
      onArrived();
    },
  };
  const { client, server, target } = await startOracle(context, { Held: held, Echo: echo });
  const open = client.unary("/oracle.Service/Held", Buffer.alloc(1));
  await arrived;
  const isDown = new Promise<void>((resolve, reject) => {
    server.tryShutdown((error) => (error === undefined ? resolve() : reject(error)));
  });
  const next = new Server();
  next.addService(...toService({ Echo: echo }));
  await bind(next, target);
  context.after(() => next.forceShutdown());
  // Some may meet the old server's GOAWAY on their way: none of them fails.
  const others = await Promise.all(
    Array.from({ length: 20 }, () => client.unary("/oracle.Service/Echo", Buffer.from("x"))),
  );
  assert.equal(others.length, 20);
  answer(null, Buffer.from("done"));
  assert.equal(Buffer.from(await open).toString(), "done");
  await isDown;
});

test("where nobody listens a call is UNAVAILABLE with the reason, also after its deadline was set", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const client = new GrpcClient(`127.0.0.1:${port}`);
  const error = await failure(client.unary("/a.B/C", Buffer.alloc(1), { timeoutMs: 60_000 }));
  assert.equal(error.code, Status.UNAVAILABLE);
  assert.match(error.message, /ECONNREFUSED/);
  await client.close();
  assert.equal((await failure(client.unary("/a.B/C", Buffer.alloc(1)))).code, Status.CANCELLED);
});

test("drain lets open calls finish and takes no more", async (context) => {
  let answer: Answer = () => assert.fail("not called yet");
  const { promise: arrived, resolve: onArrived } = deferred();
  const held: OracleMethod = {
    handle: (_call: UnaryCall, reply: Answer) => {
      answer = reply;
      onArrived();
    },
  };
  const { client } = await startOracle(context, { Held: held });
  const open = client.unary("/oracle.Service/Held", Buffer.alloc(1));
  await arrived;
  const drained = client.drain();
  assert.equal((await failure(client.unary("/oracle.Service/Held", Buffer.alloc(1)))).code, Status.CANCELLED);
  answer(null, Buffer.from("done"));
  assert.equal(Buffer.from(await open).toString(), "done");
  await drained;
});
