// What the scanners are compared with: protobuf-es, and a plain walk over the wire format that states, as slowly as it likes,
// where protobuf-es is more lenient than a stored message may be.
import { type DescField, type DescMessage, fromBinary, type MessageShape, ScalarType } from "@bufbuild/protobuf";
import fc from "fast-check";

/** Fuzz runs per property: PEAL_FUZZ_RUNS lengthens them. */
export const FUZZ_RUNS = Number(process.env["PEAL_FUZZ_RUNS"] ?? 400);

/** Decodes with protobuf-es; undefined where it refuses, or where the walk below does. */
export function decodeStrictly<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
): MessageShape<Desc> | undefined {
  try {
    walk(shapeOf(schema), bytes);
    return fromBinary(schema, bytes);
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}

/** What the fields of a message may look like, by number: their wire types, and a check of what a length-delimited one holds. */
type Shape = ReadonlyMap<
  number,
  { readonly wireTypes: readonly number[]; readonly check: (content: Uint8Array) => void }
>;

const UNCHECKED = (): void => undefined;

/** Text, bytes, varints, messages and maps of text are all that the hot messages hold. */
function shapeOf(desc: DescMessage): Shape {
  return new Map(desc.fields.map((field) => [field.number, shapeOfField(field)]));
}

function shapeOfField(field: DescField): { wireTypes: readonly number[]; check: (content: Uint8Array) => void } {
  const text = { wireTypes: [2], check: UNCHECKED };
  if (field.fieldKind === "map") {
    const entry: Shape = new Map([
      [1, text],
      [2, text],
    ]);
    return { wireTypes: [2], check: (content) => walk(entry, content, true) };
  }
  const { message } = field;
  if (message !== undefined) return { wireTypes: [2], check: (content) => walk(shapeOf(message), content) };
  if (field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES) return text;
  return field.fieldKind === "list" ? { wireTypes: [0, 2], check: walkPacked } : { wireTypes: [0], check: UNCHECKED };
}

/** `isClosed`: unknown fields are refused too, as in map entries, where protobuf-es does not skip them. */
function walk(shape: Shape, bytes: Uint8Array, isClosed = false): void {
  let at = 0;
  const varint = (maxBytes: number): bigint => {
    let value = 0n;
    for (let index = 0; index < maxBytes; index += 1) {
      const byte = bytes[at];
      if (byte === undefined) throw new Error("truncated");
      at += 1;
      value |= BigInt(byte & 0x7f) << BigInt(7 * index);
      if (byte < 0x80) return value;
    }
    throw new Error("varint too long");
  };
  const short = (): number => {
    const value = varint(5);
    if (value > 0xffff_ffffn) throw new Error("too big");
    return Number(value);
  };
  const take = (count: number): Uint8Array => {
    if (at + count > bytes.length) throw new Error("overrun");
    at += count;
    return bytes.subarray(at - count, at);
  };
  /** Passes over one field, or the end of the group `open`; true for the latter. */
  const field = (known: Shape | undefined, open: number, depth: number): boolean => {
    const tag = short();
    const number = tag >>> 3;
    const wireType = tag & 7;
    if (number === 0) throw new Error("field number 0");
    const shaped = known?.get(number);
    if (isClosed && shaped === undefined) throw new Error("unknown field");
    if (shaped?.wireTypes.includes(wireType) === false) throw new Error("wrong wire type");
    if (wireType === 0) varint(10);
    else if (wireType === 1) take(8);
    else if (wireType === 2) (shaped?.check ?? UNCHECKED)(take(short()));
    else if (wireType === 3) group(number, depth + 1);
    else if (wireType === 4 && number === open) return true;
    else if (wireType === 5) take(4);
    else throw new Error("no such wire type, or a group that is not open");
    return false;
  };
  const group = (number: number, depth: number): void => {
    if (depth > 32) throw new Error("too deep");
    while (!field(undefined, number, depth));
  };
  while (at < bytes.length) field(shape, 0, 0);
}

function walkPacked(bytes: Uint8Array): void {
  let run = 0;
  for (const byte of bytes) {
    run += 1;
    if (run > 10) throw new Error("varint too long");
    if (byte < 0x80) run = 0;
  }
  if (run > 0) throw new Error("truncated");
}

/** A varint, made longer than needed by `padding` bytes. */
export function varintBytes(value: bigint, padding = 0): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  for (let index = 0; index < padding; index += 1) {
    bytes[bytes.length - 1]! |= 0x80;
    bytes.push(0);
  }
  return bytes;
}

