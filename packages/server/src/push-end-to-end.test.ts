/** Pushes of a whole server, started in this process, to endpoints over real sockets. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { createLogger } from "./logger.js";
import { LOCALHOST_PAIR } from "./push/tls-pairs.test.support.js";
import type { RunningServer, ServerOptions } from "./running-server.js";
import { startServer } from "./start-server.js";

const LIMIT = { timeout: 60_000 };
const TOPIC = "projects/proj/topics/topic";
const SUBSCRIPTION = "projects/proj/subscriptions/sub";

async function start(context: TestContext, options: Partial<ServerOptions> = {}): Promise<RunningServer> {
  const server = await startServer({
    host: "127.0.0.1",
    port: 0,
    data: undefined,
    profile: "emulator",
    tls: undefined,
    hasTestClock: false,
    logger: createLogger("silent"),
    ...options,
  });
  context.after(() => server.drain());
  return server;
}

async function rest({ port }: RunningServer, method: string, path: string, body?: object) {
  const init = { method, headers: { "content-type": "application/json" } };
  const url = `http://127.0.0.1:${port}/v1/${path}`;
  const response = await fetch(url, body === undefined ? init : { ...init, body: JSON.stringify(body) });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text);
}

async function createPair(server: RunningServer, subscription: object): Promise<void> {
  await rest(server, "PUT", TOPIC);
  await rest(server, "PUT", SUBSCRIPTION, { topic: TOPIC, ...subscription });
}

async function publish(server: RunningServer, ...texts: readonly string[]): Promise<readonly string[]> {
  const messages = texts.map((text) => ({ data: Buffer.from(text).toString("base64") }));
  return (await rest(server, "POST", `${TOPIC}:publish`, { messages })).messageIds;
}

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An endpoint that remembers what it got. */
class Endpoint {
  readonly received: Received[] = [];
  status = 204;
  port = 0;
  #onReceived: () => void = () => undefined;

  static async listen(context: TestContext, isSecure = false): Promise<Endpoint> {
    const endpoint = new Endpoint();
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      void endpoint.#answer(request, response);
    };
    const server = isSecure ? createTlsServer(LOCALHOST_PAIR, listener) : createServer(listener);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    context.after(() => {
      server.closeAllConnections();
      server.close();
    });
    endpoint.port = (server.address() as AddressInfo).port;
    return endpoint;
  }

  /** Resolves when so many requests have come. */
  async until(count: number): Promise<readonly Received[]> {
    while (this.received.length < count) {
      await new Promise<void>((resolve) => {
        this.#onReceived = resolve;
      });
    }
    return this.received;
  }

  get texts(): readonly string[] {
    return this.received.map(({ body }) => Buffer.from(JSON.parse(body).message.data, "base64").toString());
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    response.statusCode = this.status;
    response.end();
    this.received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
    this.#onReceived();
  }
}

/** Resolves when the subscription has no backlog. */
async function settled(server: RunningServer): Promise<void> {
  for (;;) {
    const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
    if (/^pubsub_googleapis_com_subscription_num_undelivered_messages\{.*\} 0$/m.test(text)) return;
  }
}

test(
  "published messages arrive at the endpoint, with everything that is known of them (PUSH-001)",
  LIMIT,
  async (context) => {
    const server = await start(context);
    const endpoint = await Endpoint.listen(context);
    await createPair(server, { pushConfig: { pushEndpoint: `http://127.0.0.1:${endpoint.port}/a?b=c` } });
    const [id] = await publish(server, "hello");
    const [{ headers, body }] = (await endpoint.until(1)) as [Received];
    const { message, ...rest } = JSON.parse(body);
    const { publishTime } = message;
    assert.deepEqual(rest, { subscription: SUBSCRIPTION });
    assert.deepEqual(message, {
      ...{ data: "aGVsbG8=", messageId: id, message_id: id, publishTime, publish_time: publishTime },
    });
    assert.equal(headers["content-type"], "application/json");
    await settled(server);
  },
);

