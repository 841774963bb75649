/** The server as a part: started in this process, over real sockets. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { GrpcClient, type GrpcError, HEALTH_SERVICE_NAME, Status } from "@peal/grpc";
import { createLogger } from "./logger.js";
import type { RunningServer, ServerOptions } from "./running-server.js";
import { StartError } from "./start-error.js";
import { startServer } from "./start-server.js";

const LIMIT = { timeout: 60_000 };
const TOPIC = "projects/proj/topics/topic";
const SUBSCRIPTION = "projects/proj/subscriptions/sub";

async function start(context: TestContext, options: Partial<ServerOptions> = {}): Promise<RunningServer> {
  const server = await startServer({
    host: "127.0.0.1",
    port: 0,
    data: undefined,
    profile: "service",
    tls: undefined,
    hasTestClock: false,
    logger: createLogger("silent"),
    ...options,
  });
  context.after(() => server.drain());
  return server;
}

function temporaryDirectory(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "peal-server-"));
  context.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function rest({ port }: RunningServer, method: string, path: string, body?: object) {
  const init = { method, headers: { "content-type": "application/json" } };
  const url = `http://127.0.0.1:${port}/v1/${path}`;
  const response = await fetch(url, body === undefined ? init : { ...init, body: JSON.stringify(body) });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text);
}

async function createPair(server: RunningServer): Promise<void> {
  await rest(server, "PUT", TOPIC);
  await rest(server, "PUT", SUBSCRIPTION, { topic: TOPIC });
}

/** A protobuf field of a short text. */
function stringField(number: number, text: string): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2, text.length]), Buffer.from(text)]);
}

/** The initial request of a streaming pull: subscription 1, stream_ack_deadline_seconds 5. */
function streamingPullRequest(): Uint8Array {
  return Buffer.concat([stringField(1, SUBSCRIPTION), Buffer.from([0x28, 10])]);
}

/** How a stream ended. */
function ended(begin: (onEnd: (error: GrpcError | undefined) => void) => void): Promise<GrpcError | undefined> {
  return new Promise((resolve) => begin(resolve));
}

test("what one server stored the next one serves, from the same directory", LIMIT, async (context) => {
  const data = temporaryDirectory(context);
  const first = await start(context, { data });
  await createPair(first);
  await rest(first, "POST", `${TOPIC}:publish`, { messages: [{ data: "aGVsbG8=" }] });
  await first.drain();
  assert.equal(await first.closed, undefined);

  const second = await start(context, { data });
  const { receivedMessages } = await rest(second, "POST", `${SUBSCRIPTION}:pull`, { maxMessages: 1 });
  assert.equal(receivedMessages[0].message.data, "aGVsbG8=");
});

test(
  "a scrape of a stored server tells of its disk, one of an ephemeral server has none to tell of",
  LIMIT,
  async (context) => {
    const scrape = async ({ port }: RunningServer): Promise<string> =>
      (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const stored = await start(context, { data: temporaryDirectory(context) });
    assert.match(await scrape(stored), /^peal_store_free_bytes [1-9]\d*$/m);
    assert.doesNotMatch(await scrape(await start(context)), /peal_store_/);
    await stored.drain();
  },
);

test("a drain ends streams UNAVAILABLE, tells those who watch the health, and then closes", LIMIT, async (context) => {
  const server = await start(context);
  await createPair(server);
  const client = new GrpcClient(`127.0.0.1:${server.port}`);
  const health: number[] = [];
  let watchEnd: Promise<GrpcError | undefined> | undefined;
  await new Promise<void>((resolve) => {
    watchEnd = ended((onEnd) => {
      const onMessage = (message: Uint8Array): void => {
        health.push(message[1]!);
        resolve();
      };
      client.serverStream(`/${HEALTH_SERVICE_NAME}/Watch`, new Uint8Array(0), { onMessage, onEnd });
    });
  });
  const streamEnd = ended((onEnd) => {
    const listener = { onMessage: () => undefined, onEnd };
    client.bidi("/google.pubsub.v1.Subscriber/StreamingPull", listener).send(streamingPullRequest());
  });
  // One connection: when this call is answered, the stream before it is open.
  await client.unary("/google.pubsub.v1.Publisher/GetTopic", stringField(1, TOPIC));
  await server.drain();
  assert.equal((await streamEnd)?.code, Status.UNAVAILABLE);
  assert.equal((await watchEnd)?.code, Status.UNAVAILABLE);
  assert.deepEqual(health, [1, 2]);
  assert.equal(await server.closed, undefined);
  await client.close();
});

test("a pull that waits is answered by a drain, not cut off", LIMIT, async (context) => {
  const server = await start(context);
  await createPair(server);
  const client = new GrpcClient(`127.0.0.1:${server.port}`);
  const pull = client.unary(
    "/google.pubsub.v1.Subscriber/Pull",
    Buffer.concat([stringField(1, SUBSCRIPTION), Buffer.from([0x18, 1])]),
  );
  // The same connection: the pull is under way when this is answered.
  await client.unary("/google.pubsub.v1.Publisher/GetTopic", stringField(1, TOPIC));
  const draining = server.drain();
  const outcome = await pull.then(
    (answer) => answer.length,
    (error: GrpcError) => error.code,
  );
  assert.ok(outcome === 0 || outcome === Status.UNAVAILABLE, `the pull ended with ${outcome}`);
  await draining;
  await client.close();
});

test("a connection that never ends does not hold a drain for more than its limit", LIMIT, async (context) => {
  const server = await start(context);
  const session = connectHttp2(`http://127.0.0.1:${server.port}`);
  session.on("error", () => undefined);
  const request = session.request({
    ":method": "POST",
    ":path": `/v1/${TOPIC}:publish`,
    "content-type": "application/json",
  });
  request.on("error", () => undefined);
  request.write("{");
  await once(session, "remoteSettings");
  const beganAtMs = performance.now();
  await server.drain();
  assert.ok(performance.now() - beganAtMs < 10_000);
  session.destroy();
});

test("a directory in use is refused, and is free again after the drain", LIMIT, async (context) => {
  const data = temporaryDirectory(context);
  const first = await start(context, { data });
  await assert.rejects(
    start(context, { data }),
    (error) => error instanceof StartError && error.reason === "directoryLocked",
  );
  await first.drain();
  await start(context, { data });
});

test("a port that is taken leaves nothing behind: the directory is free", LIMIT, async (context) => {
  const data = temporaryDirectory(context);
  const other = await start(context);
  await assert.rejects(
    start(context, { data, port: other.port }),
    (error) => error instanceof StartError && error.reason === "portTaken",
  );
  await start(context, { data });
});

test("reflection finds the services of Pub/Sub, and health knows them", LIMIT, async (context) => {
  const server = await start(context);
  const client = new GrpcClient(`127.0.0.1:${server.port}`);
  const answer = await new Promise<Uint8Array>((resolve, reject) => {
    const call = client.bidi("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", {
      onMessage: resolve,
      onEnd: (error) => reject(error ?? new Error("no answer")),
    });
    call.send(stringField(4, "google.pubsub.v1.Subscriber"));
  });
  assert.ok(Buffer.from(answer).includes("google/pubsub/v1/pubsub.proto"));
  const health = await client.unary(`/${HEALTH_SERVICE_NAME}/Check`, stringField(1, "google.pubsub.v1.Publisher"));
  assert.deepEqual([...health], [0x08, 1]);
  await client.close();
});