/** A length-delimited field. */
export function lengthField(number: number, payload: Uint8Array | readonly number[], padding = 0): number[] {
  return [...varintBytes(BigInt(number * 8 + 2)), ...varintBytes(BigInt(payload.length), padding), ...payload];
}

/** A varint field. */
export function varintField(number: number, value: bigint, padding = 0): number[] {
  return [...varintBytes(BigInt(number * 8)), ...varintBytes(value, padding)];
}

/** Text without what protobuf-es itself changes: TextDecoder drops a leading BOM, an object's "__proto__" is no key. */
export const texts = fc
  .string({ unit: "grapheme", maxLength: 12 })
  .filter((text) => !text.startsWith("\ufeff") && text !== "__proto__");

export const textFields = (number: number): fc.Arbitrary<number[]> =>
  fc
    .tuple(texts, fc.integer({ min: 0, max: 2 }))
    .map(([text, padding]) => lengthField(number, Buffer.from(text), padding));

export const varintFields = (number: number): fc.Arbitrary<number[]> =>
  fc
    .tuple(
      fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: 0n, max: 700n })),
      fc.nat(2),
    )
    .map(([value, padding]) => varintField(number, value, value < 0n ? 0 : Math.min(padding, 1)));

/** Fields that no message here knows, of every wire type. */
export const unknownFields: fc.Arbitrary<number[]> = fc.letrec<{ field: number[]; group: number[] }>((tie) => ({
  field: fc.oneof(
    { maxDepth: 3 },
    fc
      .tuple(fc.integer({ min: 11, max: 70_000 }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }))
      .map(([n, v]) => varintField(n, v)),
    fc
      .tuple(fc.integer({ min: 11, max: 2 ** 29 - 1 }), fc.uint8Array({ maxLength: 9 }))
      .map(([n, b]) => lengthField(n, b)),
    fc.uint8Array({ minLength: 8, maxLength: 8 }).map((b) => [...varintBytes(BigInt(12 * 8 + 1)), ...b]),
    fc.uint8Array({ minLength: 4, maxLength: 4 }).map((b) => [...varintBytes(BigInt(12 * 8 + 5)), ...b]),
    tie("group"),
  ),
  group: fc
    .array(tie("field"), { maxLength: 3 })
    .map((inner) => [...varintBytes(BigInt(13 * 8 + 3)), ...inner.flat(), ...varintBytes(BigInt(13 * 8 + 4))]),
})).field;

/** Any number of the given fields, in any order, repeated or not. */
export function knownFieldsOf(...fields: fc.Arbitrary<number[]>[]): fc.Arbitrary<number[]> {
  return fc.array(fc.oneof(...fields), { maxLength: 8 }).map((parts) => parts.flat());
}

/** Any number of the given fields, in any order, repeated or not, strewn with unknown ones. */
export function messagesOf(...fields: fc.Arbitrary<number[]>[]): fc.Arbitrary<number[]> {
  return knownFieldsOf(...fields, unknownFields);
}

/** The bytes of `valid`, damaged: cut, with bytes changed, put in or taken out; or bytes of no origin at all. */
export function damaged(valid: fc.Arbitrary<number[]>): fc.Arbitrary<Uint8Array> {
  const edits = fc.array(fc.tuple(fc.constantFrom("set", "insert", "delete", "cut"), fc.nat(), fc.nat(255)), {
    minLength: 1,
    maxLength: 3,
  });
  const edited = fc.tuple(valid, edits).map(([bytes, list]) => {
    const copy = [...bytes];
    for (const [kind, place, byte] of list) {
      const at = place % (copy.length + 1);
      if (kind === "set" && at < copy.length) copy[at] = byte;
      else if (kind === "insert") copy.splice(at, 0, byte);
      else if (kind === "delete") copy.splice(at, 1);
      else if (kind === "cut") copy.splice(at);
    }
    return Uint8Array.from(copy);
  });
  return fc.oneof({ weight: 4, arbitrary: edited }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }) });
}

/** Runs `scan` on bytes with hostile surroundings, so that reading past either end shows; undefined where it refuses. */
export function attempt<Result>(
  scan: (bytes: Uint8Array) => Result,
  bytes: ArrayLike<number>,
  refusal: new (message: string) => Error,
): Result | undefined {
  const surrounded = new Uint8Array(bytes.length + 64).fill(0x0a);
  surrounded.set(bytes, 32);
  try {
    return scan(surrounded.subarray(32, 32 + bytes.length));
  } catch (error) {
    if (error instanceof refusal) return undefined;
    throw error;
  }
}
