import assert from "node:assert/strict";
import type { OutgoingHttpHeaders } from "node:http2";
import { test } from "node:test";
import fc from "fast-check";
import { Metadata } from "./metadata.js";

const outgoing = (metadata: Metadata): OutgoingHttpHeaders => {
  const headers: OutgoingHttpHeaders = {};
  metadata.addTo(headers);
  return headers;
};

test("the protocol's own headers are not seen", () => {
  const metadata = Metadata.fromHeaders({
    ":path": "/a.B/C",
    ":status": "200",
    "content-type": "application/grpc",
    te: "trailers",
    "grpc-timeout": "1S",
    "grpc-encoding": "gzip",
    "grpc-accept-encoding": "gzip",
    "grpc-status": "0",
    "grpc-message": "x",
    "grpc-status-details-bin": "AA",
  });
  assert.ok(metadata.isEmpty);
  assert.deepEqual([...metadata.entries()], []);
});

test("a key is found in any letter case", () => {
  const metadata = Metadata.fromHeaders({ "x-goog-request-params": "topic=t" });
  assert.equal(metadata.get("X-Goog-Request-Params"), "topic=t");
  metadata.set("X-Other", "1");
  assert.equal(metadata.get("x-other"), "1");
  assert.equal(metadata.get("x-third"), undefined);
});

test("set replaces, append adds, and the first value is the one that get tells", () => {
  const metadata = new Metadata();
  metadata.append("k", "1");
  metadata.append("k", "2");
  assert.equal(metadata.get("k"), "1");
  assert.deepEqual(outgoing(metadata), { k: ["1", "2"] });
  metadata.set("k", "3");
  assert.deepEqual(outgoing(metadata), { k: "3" });
});

test("binary values come with or without padding, several in one header or in several", () => {
  const one = Metadata.fromHeaders({ "a-bin": "AAE=, Ag", "b-bin": ["Aw==", "BA"] } as never);
  const values = [...one.entries()].map(([key, value]) => [key, [...Buffer.from(value as Uint8Array)]]);
  assert.deepEqual(values, [
    ["a-bin", [0, 1]],
    ["a-bin", [2]],
    ["b-bin", [3]],
    ["b-bin", [4]],
  ]);
  assert.deepEqual(one.getBinary("A-Bin"), Buffer.from([0, 1]));
});

test("a text value with commas stays one value", () => {
  assert.equal(Metadata.fromHeaders({ accept: "a, b" }).get("accept"), "a, b");
});

test("text is not read as bytes, nor bytes as text", () => {
  const metadata = Metadata.fromHeaders({ text: "AA", "bytes-bin": "AA" });
  assert.equal(metadata.get("bytes-bin"), undefined);
  assert.equal(metadata.getBinary("text"), undefined);
});

test("keys and values that HTTP/2 or gRPC would refuse are refused where they are set", () => {
  const metadata = new Metadata();
  for (const key of ["", "a b", "ä", ":path", "te", "Content-Type", "grpc-status", "connection", "a\n"]) {
    assert.throws(() => metadata.set(key, "v"), TypeError, JSON.stringify(key));
    assert.throws(() => metadata.append(key, "v"), TypeError, JSON.stringify(key));
  }
  for (const value of ["é", "a\nb", "a\rb", "\0", "\x7f"]) assert.throws(() => metadata.set("k", value), TypeError);
  assert.throws(() => metadata.set("k", Buffer.alloc(1)), TypeError);
  assert.throws(() => metadata.set("k-bin", "text"), TypeError);
  assert.ok(metadata.isEmpty);
});

test("bytes of any value survive the way out and in, also in a view of a larger buffer", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 5 }), (values) => {
      const metadata = new Metadata();
      for (const value of values) {
        const large = new Uint8Array(value.length + 8);
        large.set(value, 3);
        metadata.append("x-bin", large.subarray(3, 3 + value.length));
      }
      const headers = outgoing(metadata);
      const joined = [headers["x-bin"]].flat().join(",");
      for (const incoming of [headers, { "x-bin": joined }]) {
        const back = [...Metadata.fromHeaders(incoming as never).entries()];
        assert.deepEqual(
          back.map(([, value]) => [...(value as Uint8Array)]),
          values.map((value) => [...value]),
        );
      }
    }),
  );
});
