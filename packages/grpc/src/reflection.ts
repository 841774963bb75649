/**
 * Server reflection, `grpc.reflection.v1.ServerReflection` and, for older tools, `v1alpha`: the same messages under another
 * package. A caller asks, on one stream, which services there are and which files describe them.
 */
import type { DescFile } from "@bufbuild/protobuf";
import { DescriptorIndex } from "./descriptor-index.js";
import { describeFile, field, type MessageInit } from "./file-description.js";
import {
  answerTo,
  parseReflectionRequest,
  type ReflectionAnswer,
  type ReflectionQuestion,
} from "./reflection-message.js";
import type { BidiCall, ServiceDefinition } from "./service.js";
import { GrpcError, Status } from "./status.js";

const PACKAGES = ["grpc.reflection.v1", "grpc.reflection.v1alpha"] as const;
const SERVICE_NAME = "ServerReflection";
/** Names of symbols and files. */
const REQUEST_BYTES_MAX = 64 * 1024;

/**
 * The services to add to a server, so that tools find out what it offers.
 *
 * @param services - What the server offers, besides reflection itself.
 * @param loadFiles - Called with the first question about a file: the files that describe those services; what they import
 *   comes with them. Descriptors are big, and few servers are ever asked.
 */
export function reflectionServices(
  services: readonly ServiceDefinition[],
  loadFiles: () => Promise<readonly DescFile[]>,
): ServiceDefinition[] {
  const names = [...services.map(({ name }) => name), ...PACKAGES.map((name) => `${name}.${SERVICE_NAME}`)].sort();
  let index: Promise<DescriptorIndex> | undefined;
  const ask = async (question: ReflectionQuestion): Promise<ReflectionAnswer> => {
    if (question.kind === "services") return { kind: "services", names };
    index ??= loadFiles().then((files) => new DescriptorIndex([...files, ...PACKAGES.map(describeReflection)]));
    return lookUp(await index, question);
  };
  return PACKAGES.map((packageName) => ({
    name: `${packageName}.${SERVICE_NAME}`,
    methods: [
      {
        name: "ServerReflectionInfo",
        kind: "bidi",
        maxRequestBytes: REQUEST_BYTES_MAX,
        handler: (call) => converse(call, ask),
      },
    ],
  }));
}

/** Answers one question after another; the next is taken when the answer to the last has left. */
function converse(call: BidiCall, ask: (question: ReflectionQuestion) => Promise<ReflectionAnswer>): void {
  let onDrained: (() => void) | undefined;
  const goOn = (): void => onDrained?.();
  call.onDrain(goOn);
  call.onCancel(goOn);
  call.onMessage(async (message) => {
    const { host, question } = parseReflectionRequest(message);
    if (question === undefined) {
      throw new GrpcError(
        Status.INVALID_ARGUMENT,
        "the request asks nothing that is known here; use one of its fields",
      );
    }
    const answer = await ask(question);
    if (call.send(answerTo(host, message, answer)) || call.isCancelled) return;
    await new Promise<void>((resolve) => {
      onDrained = resolve;
    });
  });
  call.onHalfClose(() => call.end());
}

function lookUp(index: DescriptorIndex, question: Exclude<ReflectionQuestion, { kind: "services" }>): ReflectionAnswer {
  switch (question.kind) {
    case "file":
      return files(index, index.fileByName(question.name), `file ${JSON.stringify(question.name)}`);
    case "symbol":
      return files(index, index.fileBySymbol(question.name), `symbol ${JSON.stringify(question.name)}`);
    case "extension": {
      const { extendee, number } = question;
      return files(
        index,
        index.fileByExtension(extendee, number),
        `extension ${number} of ${JSON.stringify(extendee)}`,
      );
    }
    case "extensionNumbers": {
      const numbers = index.extensionNumbers(question.extendee);
      if (numbers === undefined) return notFound(`message ${JSON.stringify(question.extendee)}`);
      return { kind: "extensionNumbers", extendee: question.extendee, numbers };
    }
  }
}

function files(index: DescriptorIndex, file: DescFile | undefined, what: string): ReflectionAnswer {
  return file === undefined ? notFound(what) : { kind: "files", files: index.bytesWithImports(file) };
}

function notFound(what: string): ReflectionAnswer {
  return { kind: "error", code: Status.NOT_FOUND, message: `${what} is not known here` };
}

function describeReflection(packageName: (typeof PACKAGES)[number]): DescFile {
  const type = (name: string): string => `.${packageName}.${name}`;
  return describeFile({
    name: `${packageName.replaceAll(".", "/")}/reflection.proto`,
    package: packageName,
    messageType: describeMessages(type),
    service: [
      {
        name: SERVICE_NAME,
        method: [
          {
            name: "ServerReflectionInfo",
            inputType: type("ServerReflectionRequest"),
            outputType: type("ServerReflectionResponse"),
            clientStreaming: true,
            serverStreaming: true,
          },
        ],
      },
    ],
  });
}

function describeMessages(type: (name: string) => string): MessageInit[] {
  const request: MessageInit = {
    name: "ServerReflectionRequest",
    oneofDecl: [{ name: "message_request" }],
    field: [
      field(1, "host", "string"),
      field(3, "file_by_filename", "string", 0),
      field(4, "file_containing_symbol", "string", 0),
      field(5, "file_containing_extension", type("ExtensionRequest"), 0),
      field(6, "all_extension_numbers_of_type", "string", 0),
      field(7, "list_services", "string", 0),
    ],
  };
  const response: MessageInit = {
    name: "ServerReflectionResponse",
    oneofDecl: [{ name: "message_response" }],
    field: [
      field(1, "valid_host", "string"),
      field(2, "original_request", type("ServerReflectionRequest")),
      field(4, "file_descriptor_response", type("FileDescriptorResponse"), 0),
      field(5, "all_extension_numbers_response", type("ExtensionNumberResponse"), 0),
      field(6, "list_services_response", type("ListServiceResponse"), 0),
      field(7, "error_response", type("ErrorResponse"), 0),
    ],
  };
  return [
    request,
    response,
    { name: "ExtensionRequest", field: [field(1, "containing_type", "string"), field(2, "extension_number", "int32")] },
    { name: "FileDescriptorResponse", field: [field(1, "file_descriptor_proto", "repeated bytes")] },
    {
      name: "ExtensionNumberResponse",
      field: [field(1, "base_type_name", "string"), field(2, "extension_number", "repeated int32")],
    },
    { name: "ListServiceResponse", field: [field(1, "service", `repeated ${type("ServiceResponse")}`)] },
    { name: "ServiceResponse", field: [field(1, "name", "string")] },
    { name: "ErrorResponse", field: [field(1, "error_code", "int32"), field(2, "error_message", "string")] },
  ];
}
