/** Clients that ask over REST and do not read: their answers are charged to the server's send budget. */
import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { type TestContext, test } from "node:test";
import { GrpcServer } from "@peal/grpc";
import type { DeliveredBatch } from "../../engine/engine-contract.js";
import { apiFixture } from "../api-fixture.test.support.js";
import { createServices } from "../create-services.js";
import { batchOf } from "../delivered-batch.test.support.js";

const MIB = 2 ** 20;
const SEND_BUDGET_BYTES = 24 * MIB;
const PULL = "/v1/projects/p/subscriptions/billing:pull";
const BODY = '{"maxMessages":1}';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** One message whose data has 8 MiB; as JSON it has more than 11 million characters. */
function bigBatch(): DeliveredBatch {
  const bytes = Buffer.concat([Buffer.from([0x0a, 0x80, 0x80, 0x80, 0x04]), Buffer.alloc(8 * MIB)]);
  const batch = batchOf("");
  const runs = batch.runs.map((run) => ({ ...run, bytes, length: () => bytes.length }));
  return { ...batch, sizeBytes: bytes.length, runs };
}

async function startServer(context: TestContext) {
  const { engine, clock } = apiFixture();
  const { onHttpRequest } = createServices({ engine, clock, profile: "service" });
  const server = new GrpcServer([], onHttpRequest, { limits: { sendBudgetBytes: SEND_BUDGET_BYTES } });
  const port = await server.listen(["127.0.0.1"], 0);
  context.after(() => server.close());
  for (const [path, body] of [
    ["topics/orders", "{}"],
    ["subscriptions/billing", '{"topic":"projects/p/topics/orders"}'],
  ]) {
    const url = `http://127.0.0.1:${port}/v1/projects/p/${path}`;
    const headers = { connection: "close" };
    assert.equal((await fetch(url, { method: "PUT", headers, body: body ?? "" })).status, 200);
  }
  /** Gives every one of `count` pulls its message, one after another. */
  const deliver = async (count: number): Promise<void> => {
    while (engine.pullers.length < count) await turn();
    for (const puller of engine.pullers) puller.sink.deliver(bigBatch());
  };
  return { server, port, deliver };
}

test("pulls over HTTP/1.1 whose answers are not read are ended beyond the send budget", async (context) => {
  const { server, port, deliver } = await startServer(context);
  for (let index = 0; index < 4; index += 1) {
    const peer = connectTcp(port, "127.0.0.1");
    peer.on("error", () => undefined);
    peer.pause();
    context.after(() => peer.destroy());
    peer.write(`POST ${PULL} HTTP/1.1\r\nhost: x\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`);
  }
  await deliver(4);
  while (server.connectionCount > 2 || server.unsentBytes > SEND_BUDGET_BYTES) await turn();
  assert.ok(server.unsentBytes > 8 * MIB, "what is within the budget is kept");
  assert.equal(server.connectionCount, 2);
});

test("pulls over HTTP/2 whose answers are not read are reset beyond the send budget", async (context) => {
  const { server, port, deliver } = await startServer(context);
  const session = connectHttp2(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 1_000 } });
  session.on("error", () => undefined);
  context.after(() => session.destroy());
  await new Promise((resolve) => session.once("remoteSettings", resolve));
  const codes: (number | undefined)[] = [];
  for (let index = 0; index < 4; index += 1) {
    const stream = session.request({ ":method": "POST", ":path": PULL });
    stream.on("error", () => undefined);
    stream.on("close", () => codes.push(stream.rstCode));
    stream.end(BODY);
  }
  await deliver(4);
  while (codes.length < 2 || server.unsentBytes > SEND_BUDGET_BYTES) await turn();
  assert.ok(server.unsentBytes > 8 * MIB, "what is within the budget is kept");
  assert.deepEqual(codes, [11, 11]);
});
