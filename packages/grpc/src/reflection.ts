/**
 * Server reflection, `grpc.reflection.v1.ServerReflection` and, for older tools, `v1alpha`: the same messages under another
 * package. A caller asks, on one stream, which services there are and which files describe them. All that this needs is
 * loaded when the first one asks.
 */
import type { DescFile } from "@bufbuild/protobuf";
import type { DescriptorIndex } from "./descriptor-index.js";
import type { ReflectionAnswer, ReflectionQuestion } from "./reflection-message.js";
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
    index ??= loadIndex(loadFiles).catch((error: unknown) => {
      // The next question tries again.
      index = undefined;
      throw error;
    });
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

async function loadIndex(loadFiles: () => Promise<readonly DescFile[]>): Promise<DescriptorIndex> {
  const [{ DescriptorIndex }, { describeReflection }, files] = await Promise.all([
    import("./descriptor-index.js"),
    import("./reflection-description.js"),
    loadFiles(),
  ]);
  return new DescriptorIndex([...files, ...PACKAGES.map((name) => describeReflection(name, SERVICE_NAME))]);
}

/** Answers one question after another; the next is taken when the answer to the last has left. */
function converse(call: BidiCall, ask: (question: ReflectionQuestion) => Promise<ReflectionAnswer>): void {
  let onDrained: (() => void) | undefined;
  const goOn = (): void => onDrained?.();
  call.onDrain(goOn);
  call.onCancel(goOn);
  call.onMessage(async (message) => {
    const { answerTo, parseReflectionRequest } = await import("./reflection-message.js");
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
