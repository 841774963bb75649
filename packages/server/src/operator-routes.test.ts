import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import test, { type TestContext } from "node:test";
import { createHttpHandler, type OperatorRoutes } from "./operator-routes.js";

interface Bed {
  readonly port: number;
  readonly server: Server;
  readonly errors: unknown[];
}

async function startBed(context: TestContext, routes: Partial<OperatorRoutes>): Promise<Bed> {
  const errors: unknown[] = [];
  const handler = createHttpHandler({
    scrape: async function* () {
      yield "a 1\n";
      yield "b 2\n";
    },
    advanceClock: undefined,
    signer: { issuer: "https://accounts.google.com", publicKeys: async () => ({ keys: [] }) },
    onError: (error) => errors.push(error),
    next: (_request, response) => {
      response.statusCode = 404;
      response.end("next");
    },
    ...routes,
  });
  const server = createServer(handler);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, server, errors };
}

async function call({ port }: Bed, method: string, path: string, body?: string) {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, body === undefined ? { method } : { method, body });
  return { status: response.status, type: response.headers.get("content-type"), text: await response.text() };
}

test("a scrape is answered with all slices, in the type of Prometheus", async (context) => {
  const bed = await startBed(context, {});
  assert.deepEqual(await call(bed, "GET", "/metrics?x=1"), {
    status: 200,
    type: "text/plain; version=0.0.4; charset=utf-8",
    text: "a 1\nb 2\n",
  });
  assert.equal((await call(bed, "HEAD", "/metrics")).status, 200);
});

test("every other path and verb is the API's", async (context) => {
  const bed = await startBed(context, {});
  for (const [method, path] of [
    ["GET", "/"],
    ["POST", "/metrics"],
    ["GET", "/metricsx"],
  ] as const) {
    assert.equal((await call(bed, method, path)).text, "next", `${method} ${path}`);
  }
});

test("without a test clock there is nothing to advance", async (context) => {
  const bed = await startBed(context, {});
  assert.equal((await call(bed, "POST", "/_/clock:advance", '{"by": "1s"}')).text, "next");
});

test("the clock is advanced before the answer comes", async (context) => {
  const moves: number[] = [];
  const bed = await startBed(context, {
    advanceClock: async (byMs) => {
      await new Promise((resolve) => setImmediate(resolve));
      moves.push(byMs);
    },
  });
  assert.deepEqual(await call(bed, "POST", "/_/clock:advance", '{"by": "11m"}'), {
    status: 200,
    type: "application/json; charset=utf-8",
    text: "{}\n",
  });
  assert.deepEqual(moves, [660_000]);
});

test("a bad span is answered 400 and a long body 413, each with what to send", async (context) => {
  const bed = await startBed(context, { advanceClock: () => Promise.reject(new Error("must not be called")) });
  const bad = await call(bed, "POST", "/_/clock:advance", '{"by": "soon"}');
  assert.deepEqual(
    [bad.status, bad.text],
    [400, 'by is "soon"; use a span like "11m", "1h30m" or "500ms", above 0 and at most "366d"\n'],
  );
  assert.equal((await call(bed, "POST", "/_/clock:advance", " ".repeat(5_000))).status, 413);
  assert.equal((await call(bed, "POST", "/_/clock:advance", " ".repeat(5_000_000))).status, 413);
  assert.deepEqual(bed.errors, []);
});

test("a failure of the clock is answered 500 and told to the server", async (context) => {
  const failure = new Error("the disk");
  const bed = await startBed(context, { advanceClock: () => Promise.reject(failure) });
  const answer = await call(bed, "POST", "/_/clock:advance", '{"by": "1s"}');
  assert.equal(answer.status, 500);
  assert.doesNotMatch(answer.text, /the disk/);
  assert.deepEqual(bed.errors, [failure]);
});

test("a fifth scrape at a time is refused, and a reader that leaves makes room", async (context) => {
  let open = 0;
  const bed = await startBed(context, {
    scrape: async function* () {
      open += 1;
      try {
        for (;;) {
          yield "x".repeat(65_536);
          await new Promise((resolve) => setImmediate(resolve));
        }
      } finally {
        open -= 1;
      }
    },
  });
  const readers = Array.from({ length: 4 }, () => {
    const reader = request({ host: "127.0.0.1", port: bed.port, path: "/metrics" });
    reader.on("error", () => undefined);
    reader.end();
    return reader;
  });
  await Promise.all(readers.map((reader) => once(reader, "response")));
  assert.equal(open, 4);
  assert.equal((await call(bed, "GET", "/metrics")).status, 503);
  for (const reader of readers) reader.destroy();
  while (open > 0) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(bed.errors, []);
});

test("the endpoints of pushes find the issuer and its keys at the address they asked", async (context) => {
  const bed = await startBed(context, {});
  const discovery = await call(bed, "GET", "/.well-known/openid-configuration");
  assert.equal(discovery.status, 200);
  assert.equal(discovery.type, "application/json; charset=utf-8");
  const document = JSON.parse(discovery.text);
  assert.equal(document.issuer, "https://accounts.google.com");
  assert.equal(document.jwks_uri, `http://127.0.0.1:${bed.port}/.well-known/jwks.json`);
  assert.deepEqual(document.id_token_signing_alg_values_supported, ["RS256"]);
  assert.deepEqual(JSON.parse((await call(bed, "GET", "/.well-known/jwks.json")).text), { keys: [] });
});

test("an issuer of one's own is where its keys are", async (context) => {
  const signer = { issuer: "https://push.example.com/", publicKeys: async () => ({ keys: [] }) };
  const bed = await startBed(context, { signer });
  const document = JSON.parse((await call(bed, "GET", "/.well-known/openid-configuration")).text);
  assert.equal(document.issuer, "https://push.example.com/");
  assert.equal(document.jwks_uri, "https://push.example.com/.well-known/jwks.json");
});

test("keys that cannot be read are an error of the server, which is told", async (context) => {
  const failure = new Error("the disk is gone");
  const signer = { issuer: "https://accounts.google.com", publicKeys: () => Promise.reject(failure) };
  const bed = await startBed(context, { signer });
  assert.equal((await call(bed, "GET", "/.well-known/jwks.json")).status, 500);
  assert.deepEqual(bed.errors, [failure]);
});
