import type { TestContext } from "node:test";
import {
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedHandleCall,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { GrpcClientOptions } from "./client-options.js";
import { GrpcClient } from "./grpc-client.js";

const asIs = (bytes: Buffer): Buffer => bytes;

export interface OracleMethod {
  readonly requestStream?: boolean;
  readonly responseStream?: boolean;
  readonly handle: UntypedHandleCall;
}

export interface OracleBed {
  readonly server: Server;
  readonly target: string;
  readonly client: GrpcClient;
}

/** Another gRPC implementation's server with the methods of `oracle.Service`, and our client to speak to it. */
export async function startOracle(
  context: TestContext,
  methods: Readonly<Record<string, OracleMethod>>,
  options: GrpcClientOptions = {},
): Promise<OracleBed> {
  const server = new Server({ "grpc.max_receive_message_length": -1 });
  server.addService(...toService(methods));
  const port = await bind(server, "127.0.0.1:0");
  const target = `127.0.0.1:${port}`;
  const client = new GrpcClient(target, options);
  context.after(async () => {
    await client.close();
    server.forceShutdown();
  });
  return { server, target, client };
}

/** Starts another server with the same methods on a port of its choice, or on `port`. */
export function bind(
  server: Server,
  address: string,
  credentials = ServerCredentials.createInsecure(),
): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => (error === null ? resolve(port) : reject(error)));
  });
}

export function toService(
  methods: Readonly<Record<string, OracleMethod>>,
): [service: ServiceDefinition, handlers: UntypedServiceImplementation] {
  const service: Record<string, ServiceDefinition[string]> = {};
  const handlers: UntypedServiceImplementation = {};
  for (const [name, method] of Object.entries(methods)) {
    service[name] = {
      path: `/oracle.Service/${name}`,
      requestStream: method.requestStream ?? false,
      responseStream: method.responseStream ?? false,
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    };
    handlers[name] = method.handle;
  }
  return [service, handlers];
}
