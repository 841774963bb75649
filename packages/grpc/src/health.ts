/** The health service, `grpc.health.v1.Health`: whether the server as a whole (the empty name) and each service take calls. */
import type { DescFile } from "@bufbuild/protobuf";
import type { ServiceDefinition, StreamingCall } from "./service.js";
import { GrpcError, Status } from "./status.js";

export const HEALTH_SERVICE_NAME = "grpc.health.v1.Health";
/** A service's name and its framing; nothing longer is a question about health. */
const REQUEST_BYTES_MAX = 4096;
/** Field 1, a varint. */
const STATUS_TAG = 0x08;
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

  async #check(request: Uint8Array): Promise<Uint8Array> {
    const name = await parseRequest(request);
    if (!this.#isServing.has(name)) {
      throw new GrpcError(Status.NOT_FOUND, `the health of service ${JSON.stringify(name)} is not known here`);
    }
    return this.#answer(name);
  }

  async #watch(request: Uint8Array, call: StreamingCall): Promise<void> {
    const name = await parseRequest(request);
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
    return Uint8Array.of(STATUS_TAG, status);
  }
}

/** The service's name in a request; the protobuf runtime is loaded for the first that has one. */
async function parseRequest(request: Uint8Array): Promise<string> {
  if (request.length === 0) return "";
  const { BinaryReader, WireType } = await import("@bufbuild/protobuf/wire");
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
export async function describeHealth(): Promise<DescFile> {
  const { describeHealthFile } = await import("./health-description.js");
  return describeHealthFile();
}
