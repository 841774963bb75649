/** The health service, `grpc.health.v1.Health`: whether the server as a whole (the empty name) and each service take calls. */
import type { DescFile } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { describeFile, enumField, field } from "./file-description.js";
import type { ServiceDefinition, StreamingCall } from "./service.js";
import { GrpcError, Status } from "./status.js";

export const HEALTH_SERVICE_NAME = "grpc.health.v1.Health";
/** A service's name and its framing; nothing longer is a question about health. */
const REQUEST_BYTES_MAX = 4096;
/** The enum of the protocol. */
const SERVING = 1;
const NOT_SERVING = 2;
const SERVICE_UNKNOWN = 3;

export class Health {
  readonly #isServing = new Map<string, boolean>();
  readonly #watchers = new Map<string, Set<StreamingCall>>();

  /** @param names - Services that are serving from the start, besides the whole. */
  constructor(names: readonly string[] = []) {
    for (const name of ["", ...names]) this.#isServing.set(name, true);
  }

  /** What to give to a server. */
  get service(): ServiceDefinition {
    return {
      name: HEALTH_SERVICE_NAME,
      methods: [
        {
          name: "Check",
          kind: "unary",
          maxRequestBytes: REQUEST_BYTES_MAX,
          handler: (request) => this.#check(request),
        },
        {
          name: "Watch",
          kind: "serverStreaming",
          maxRequestBytes: REQUEST_BYTES_MAX,
          handler: (request, call) => this.#watch(request, call),
        },
      ],
    };
  }

  /** Says whether a service takes calls, and tells who watches it; the empty name is the server as a whole. */
  set(name: string, isServing: boolean): void {
    if (this.#isServing.get(name) === isServing) return;
    this.#isServing.set(name, isServing);
    for (const call of this.#watchers.get(name) ?? []) call.send(this.#answer(name));
  }

  /** Says so of every service, and of the whole. */
  setAll(isServing: boolean): void {
    for (const name of [...this.#isServing.keys()]) this.set(name, isServing);
  }

  /** Ends every watch UNAVAILABLE: the server is going away. */
  endWatches(): void {
    for (const watchers of [...this.#watchers.values()]) {
      for (const call of [...watchers]) call.end(new GrpcError(Status.UNAVAILABLE, "the server is shutting down"));
    }
    this.#watchers.clear();
  }

  #check(request: Uint8Array): Uint8Array {
    const name = parseRequest(request);
    if (!this.#isServing.has(name)) {
      throw new GrpcError(Status.NOT_FOUND, `the health of service ${JSON.stringify(name)} is not known here`);
    }
    return this.#answer(name);
  }

  #watch(request: Uint8Array, call: StreamingCall): void {
    const name = parseRequest(request);
    const watchers = this.#watchers.get(name) ?? new Set();
    this.#watchers.set(name, watchers.add(call));
    call.onCancel(() => {
      watchers.delete(call);
      if (watchers.size === 0 && this.#watchers.get(name) === watchers) this.#watchers.delete(name);
    });
    if (!call.isCancelled) call.send(this.#answer(name));
  }

  #answer(name: string): Uint8Array {
    const isServing = this.#isServing.get(name);
    const status = isServing === undefined ? SERVICE_UNKNOWN : isServing ? SERVING : NOT_SERVING;
    return new BinaryWriter().tag(1, WireType.Varint).int32(status).finish();
  }
}

/** The service's name in a request. */
function parseRequest(request: Uint8Array): string {
  let name = "";
  try {
    const reader = new BinaryReader(request);
    while (reader.pos < reader.len) {
      const [number, wireType] = reader.tag();
      if (number === 1 && wireType === WireType.LengthDelimited) name = reader.string();
      else reader.skip(wireType, number);
    }
  } catch (cause) {
    throw new GrpcError(Status.INVALID_ARGUMENT, "the request is not a HealthCheckRequest", { cause });
  }
  return name;
}

/** What reflection shows of the service. */
export function describeHealth(): DescFile {
  const prefix = ".grpc.health.v1.";
  const [inputType, outputType] = [`${prefix}HealthCheckRequest`, `${prefix}HealthCheckResponse`];
  const statuses = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
  return describeFile({
    name: "grpc/health/v1/health.proto",
    package: "grpc.health.v1",
    messageType: [
      { name: "HealthCheckRequest", field: [field(1, "service", "string")] },
      {
        name: "HealthCheckResponse",
        field: [enumField(1, "status", `${outputType}.ServingStatus`)],
        enumType: [{ name: "ServingStatus", value: statuses.map((name, number) => ({ name, number })) }],
      },
    ],
    service: [
      {
        name: "Health",
        method: [
          { name: "Check", inputType, outputType },
          { name: "Watch", inputType, outputType, serverStreaming: true },
        ],
      },
    ],
  });
}
