import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { GrpcClient } from "./client/grpc-client.js";
import { Health } from "./health.js";
import { GrpcServer } from "./server/grpc-server.js";
import { GrpcError, Status } from "./status.js";

const SERVING = [8, 1];
const NOT_SERVING = [8, 2];
const SERVICE_UNKNOWN = [8, 3];

const request = (name: string): Uint8Array =>
  name === "" ? new Uint8Array() : Buffer.concat([Buffer.from([10, name.length]), Buffer.from(name)]);

async function start(context: TestContext, health: Health): Promise<GrpcClient> {
  const server = new GrpcServer([health.service], (_request, response) => response.end());
  const client = new GrpcClient(`127.0.0.1:${await server.listen(["127.0.0.1"], 0)}`);
  context.after(async () => {
    await client.close();
    server.close();
  });
  return client;
}

test("Check tells whether a service, or the whole, takes calls", async (context) => {
  const health = new Health(["a.B"]);
  const client = await start(context, health);
  const check = async (name: string): Promise<number[]> => [
    ...(await client.unary("/grpc.health.v1.Health/Check", request(name))),
  ];
  assert.deepEqual(await check(""), SERVING);
  assert.deepEqual(await check("a.B"), SERVING);
  health.set("a.B", false);
  assert.deepEqual(await check("a.B"), NOT_SERVING);
  assert.deepEqual(await check(""), SERVING);
  health.setAll(false);
  assert.deepEqual(await check(""), NOT_SERVING);
  await assert.rejects(check("c.D"), (error) => error instanceof GrpcError && error.code === Status.NOT_FOUND);
});

test("a request that is no HealthCheckRequest is INVALID_ARGUMENT", async (context) => {
  const client = await start(context, new Health());
  const call = client.unary("/grpc.health.v1.Health/Check", Buffer.from([10, 200]));
  await assert.rejects(call, (error) => error instanceof GrpcError && error.code === Status.INVALID_ARGUMENT);
});

test("Watch tells the state now and each change, and ends when the server goes away", async (context) => {
  const health = new Health();
  const client = await start(context, health);
  const seen: number[][] = [];
  const error = await new Promise<GrpcError | undefined>((resolve) => {
    client.serverStream("/grpc.health.v1.Health/Watch", request("a.B"), {
      onMessage: (message) => {
        seen.push([...message]);
        if (seen.length === 1) {
          health.set("a.B", true);
          health.set("a.B", true);
          health.set("", false);
        } else if (seen.length === 2) health.set("a.B", false);
        else health.endWatches();
      },
      onEnd: resolve,
    });
  });
  assert.deepEqual(seen, [SERVICE_UNKNOWN, SERVING, NOT_SERVING]);
  assert.equal(error?.code, Status.UNAVAILABLE);
});
