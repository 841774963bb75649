import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import type { ServerDuplexStream, ServerUnaryCall, sendUnaryData } from "@grpc/grpc-js";
import { MessageAssembler } from "../message-assembler.js";
import { type GrpcError, Status } from "../status.js";
import { failure } from "./failure.test.support.js";
import { answer, frame, startFaulty } from "./faulty-server.test.support.js";
import { type OracleMethod, startOracle } from "./oracle-server.test.support.js";

const echo: OracleMethod = {
  handle: (call: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>) => reply(null, call.request),
};
const talk: OracleMethod = {
  requestStream: true,
  responseStream: true,
  handle: (call: ServerDuplexStream<Buffer, Buffer>) => {
    call.on("data", (message: Buffer) => call.write(message));
    call.on("end", () => call.end());
  },
};

for (const compression of ["gzip", "deflate"] as const) {
  test(`requests go out as ${compression} where that is asked for`, async (context) => {
    const { client } = await startOracle(context, { Echo: echo });
    for (const size of [0, 1, 1_023, 1_024, 100_000, 3_000_000]) {
      const request = Buffer.alloc(size, "peal ");
      const back = await client.unary("/oracle.Service/Echo", request, { compression });
      assert.ok(request.equals(back), `${size} bytes come back`);
    }
  });

  test(`messages of any size stay in order where the large ones become ${compression}`, async (context) => {
    const { client } = await startOracle(context, { Talk: talk });
    const messages = Array.from({ length: 40 }, (_, index) => Buffer.alloc([5, 2_000, 80_000][index % 3]!, index));
    const seen: Uint8Array[] = [];
    const error = await new Promise<GrpcError | undefined>((resolve) => {
      const onMessage = (message: Uint8Array): void => void seen.push(message);
      const stream = client.bidi("/oracle.Service/Talk", { onMessage, onEnd: resolve }, { compression });
      for (const message of messages) stream.send([message.subarray(0, 3), message.subarray(3)]);
      stream.halfClose();
    });
    assert.equal(error, undefined);
    assert.deepEqual(seen, messages);
  });
}

test("only messages of 1 KiB and more are compressed, and each says whether it is", async (context) => {
  const seen: { readonly isCompressed: boolean; readonly data: Buffer }[] = [];
  let encoding: unknown;
  const { client } = await startFaulty(context, (stream, headers) => {
    encoding = headers["grpc-encoding"];
    const assembler = new MessageAssembler(1_000_000, {
      onMessage: (data, isCompressed) => void seen.push({ isCompressed, data }),
      onTooLarge: () => assert.fail(),
      onMalformed: () => assert.fail(),
    });
    stream.on("data", (chunk: Buffer) => assembler.push(chunk));
    stream.on("end", () => answer(stream, [frame("x")]));
  });
  const long = Buffer.alloc(1_024, "a");
  await client.unary("/a.B/C", long, { compression: "gzip" });
  await client.unary("/a.B/C", long.subarray(1), { compression: "gzip" });
  assert.equal(encoding, "gzip");
  assert.deepEqual(
    seen.map(({ isCompressed, data }) => [isCompressed, (isCompressed ? gunzipSync(data) : data).length]),
    [
      [true, 1_024],
      [false, 1_023],
    ],
  );
});

test("a cancelled call sends nothing of what was still being compressed", async (context) => {
  const { client } = await startOracle(context, { Echo: echo });
  const abort = new AbortController();
  const call = failure(
    client.unary("/oracle.Service/Echo", Buffer.alloc(5_000_000), { compression: "gzip", signal: abort.signal }),
  );
  abort.abort();
  assert.equal((await call).code, Status.CANCELLED);
  assert.equal((await client.unary("/oracle.Service/Echo", Buffer.alloc(3))).length, 3);
});

test("a sender is told when there is room again after compressing", async (context) => {
  const { client } = await startOracle(context, { Talk: talk });
  let drains = 0;
  await new Promise<void>((resolve) => {
    const stream = client.bidi(
      "/oracle.Service/Talk",
      {
        onMessage: () => undefined,
        onDrain: () => {
          drains += 1;
          if (drains < 4) assert.equal(stream.send(Buffer.alloc(2_000)), false);
          else stream.halfClose();
        },
        onEnd: () => resolve(),
      },
      { compression: "gzip" },
    );
    stream.send(Buffer.alloc(2_000));
  });
  assert.ok(drains >= 4);
});

test("more than 1 MiB is sent once and not kept: a refusal after it is the call's end", async (context) => {
  let count = 0;
  const { client } = await startFaulty(context, (stream) => {
    count += 1;
    stream.once("data", () => stream.close(7));
  });
  const large = client.unary("/a.B/C", Buffer.alloc(1_100_000));
  assert.equal((await failure(large)).code, Status.UNAVAILABLE);
  assert.equal(count, 1);
});
