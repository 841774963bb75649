import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { afterEach, test } from "node:test";
import { probeClock } from "./clock.js";
import { Rest } from "./rest.js";
import { Skipped } from "./skipped.js";

let server: Server | undefined;
let rest: Rest | undefined;

afterEach(() => {
  rest?.close();
  server?.close();
});

/** Serves one status for every request; returns a client of it and the requests that came. */
async function serve(status: number): Promise<{ rest: Rest; bodies: string[] }> {
  const bodies: string[] = [];
  const listening = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    bodies.push(`${request.method} ${request.url} ${body}`);
    response.writeHead(status).end("{}");
  });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const address = listening.address();
  assert.ok(typeof address === "object" && address !== null);
  rest = new Rest(`127.0.0.1:${address.port}`);
  return { rest, bodies };
}

test("a test clock is found and moved by as much as is asked", async () => {
  const { rest: client, bodies } = await serve(200);
  const clock = await probeClock(client);
  assert.equal(clock.isMovable, true);
  await clock.advance(660);
  assert.equal(bodies.at(-1), 'POST /_/clock:advance {"by":"660s"}');
});

test("an endpoint without a test clock is never asked again, and waits only for a minute", async () => {
  const { rest: client, bodies } = await serve(404);
  const clock = await probeClock(client);
  assert.equal(clock.isMovable, false);
  await clock.advance(0);
  await assert.rejects(clock.advance(61), Skipped);
  assert.equal(bodies.length, 1);
});
