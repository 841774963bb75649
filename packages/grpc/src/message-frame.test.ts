import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { frameMessage, PREFIX_BYTES } from "./message-frame.js";

test("a frame is the flag, the length in four bytes, and the message", () => {
  assert.deepEqual(Buffer.concat(frameMessage(Buffer.from("hi"))), Buffer.from([0, 0, 0, 0, 2, 0x68, 0x69]));
  assert.deepEqual(Buffer.concat(frameMessage(Buffer.alloc(0), true)), Buffer.from([1, 0, 0, 0, 0]));
});

test("parts of a message become one frame, whatever their number and size", () => {
  const part = fc.oneof(fc.uint8Array({ maxLength: 50 }), fc.uint8Array({ minLength: 5_000, maxLength: 9_000 }));
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), fc.boolean(), (parts, isCompressed) => {
      const body = Buffer.concat(parts);
      const frame = Buffer.concat(frameMessage(parts, isCompressed));
      assert.equal(frame[0], isCompressed ? 1 : 0);
      assert.equal(frame.readUInt32BE(1), body.length);
      assert.ok(frame.subarray(PREFIX_BYTES).equals(body));
    }),
  );
});

test("a small message is one chunk, and the bytes of a large one are not copied", () => {
  assert.equal(frameMessage(Buffer.alloc(8 * 1024)).length, 1);
  const large = new Uint8Array(100_000).subarray(7);
  const [prefix, body] = frameMessage(large);
  assert.equal(prefix?.length, PREFIX_BYTES);
  assert.equal(body?.buffer, large.buffer);
  assert.equal(body?.byteOffset, 7);
});