test(
  "a failed push comes again, and a subscription that is pulled from again keeps its backlog (SUB-017)",
  LIMIT,
  async (context) => {
    const server = await start(context);
    const endpoint = await Endpoint.listen(context);
    const pushConfig = { pushEndpoint: `http://localhost:${endpoint.port}/` };
    await createPair(server, { pushConfig });
    endpoint.status = 503;
    await publish(server, "again");
    assert.deepEqual(new Set((await endpoint.until(3)) && endpoint.texts), new Set(["again"]));
    await rest(server, "POST", `${SUBSCRIPTION}:modifyPushConfig`, { pushConfig: {} });
    const { receivedMessages } = await rest(server, "POST", `${SUBSCRIPTION}:pull`, { maxMessages: 1 });
    assert.equal(receivedMessages[0].message.data, Buffer.from("again").toString("base64"));
    const { ackId } = receivedMessages[0];
    await rest(server, "POST", `${SUBSCRIPTION}:modifyAckDeadline`, { ackIds: [ackId], ackDeadlineSeconds: 0 });
    endpoint.status = 200;
    const before = endpoint.received.length;
    await rest(server, "POST", `${SUBSCRIPTION}:modifyPushConfig`, { pushConfig });
    await endpoint.until(before + 1);
    await settled(server);
  },
);

test("pushes go on after a restart, from where they were (PUSH-014)", LIMIT, async (context) => {
  const data = mkdtempSync(join(tmpdir(), "peal-push-"));
  context.after(() => rmSync(data, { recursive: true, force: true }));
  const endpoint = await Endpoint.listen(context);
  const first = await start(context, { data });
  await createPair(first, { pushConfig: { pushEndpoint: `http://127.0.0.1:${endpoint.port}/` } });
  await publish(first, "one");
  await endpoint.until(1);
  await settled(first);
  await first.drain();
  const second = await start(context, { data });
  await publish(second, "two");
  await endpoint.until(2);
  assert.deepEqual(endpoint.texts, ["one", "two"]);
});

test(
  "a token is verified with what the server tells of its keys, also after a restart (PUSH-007)",
  LIMIT,
  async (context) => {
    const data = mkdtempSync(join(tmpdir(), "peal-push-"));
    context.after(() => rmSync(data, { recursive: true, force: true }));
    const endpoint = await Endpoint.listen(context);
    const pushEndpoint = `http://127.0.0.1:${endpoint.port}/hook`;
    const first = await start(context, { data });
    const oidcToken = { serviceAccountEmail: "pusher@proj.iam.gserviceaccount.com" };
    await createPair(first, { pushConfig: { pushEndpoint, oidcToken } });
    await publish(first, "signed");
    const [{ headers }] = (await endpoint.until(1)) as [Received];
    await first.drain();

    const second = await start(context, { data });
    const discovery = await fetch(`http://127.0.0.1:${second.port}/.well-known/openid-configuration`);
    const { issuer, jwks_uri } = (await discovery.json()) as { issuer: string; jwks_uri: string };
    const [scheme, token] = headers.authorization!.split(" ");
    assert.equal(scheme, "Bearer");
    const keys = createRemoteJWKSet(new URL(jwks_uri));
    const { payload, protectedHeader } = await jwtVerify(token!, keys, { issuer, audience: pushEndpoint });
    assert.equal(protectedHeader.alg, "RS256");
    assert.equal(payload["email"], oidcToken.serviceAccountEmail);
  },
);

test("an https endpoint with a certificate of one's own authority gets its pushes", LIMIT, async (context) => {
  const endpoint = await Endpoint.listen(context, true);
  const push = { ca: Buffer.from(LOCALHOST_PAIR.cert), allowsPrivate: true };
  const server = await start(context, { profile: "service", push });
  await createPair(server, { pushConfig: { pushEndpoint: `https://localhost:${endpoint.port}/` } });
  await publish(server, "secret");
  await endpoint.until(1);
  assert.deepEqual(endpoint.texts, ["secret"]);
});

