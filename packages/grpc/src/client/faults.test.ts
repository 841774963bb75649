import assert from "node:assert/strict";
import { constants } from "node:http2";
import { test } from "node:test";
import { deflateSync, gzipSync } from "node:zlib";
import { ManualTime } from "../manual-time.test.support.js";
import { Metadata } from "../metadata.js";
import { GrpcServer } from "../server/grpc-server.js";
import { type GrpcError, Status } from "../status.js";
import { DEFAULT_CLIENT_LIMITS } from "./client-options.js";
import { failure } from "./failure.test.support.js";
import { answer, frame, startFaulty, startRaw } from "./faulty-server.test.support.js";
import { GrpcClient } from "./grpc-client.js";

const PATH = "/a.B/C";
const REQUEST = Buffer.from("request");
/** An empty SETTINGS frame: all that a server must say. */
const SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Waits until it is so; the test's own time limit bounds it. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await turn();
}

test("a connection that breaks while a message is handled ends the call when it was handled", async (context) => {
  const bed = await startFaulty(context, (stream) => {
    stream.respond({ ":status": 200, "content-type": "application/grpc" });
    stream.write(frame("x"));
  });
  let isHandled = false;
  const error = await new Promise<GrpcError | undefined>((resolve) => {
    bed.client.bidi(PATH, {
      onMessage: async () => {
        for (const socket of bed.sockets) socket.resetAndDestroy();
        await until(() => bed.client.state === "idle");
        isHandled = true;
      },
      onEnd: resolve,
    });
  });
  assert.equal(error?.code, Status.UNAVAILABLE);
  assert.ok(isHandled);
});

test("a status that comes while messages wait is told after the last of them", async (context) => {
  const { client } = await startFaulty(context, (stream) => {
    answer(stream, [frame("1"), frame("2"), frame("3")], {}, { "grpc-status": "9", "grpc-message": "last" });
  });
  const seen: string[] = [];
  const error = await new Promise<GrpcError | undefined>((resolve) => {
    client.bidi(PATH, {
      onMessage: async (message) => {
        for (let count = 0; count < 5; count += 1) await turn();
        seen.push(Buffer.from(message).toString());
      },
      onEnd: resolve,
    });
  });
  assert.deepEqual([error?.code, error?.message, seen], [Status.FAILED_PRECONDITION, "last", ["1", "2", "3"]]);
});

test("compressed answers are inflated, in order with those that are not", async (context) => {
  const long = "long ".repeat(10_000);
  for (const [encoding, packed] of [
    ["gzip", gzipSync(long)],
    ["deflate", deflateSync(long)],
  ] as const) {
    const { client } = await startFaulty(context, (stream) => {
      answer(stream, [frame(packed, true), frame("short")], { "grpc-encoding": encoding });
    });
    const seen: string[] = [];
    await new Promise<void>((resolve) => {
      const onMessage = (message: Uint8Array): void => void seen.push(Buffer.from(message).toString());
      client.serverStream(PATH, REQUEST, { onMessage, onEnd: () => resolve() });
    });
    assert.deepEqual(seen, [long, "short"]);
  }
});

test("a compressed answer beyond the limit, of another encoding or of none ends the call", async (context) => {
  const bomb = gzipSync(Buffer.alloc(50_000_000));
  const cases = [
    { encoding: "gzip", data: bomb, code: Status.RESOURCE_EXHAUSTED },
    { encoding: "deflate", data: bomb, code: Status.INTERNAL },
    { encoding: "snappy", data: bomb, code: Status.INTERNAL },
    { encoding: "identity", data: bomb, code: Status.INTERNAL },
  ];
  const { client } = await startFaulty(context, (stream, headers) => {
    const { data, encoding } = cases[Number(String(headers[":path"]).slice(1))]!;
    answer(stream, [frame(data, true)], { "grpc-encoding": encoding });
  });
  for (const [index, { encoding, code }] of cases.entries()) {
    assert.equal((await failure(client.unary(`/${index}`, REQUEST))).code, code, encoding);
  }
});

test("an answer that is not as gRPC says ends the call with the code that gRPC gives it", async (context) => {
  const { client } = await startFaulty(context, (stream, headers) => {
    switch (headers[":path"]) {
      case "/html":
        return answer(stream, [Buffer.from("<html>")], { "content-type": "text/html" }, {});
      case "/no-trailers":
        return answer(stream, [frame("x")], {}, "none");
      case "/no-status":
        return answer(stream, [frame("x")], {}, { "x-other": "1" });
      case "/cut":
        return answer(stream, [frame("xyz").subarray(0, -1)]);
      case "/none":
        return answer(stream, []);
      case "/two":
        return answer(stream, [frame("1"), frame("2")]);
      default:
        return stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    }
  });
  const codes: Record<string, number> = {};
  for (const path of ["/html", "/no-trailers", "/no-status", "/cut", "/none", "/two", "/calm"]) {
    codes[path] = (await failure(client.unary(path, REQUEST))).code;
  }
  assert.deepEqual(codes, {
    "/html": Status.UNKNOWN,
    "/no-trailers": Status.INTERNAL,
    "/no-status": Status.INTERNAL,
    "/cut": Status.INTERNAL,
    "/none": Status.INTERNAL,
    "/two": Status.INTERNAL,
    "/calm": Status.RESOURCE_EXHAUSTED,
  });
});

