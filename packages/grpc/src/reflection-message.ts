/** The two messages of server reflection, read and written field by field. */
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { GrpcError, Status } from "./status.js";

export type ReflectionQuestion =
  | { readonly kind: "file" | "symbol"; readonly name: string }
  | { readonly kind: "extension"; readonly extendee: string; readonly number: number }
  | { readonly kind: "extensionNumbers"; readonly extendee: string }
  | { readonly kind: "services" };

export type ReflectionAnswer =
  | { readonly kind: "files"; readonly files: readonly Uint8Array[] }
  | { readonly kind: "extensionNumbers"; readonly extendee: string; readonly numbers: readonly number[] }
  | { readonly kind: "services"; readonly names: readonly string[] }
  | { readonly kind: "error"; readonly code: number; readonly message: string };

/** @throws GrpcError - INVALID_ARGUMENT where the bytes are no request. */
export function parseReflectionRequest(message: Uint8Array): {
  readonly host: string;
  /** Undefined where none of the known questions is asked. */
  readonly question: ReflectionQuestion | undefined;
} {
  let host = "";
  let question: ReflectionQuestion | undefined;
  try {
    const reader = new BinaryReader(message);
    while (reader.pos < reader.len) {
      const [number, wireType] = reader.tag();
      if (wireType !== WireType.LengthDelimited) reader.skip(wireType, number);
      else if (number === 1) host = reader.string();
      else if (number === 5) question = parseExtension(reader.bytes());
      else question = questionOf(number, reader) ?? question;
    }
  } catch (cause) {
    throw new GrpcError(Status.INVALID_ARGUMENT, "the request is not a ServerReflectionRequest", { cause });
  }
  return { host, question };
}

function questionOf(number: number, reader: BinaryReader): ReflectionQuestion | undefined {
  switch (number) {
    case 3:
      return { kind: "file", name: reader.string() };
    case 4:
      return { kind: "symbol", name: reader.string() };
    case 6:
      return { kind: "extensionNumbers", extendee: reader.string() };
    case 7:
      reader.skip(WireType.LengthDelimited, number);
      return { kind: "services" };
    default:
      reader.skip(WireType.LengthDelimited, number);
      return undefined;
  }
}

function parseExtension(bytes: Uint8Array): ReflectionQuestion {
  const reader = new BinaryReader(bytes);
  let extendee = "";
  let extension = 0;
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (number === 1 && wireType === WireType.LengthDelimited) extendee = reader.string();
    else if (number === 2 && wireType === WireType.Varint) extension = reader.int32();
    else reader.skip(wireType, number);
  }
  return { kind: "extension", extendee, number: extension };
}

/** The serialized answer to `request`, which is repeated in it. */
export function answerTo(host: string, request: Uint8Array, answer: ReflectionAnswer): Uint8Array {
  const writer = new BinaryWriter();
  if (host !== "") writer.tag(1, WireType.LengthDelimited).string(host);
  writer.tag(2, WireType.LengthDelimited).bytes(request);
  switch (answer.kind) {
    case "files":
      writer.tag(4, WireType.LengthDelimited).fork();
      for (const file of answer.files) writer.tag(1, WireType.LengthDelimited).bytes(file);
      break;
    case "extensionNumbers":
      writer.tag(5, WireType.LengthDelimited).fork().tag(1, WireType.LengthDelimited).string(answer.extendee);
      writer.tag(2, WireType.LengthDelimited).fork();
      for (const number of answer.numbers) writer.int32(number);
      writer.join();
      break;
    case "services":
      writer.tag(6, WireType.LengthDelimited).fork();
      for (const name of answer.names) {
        writer.tag(1, WireType.LengthDelimited).fork().tag(1, WireType.LengthDelimited).string(name).join();
      }
      break;
    case "error":
      writer.tag(7, WireType.LengthDelimited).fork().tag(1, WireType.Varint).int32(answer.code);
      writer.tag(2, WireType.LengthDelimited).string(answer.message);
      break;
  }
  return writer.join().finish();
}