test("in the service profile nothing is pushed to this machine", LIMIT, async (context) => {
  const endpoint = await Endpoint.listen(context, true);
  const push = { ca: Buffer.from(LOCALHOST_PAIR.cert) };
  const server = await start(context, { profile: "service", push });
  await createPair(server, { pushConfig: { pushEndpoint: `https://localhost:${endpoint.port}/` } });
  await publish(server, "secret");
  // Each attempt that was refused is a nack.
  for (;;) {
    const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
    const [, nacked = "0"] = /^peal_subscription_nacked_messages\{.*\} (\d+)$/m.exec(text) ?? [];
    if (Number(nacked) >= 1) break;
  }
  assert.deepEqual(endpoint.received, []);
});

test("messages of a key are pushed one at a time, in order, whatever fails (ORD-008)", LIMIT, async (context) => {
  const server = await start(context);
  const endpoint = await Endpoint.listen(context);
  const pushConfig = { pushEndpoint: `http://127.0.0.1:${endpoint.port}/` };
  await createPair(server, { pushConfig, enableMessageOrdering: true });
  const texts = Array.from({ length: 20 }, (_, index) => String(index));
  const messages = texts.map((text) => ({ data: Buffer.from(text).toString("base64"), orderingKey: "k" }));
  endpoint.status = 500;
  await rest(server, "POST", `${TOPIC}:publish`, { messages });
  await endpoint.until(2);
  assert.deepEqual(new Set(endpoint.texts), new Set(["0"]));
  endpoint.status = 200;
  await settled(server);
  const firsts = endpoint.texts.filter((text, index) => endpoint.texts.indexOf(text) === index);
  assert.deepEqual(firsts, texts);
});

test("endpoints that never answer hold up nobody else, and a drain does not wait for them", LIMIT, async (context) => {
  const server = await start(context);
  const silent = createServer(() => undefined);
  silent.listen(0, "127.0.0.1");
  await once(silent, "listening");
  context.after(() => {
    silent.closeAllConnections();
    silent.close();
  });
  const endpoint = await Endpoint.listen(context);
  await createPair(server, { pushConfig: { pushEndpoint: `http://127.0.0.1:${endpoint.port}/` } });
  const pushEndpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
  for (let index = 0; index < 20; index += 1) {
    await rest(server, "PUT", `${SUBSCRIPTION}-${index}`, { topic: TOPIC, pushConfig: { pushEndpoint } });
  }
  for (let round = 0; round < 10; round += 1) await publish(server, ...Array.from({ length: 20 }, () => "x"));
  await endpoint.until(200);
  const beganAtMs = performance.now();
  await server.drain();
  assert.ok(performance.now() - beganAtMs < 5_500);
});

test(
  "a message that fails as often as its policy allows goes to the dead-letter topic (DLQ-007)",
  LIMIT,
  async (context) => {
    const server = await start(context);
    const endpoint = await Endpoint.listen(context);
    endpoint.status = 500;
    await rest(server, "PUT", "projects/proj/topics/dead");
    await rest(server, "PUT", "projects/proj/subscriptions/dead", { topic: "projects/proj/topics/dead" });
    await createPair(server, {
      pushConfig: { pushEndpoint: `http://127.0.0.1:${endpoint.port}/` },
      deadLetterPolicy: { deadLetterTopic: "projects/proj/topics/dead", maxDeliveryAttempts: 5 },
    });
    await publish(server, "doomed");
    // A pull without returnImmediately waits for the first message.
    let found: readonly { readonly message: { readonly data: string } }[] = [];
    while (found.length === 0) {
      found =
        (await rest(server, "POST", "projects/proj/subscriptions/dead:pull", { maxMessages: 1 })).receivedMessages ??
        [];
    }
    assert.equal(found[0]!.message.data, Buffer.from("doomed").toString("base64"));
    const attempts = endpoint.received.map(({ body }) => JSON.parse(body).deliveryAttempt);
    assert.deepEqual(attempts, [1, 2, 3, 4, 5]);
  },
);

test("authorities that are no certificates are refused before anything begins", LIMIT, async (context) => {
  for (const ca of ["", "nonsense", LOCALHOST_PAIR.key]) {
    await assert.rejects(start(context, { push: { ca: Buffer.from(ca) } }), { reason: "tlsUnusable" });
  }
});
