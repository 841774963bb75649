import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { deflateMessage, type Encoding, encodingOf, inflateMessage } from "./encoding.js";

const MEBIBYTE = 2 ** 20;

test("encodings are known by the names of the protocol, and none is identity", () => {
  for (const name of ["identity", "gzip", "deflate"]) assert.equal(encodingOf(name), name);
  assert.equal(encodingOf(undefined), "identity");
  for (const name of ["", "GZIP", "br", "snappy", "gzip "]) assert.equal(encodingOf(name), undefined);
});

test("what is compressed comes back, in each encoding and any size", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 5_000 }),
      fc.constantFrom("gzip", "deflate"),
      async (data, encoding) => {
        const inflated = await inflateMessage(encoding, await deflateMessage(encoding, data), data.length);
        assert.deepEqual(inflated, { kind: "message", message: Buffer.from(data) });
      },
    ),
    { numRuns: 30 },
  );
});

test("what another implementation compressed is inflated", async () => {
  const data = Buffer.from("peal ".repeat(1_000));
  for (const [encoding, bytes] of [
    ["gzip", gzipSync(data)],
    ["deflate", deflateSync(data)],
  ] as const) {
    assert.deepEqual(await inflateMessage(encoding, bytes, data.length), { kind: "message", message: data });
  }
});

test("identity hands over the same bytes", async () => {
  const data = Buffer.from([1, 2]);
  const inflated = await inflateMessage("identity", data, 2);
  assert.ok(inflated.kind === "message" && inflated.message === data);
});

test("a message of the limit's size is inflated, one byte more is too large", async () => {
  const bytes = gzipSync(Buffer.alloc(1_000));
  assert.equal((await inflateMessage("gzip", bytes, 1_000)).kind, "message");
  assert.equal((await inflateMessage("gzip", bytes, 999)).kind, "tooLarge");
});

test("a bomb of half a GiB is given up at the limit, and costs little memory", async () => {
  const bomb = Buffer.concat(Array.from({ length: 8 }, () => gzipSync(Buffer.alloc(64 * MEBIBYTE))));
  const before = process.memoryUsage();
  let peakBytes = 0;
  const sampler = setInterval(() => {
    const now = process.memoryUsage();
    peakBytes = Math.max(peakBytes, now.arrayBuffers - before.arrayBuffers);
  }, 1);
  const inflated = await inflateMessage("gzip", bomb, MEBIBYTE);
  clearInterval(sampler);
  const after = process.memoryUsage();
  peakBytes = Math.max(peakBytes, after.arrayBuffers - before.arrayBuffers);
  assert.equal(inflated.kind, "tooLarge");
  assert.ok(peakBytes < 8 * MEBIBYTE, `${peakBytes} bytes were held`);
});

test("bytes that are not of their encoding, or are cut, are malformed", async () => {
  const cases: readonly [Encoding, Buffer][] = [
    ["gzip", Buffer.from("not gzip")],
    ["gzip", deflateSync("x")],
    ["deflate", gzipSync("x")],
    ["gzip", gzipSync("a long enough text").subarray(0, -9)],
    ["deflate", deflateSync("a long enough text").subarray(0, -5)],
    ["gzip", Buffer.alloc(0)],
    ["deflate", Buffer.alloc(0)],
  ];
  for (const [encoding, bytes] of cases) {
    assert.equal(
      (await inflateMessage(encoding, bytes, 100)).kind,
      "malformed",
      `${encoding} ${bytes.toString("hex")}`,
    );
  }
});
