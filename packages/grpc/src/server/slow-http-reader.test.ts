/** Peers that take no answers of requests that are not gRPC: they are charged and ended as callers are. */
import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { ManualTime } from "../manual-time.test.support.js";
import { Status } from "../status.js";
import type { HttpHandler } from "./grpc-server.js";
import { echo, startServer } from "./server-bed.test.support.js";

const MIB = 2 ** 20;
/** More than the system takes in for a socket that is not read. */
const ANSWER_BYTES = 16 * MIB;
const CALM = 11;
const GET = "GET /big HTTP/1.1\r\nhost: x\r\n\r\n";

const big: HttpHandler = (_request, response) => response.end(Buffer.alloc(ANSWER_BYTES));
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A connection that asks and does not read. */
function ask(context: TestContext, port: number, text: string): Socket {
  const peer = connectTcp(port, "127.0.0.1");
  peer.on("error", () => undefined);
  peer.pause();
  context.after(() => peer.destroy());
  peer.write(text);
  return peer;
}

/** Asks over HTTP/2 for answers whose windows stay shut. @returns The reset codes of those that have ended. */
async function askHttp2(context: TestContext, port: number, count: number): Promise<(number | undefined)[]> {
  const session = connectHttp2(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 1_000 } });
  session.on("error", () => undefined);
  context.after(() => session.destroy());
  await new Promise((resolve) => session.once("remoteSettings", resolve));
  const codes: (number | undefined)[] = [];
  for (let index = 0; index < count; index += 1) {
    const stream = session.request({ ":path": "/big" });
    stream.on("error", () => undefined);
    stream.on("close", () => codes.push(stream.rstCode));
  }
  return codes;
}

test("HTTP/1.1 answers that are not read pin no more than the send budget", async (context) => {
  const limits = { sendBudgetBytes: 3 * ANSWER_BYTES };
  let asked = 0;
  const counted: HttpHandler = (request, response) => {
    asked += 1;
    big(request, response);
  };
  const { port, server, call } = await startServer(context, [echo], { limits }, counted);
  for (let index = 0; index < 8; index += 1) ask(context, port, GET);
  while (asked < 8) await turn();
  while (server.connectionCount > 3 || server.unsentBytes > limits.sendBudgetBytes) await turn();
  assert.ok(server.unsentBytes > ANSWER_BYTES, "what is within the budget is kept");
  assert.equal((await call("Echo", Buffer.from("hi"))).code, Status.OK);
});

test("answers that wait behind another one of their connection are charged, and gone with it", async (context) => {
  const { port, server } = await startServer(context, [echo], {}, big);
  const peer = ask(context, port, GET.repeat(3));
  while (server.unsentBytes < 3 * ANSWER_BYTES) await turn();
  peer.destroy();
  while (server.unsentBytes > 0 || server.connectionCount > 0) await turn();
});

test("an HTTP/1.1 answer that was not read in time ends its connection", async (context) => {
  const time = new ManualTime();
  const limits = { answerMs: 60_000, keepAliveMs: 3_600_000 };
  const { port, server } = await startServer(context, [echo], { time, limits }, big);
  ask(context, port, GET);
  while (server.unsentBytes === 0) await turn();
  time.advance(59_000);
  for (let turns = 0; turns < 20; turns += 1) await turn();
  assert.equal(server.connectionCount, 1);
  time.advance(1_000);
  while (server.connectionCount > 0 || server.unsentBytes > 0) await turn();
});

test("HTTP/2 answers that are not read pin no more than the send budget", async (context) => {
  const limits = { sendBudgetBytes: 3 * ANSWER_BYTES };
  const { port, server } = await startServer(context, [echo], { limits }, big);
  const codes = await askHttp2(context, port, 8);
  while (codes.length < 5 || server.unsentBytes > limits.sendBudgetBytes) await turn();
  assert.deepEqual(new Set(codes), new Set([CALM]));
  assert.ok(server.unsentBytes > ANSWER_BYTES, "what is within the budget is kept");
});

test("an HTTP/2 answer that was not read in time is reset, and its connection stays", async (context) => {
  const time = new ManualTime();
  const limits = { answerMs: 60_000, keepAliveMs: 3_600_000 };
  const { port, server } = await startServer(context, [echo], { time, limits }, big);
  const codes = await askHttp2(context, port, 1);
  while (server.unsentBytes === 0) await turn();
  time.advance(59_000);
  for (let turns = 0; turns < 20; turns += 1) await turn();
  assert.deepEqual(codes, []);
  time.advance(1_000);
  while (codes.length === 0 || server.unsentBytes > 0) await turn();
  assert.deepEqual([codes, server.connectionCount], [[CALM], 1]);
});

test("answers that are read are no longer charged", async (context) => {
  const { port, server } = await startServer(context, [echo], {}, big);
  const peer = ask(context, port, GET);
  while (server.unsentBytes < ANSWER_BYTES) await turn();
  peer.resume();
  while (server.unsentBytes > 0) await turn();
  assert.equal(server.connectionCount, 1);
});
