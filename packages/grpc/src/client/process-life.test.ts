import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { type AddressInfo, createServer } from "node:net";
import { type TestContext, test } from "node:test";
import type { ServerUnaryCall, sendUnaryData } from "@grpc/grpc-js";
import { type OracleMethod, startOracle } from "./oracle-server.test.support.js";

/** Far more than the program needs, far less than what would hold it wrongly. */
const RUN_MS_MAX = 20_000;

/** What a program prints that makes one call and never closes its client. */
function run(context: TestContext, target: string, call: string, options = "{}"): Promise<string> {
  const program = `
    import { GrpcClient } from ${JSON.stringify(new URL("./grpc-client.js", import.meta.url).href)};
    const client = new GrpcClient(${JSON.stringify(target)}, ${options});
    ${call}
  `;
  return new Promise((resolve, reject) => {
    const args = ["--input-type=module", "--eval", program];
    const child = execFile(process.execPath, args, { timeout: RUN_MS_MAX }, (error, output) =>
      error === null ? resolve(output.trim()) : reject(error),
    );
    context.after(() => child.kill());
  });
}

async function closedTarget(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${port}`;
}

test("a process with no open call ends, though its connection is open", async (context) => {
  const slow: OracleMethod = {
    handle: (call: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>) => {
      setTimeout(() => reply(null, call.request), 50);
    },
  };
  const { target } = await startOracle(context, { Slow: slow });
  const call = `client.unary("/oracle.Service/Slow", Buffer.from("ok")).then((answer) => console.log(String(answer)));`;
  assert.equal(await run(context, target, call), "ok");
  assert.equal(await run(context, target, `${call} client.drain().then(() => console.log("drained"));`), "ok\ndrained");
});

test("a process with a call that waits for a connection does not end before the call", async (context) => {
  const call = `client.unary("/a.B/C", Buffer.alloc(1), { waitForReady: true, timeoutMs: 300 })
    .catch((error) => console.log(error.code));`;
  assert.equal(await run(context, await closedTarget(), call, "{ limits: { backoffMinMs: 200 } }"), "4");
});

test("a failed connect does not keep a process alive", async (context) => {
  const call = `client.unary("/a.B/C", Buffer.alloc(1)).catch((error) => console.log(error.code));`;
  const options = "{ limits: { backoffMinMs: 60_000, backoffMaxMs: 60_000 } }";
  assert.equal(await run(context, await closedTarget(), call, options), "14");
});