test("a call that a dying connection has not looked at starts again, one that it has is UNAVAILABLE", async (context) => {
  let count = 0;
  const bed = await startFaulty(context, (stream) => {
    count += 1;
    if (count === 2) stream.session?.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 1);
    if (count === 3) answer(stream, [frame("again")]);
  });
  const [seen, unseen] = [failure(bed.client.unary(PATH, REQUEST)), bed.client.unary(PATH, REQUEST)];
  assert.equal((await seen).code, Status.UNAVAILABLE);
  assert.equal(Buffer.from(await unseen).toString(), "again");
  assert.equal(bed.connectionCount(), 2);
});

test("a call that is refused again and again ends UNAVAILABLE", async (context) => {
  let count = 0;
  const { client } = await startFaulty(context, (stream) => {
    count += 1;
    stream.close(constants.NGHTTP2_REFUSED_STREAM);
  });
  assert.equal((await failure(client.unary(PATH, REQUEST))).code, Status.UNAVAILABLE);
  assert.equal(count, 5);
});

test("headers that HTTP/2 cannot carry end their call, and the connection stays", async (context) => {
  const bed = await startFaulty(context, (stream) => answer(stream, [frame("x")]));
  const metadata = new Metadata();
  metadata.append("authorization", "one");
  metadata.append("authorization", "two");
  assert.equal((await failure(bed.client.unary(PATH, REQUEST, { metadata }))).code, Status.INTERNAL);
  await bed.client.unary(PATH, REQUEST);
  assert.equal(bed.connectionCount(), 1);
});

test("a connection that has had all its calls is replaced, and its last call still ends well", async (context) => {
  const bed = await startFaulty(context, (stream) => setImmediate(() => answer(stream, [frame("x")])), {
    limits: { callsPerConnectionMax: 3 },
  });
  await Promise.all(Array.from({ length: 10 }, () => bed.client.unary(PATH, REQUEST)));
  assert.equal(bed.connectionCount(), 4);
  await until(() => bed.sockets.size === 1);
});

test("a server that does not answer a ping is given up", async (context) => {
  const time = new ManualTime();
  const bed = await startRaw(context, (socket) => socket.resume().write(SETTINGS), { time });
  const { keepAliveMs, keepAliveTimeoutMs } = DEFAULT_CLIENT_LIMITS;
  const lost = failure(bed.client.unary(PATH, REQUEST));
  await until(() => bed.client.state === "ready");
  time.advance(keepAliveMs);
  time.advance(keepAliveTimeoutMs);
  const error = await lost;
  assert.equal(error.code, Status.UNAVAILABLE);
  assert.match(String(error.cause), /did not answer a ping within 10000 ms/);
  await bed.client.close();
  assert.equal(time.pending, 0);
});

test("a server that answers pings is kept, however long a call takes", async (context) => {
  const time = new ManualTime();
  let onPing: () => void = () => undefined;
  let finish: () => void = () => undefined;
  const bed = await startFaulty(
    context,
    (stream) => {
      stream.session?.on("ping", () => onPing());
      finish = () => answer(stream, [frame("x")]);
    },
    { time },
  );
  const call = bed.client.unary(PATH, REQUEST);
  await until(() => time.pending === 1 && bed.client.state === "ready");
  for (let count = 0; count < 5; count += 1) {
    const pinged = new Promise<void>((resolve) => {
      onPing = resolve;
    });
    time.advance(DEFAULT_CLIENT_LIMITS.keepAliveMs);
    await pinged;
    // When the answer has come, the next ping is planned.
    await until(() => time.nextInMs === DEFAULT_CLIENT_LIMITS.keepAliveMs);
  }
  finish();
  assert.equal(Buffer.from(await call).toString(), "x");
});

test("a server that accepts and says nothing is given up, and the next connect waits", async (context) => {
  const time = new ManualTime();
  const bed = await startRaw(context, (socket) => socket.resume(), { time, random: () => 0.5 });
  const call = failure(bed.client.unary(PATH, REQUEST));
  await until(() => bed.sockets.size === 1);
  time.advance(DEFAULT_CLIENT_LIMITS.connectMs);
  const error = await call;
  assert.equal(error.code, Status.UNAVAILABLE);
  assert.match(error.message, /no connection within 20000 ms/);
  assert.equal(bed.client.state, "backingOff");
  time.advance(DEFAULT_CLIENT_LIMITS.backoffMinMs);
  assert.equal(bed.client.state, "idle");
  await bed.client.close();
  assert.equal(time.pending, 0);
});

