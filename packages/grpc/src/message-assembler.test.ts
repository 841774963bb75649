import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MessageAssembler } from "./message-assembler.js";
import { frameMessage } from "./message-frame.js";

const LIMIT_BYTES = 20_000;

interface Seen {
  readonly messages: { readonly bytes: string; readonly isCompressed: boolean }[];
  readonly tooLarge: number[];
  readonly malformed: string[];
}

function assemble(onBegin?: (lengthBytes: number) => boolean): { assembler: MessageAssembler; seen: Seen } {
  const seen: Seen = { messages: [], tooLarge: [], malformed: [] };
  const assembler = new MessageAssembler(LIMIT_BYTES, {
    onMessage: (data, isCompressed) => seen.messages.push({ bytes: data.toString("hex"), isCompressed }),
    onTooLarge: (lengthBytes) => seen.tooLarge.push(lengthBytes),
    onMalformed: (reason) => seen.malformed.push(reason),
    ...(onBegin === undefined ? {} : { onBegin }),
  });
  return { assembler, seen };
}

/** The bytes in pieces of the given sizes, again and again; each piece in memory of its own. */
function* cut(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  let at = 0;
  for (let turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length]!;
    yield Buffer.from(bytes.subarray(at, at + size));
    at += size;
  }
}

const messages = fc.array(fc.tuple(fc.uint8Array({ maxLength: 300 }), fc.boolean()), { maxLength: 12 });
const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 8 });

const framed = (all: readonly (readonly [Uint8Array, boolean])[]): Buffer =>
  Buffer.concat(all.flatMap(([data, isCompressed]) => frameMessage(data, isCompressed)));

const expected = (all: readonly (readonly [Uint8Array, boolean])[]): Seen["messages"] =>
  all.map(([data, isCompressed]) => ({ bytes: Buffer.from(data).toString("hex"), isCompressed }));

test("however the bytes are cut, the same messages come out", () => {
  fc.assert(
    fc.property(messages, sizes, (all, pieces) => {
      const { assembler, seen } = assemble();
      for (const piece of cut(framed(all), pieces)) assembler.push(piece);
      assert.deepEqual(seen, { messages: expected(all), tooLarge: [], malformed: [] });
      assert.equal(assembler.isWithinMessage, false);
      assert.equal(assembler.heldBytes, 0);
    }),
  );
});

test("bytes that stop within a message are known as such, wherever they stop", () => {
  const bytes = framed([[Buffer.from("first"), false]]);
  for (let length = 0; length <= bytes.length; length += 1) {
    const { assembler, seen } = assemble();
    assembler.push(bytes.subarray(0, length));
    assert.equal(assembler.isWithinMessage, length > 0 && length < bytes.length, `${length} bytes`);
    assert.equal(seen.messages.length, length === bytes.length ? 1 : 0);
  }
});

test("a message whole in its chunk is a view of it, any other is a copy of its own", () => {
  const chunk = framed([[Buffer.from("abc"), false]]);
  const kept: Buffer[] = [];
  const assembler = new MessageAssembler(LIMIT_BYTES, {
    onMessage: (data) => kept.push(data),
    onTooLarge: () => assert.fail(),
    onMalformed: () => assert.fail(),
  });
  assembler.push(chunk);
  for (const piece of cut(chunk, [6])) {
    assembler.push(piece);
    piece.fill(0);
  }
  assert.equal(kept[0]!.buffer, chunk.buffer);
  assert.equal(kept[1]!.toString(), "abc");
});

test("a declared length beyond the limit is reported at once, and nothing after it is", () => {
  const { assembler, seen } = assemble();
  const prefix = frameMessage(Buffer.alloc(LIMIT_BYTES + 1))[0]!;
  assembler.push(framed([[Buffer.from("ok"), false]]));
  assembler.push(prefix.subarray(0, 5));
  assembler.push(framed([[Buffer.from("late"), false]]));
  assert.deepEqual([seen.messages.length, seen.tooLarge, assembler.heldBytes], [1, [LIMIT_BYTES + 1], 0]);
});

test("a message of exactly the limit is taken", () => {
  const { assembler, seen } = assemble();
  for (const chunk of frameMessage(Buffer.alloc(LIMIT_BYTES))) assembler.push(chunk);
  assert.equal(seen.messages.length, 1);
});

test("a compression flag other than 0 and 1 is malformed, and nothing after it is read", () => {
  for (const flag of [2, 0x47, 0xff]) {
    const { assembler, seen } = assemble();
    assembler.push(Buffer.from([flag, 0, 0, 0, 0]));
    assembler.push(framed([[Buffer.from("late"), false]]));
    assert.deepEqual([seen.messages.length, seen.malformed.length], [0, 1]);
  }
});

test("random bytes never throw, and report at most one fault", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 64 }), { maxLength: 20 }), (chunks) => {
      const { assembler, seen } = assemble();
      for (const chunk of chunks) assembler.push(Buffer.from(chunk));
      assert.ok(seen.malformed.length + seen.tooLarge.length <= 1);
      assert.ok(assembler.heldBytes <= LIMIT_BYTES);
    }),
  );
});

test("a message for which there is no memory waits for resume, and the order stays", () => {
  fc.assert(
    fc.property(messages, sizes, (all, pieces) => {
      const { assembler, seen } = assemble(() => false);
      for (const piece of cut(framed(all), pieces)) {
        assembler.push(piece);
        while (assembler.isHeld) {
          assert.ok(assembler.isWithinMessage);
          assembler.resume();
        }
      }
      assert.deepEqual(seen.messages, expected(all));
    }),
  );
});

test("what comes while a message waits is kept for it", () => {
  const { assembler, seen } = assemble(() => false);
  const bytes = framed([
    [Buffer.from("one"), false],
    [Buffer.from("two"), true],
  ]);
  for (const piece of cut(bytes, [5])) assembler.push(piece);
  assert.deepEqual([seen.messages.length, assembler.isHeld], [0, true]);
  while (assembler.isHeld) assembler.resume();
  assert.deepEqual(
    seen.messages,
    expected([
      [Buffer.from("one"), false],
      [Buffer.from("two"), true],
    ]),
  );
});

test("a stopped assembler lets go and reports nothing more, also from within a report", () => {
  const { assembler, seen } = assemble();
  assembler.push(frameMessage(Buffer.alloc(10_000))[0]!);
  assert.equal(assembler.heldBytes, 10_000);
  assembler.stop();
  assert.equal(assembler.heldBytes, 0);
  assembler.push(Buffer.alloc(20_000));
  assert.equal(seen.messages.length, 0);

  let count = 0;
  const stopping: MessageAssembler = new MessageAssembler(LIMIT_BYTES, {
    onMessage: () => {
      count += 1;
      stopping.stop();
    },
    onTooLarge: () => assert.fail(),
    onMalformed: () => assert.fail(),
  });
  stopping.push(Buffer.alloc(50));
  assert.equal(count, 1);
});