test("a call that waits for a connection is sent when there is one, or ends at its deadline", async (context) => {
  const time = new ManualTime();
  let isUp = false;
  const bed = await startRaw(
    context,
    (socket) => {
      socket.resume();
      if (isUp) socket.write(SETTINGS);
      else socket.resetAndDestroy();
    },
    { time, random: () => 0.5 },
  );
  const patient = failure(bed.client.unary(PATH, REQUEST, { waitForReady: true, timeoutMs: 60_000 }));
  const brief = failure(bed.client.unary(PATH, REQUEST, { waitForReady: true, timeoutMs: 500 }));
  await until(() => bed.client.state === "backingOff");
  time.advance(510);
  assert.equal((await brief).code, Status.DEADLINE_EXCEEDED);
  isUp = true;
  time.advance(490);
  await until(() => bed.client.state === "ready");
  time.advance(20_000);
  await turn();
  assert.equal(bed.connectionCount(), 2);
  bed.client.close();
  assert.equal((await patient).code, Status.UNAVAILABLE);
});

test("a target that is not host and port is refused at once", () => {
  for (const target of [
    "",
    "localhost",
    "http://localhost:1",
    "a b:1",
    "::1:80",
    "[::1]",
    "host:1/x",
    "u@host:1",
    "host:99999",
  ]) {
    assert.throws(() => new GrpcClient(target), { name: "TypeError", message: /use host:port/ }, target);
  }
});

test("drain lets calls that still wait for their connection go out, and starts refused ones again", async (context) => {
  let count = 0;
  const bed = await startFaulty(context, (stream) => {
    count += 1;
    if (count === 1) stream.close(constants.NGHTTP2_REFUSED_STREAM);
    else answer(stream, [frame("x")]);
  });
  const calls = Promise.all([bed.client.unary(PATH, REQUEST), bed.client.unary(PATH, REQUEST)]);
  const drained = bed.client.drain();
  assert.equal((await failure(bed.client.unary(PATH, REQUEST))).code, Status.CANCELLED);
  assert.equal((await calls).length, 2);
  await drained;
  assert.equal(bed.client.state, "closed");
  assert.equal(count, 3);
});

test("close ends a drain that takes too long, and every call with it", async (context) => {
  const bed = await startFaulty(context, () => undefined);
  const open = failure(bed.client.unary(PATH, REQUEST));
  await until(() => bed.client.state === "ready");
  const drained = bed.client.drain();
  await bed.client.close();
  assert.equal((await open).code, Status.UNAVAILABLE);
  await drained;
});

test("whatever bytes a server sends, every call ends and none hangs", async (context) => {
  const random = seededRandom(7);
  const bed = await startRaw(
    context,
    (socket) => {
      socket.resume();
      const noise = Buffer.from(Array.from({ length: Math.floor(random() * 200) }, () => Math.floor(random() * 256)));
      const start = random() < 0.8 ? SETTINGS : Buffer.alloc(0);
      socket.end(Buffer.concat([start, noise]));
    },
    { limits: { backoffMinMs: 0, backoffMaxMs: 0 } },
  );
  for (let count = 0; count < 200; count += 1) {
    const error = await failure(bed.client.unary(PATH, REQUEST));
    assert.ok(error.code === Status.UNAVAILABLE || error.code === Status.INTERNAL, `${error.code} ${error.message}`);
    await until(() => bed.client.state === "idle");
  }
});

test("more calls than the server takes at once wait their turn, and may be cancelled meanwhile", async (context) => {
  const service = {
    name: "a.B",
    methods: [
      {
        name: "C",
        kind: "unary" as const,
        maxRequestBytes: 100,
        handler: async (request: Uint8Array) => {
          await turn();
          return request;
        },
      },
    ],
  };
  const server = new GrpcServer([service], (_request, response) => response.end(), {
    limits: { streamsPerConnectionMax: 10 },
  });
  const client = new GrpcClient(`127.0.0.1:${await server.listen(["127.0.0.1"], 0)}`);
  context.after(async () => {
    await client.close();
    server.close();
  });
  await client.unary(PATH, REQUEST);
  const abort = new AbortController();
  const calls = Array.from({ length: 500 }, (_, index) =>
    client.unary(PATH, REQUEST, index % 5 === 4 ? { signal: abort.signal } : {}).then(
      () => 0,
      (error: GrpcError) => error.code as number,
    ),
  );
  abort.abort();
  const codes = await Promise.all(calls);
  const count = (code: number): number => codes.filter((each) => each === code).length;
  // From 22 on, Node's server answers ENHANCE_YOUR_CALM to a call that comes in the same turn as the reset that makes room
  // for it: at most one for each of the two of the first ten that are cancelled. It may mean "overloaded", too, so the client
  // must not send the call again by itself.
  const refused = count(Status.RESOURCE_EXHAUSTED);
  assert.ok(refused <= 2, `${refused} were refused`);
  assert.deepEqual([count(0) + refused, count(Status.CANCELLED)], [400, 100]);
});

test("details that fill a trailer arrive whole", async (context) => {
  const details = Buffer.alloc(48_000, "details ");
  const { client } = await startFaulty(context, (stream) => {
    const trailers = { "grpc-status": "3", "grpc-status-details-bin": details.toString("base64").replace(/=+$/, "") };
    answer(stream, [], {}, trailers);
  });
  assert.ok(details.equals((await failure(client.unary(PATH, REQUEST))).details ?? Buffer.alloc(0)));
});

/** A small generator; the same numbers in each run. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
