import type { TestContext } from "node:test";
import { Client, credentials, Metadata as JsMetadata, type ServiceError } from "@grpc/grpc-js";
import type { MethodDefinition } from "../service.js";
import { GrpcServer, type HttpHandler } from "./grpc-server.js";
import type { GrpcServerOptions } from "./server-options.js";

const asIs = (bytes: Buffer): Buffer => bytes;

export interface Answer {
  readonly code: number;
  readonly message: string;
  readonly body: Buffer | undefined;
  readonly metadata: JsMetadata;
}

/** A server with one service, `test.Service`, and another gRPC implementation's client to speak to it. */
export interface ServerBed {
  readonly server: GrpcServer;
  readonly port: number;
  readonly client: Client;
  call(method: string, request: Buffer, options?: { deadlineMs?: number; metadata?: JsMetadata }): Promise<Answer>;
}

export async function startServer(
  context: TestContext,
  methods: readonly MethodDefinition[],
  options: GrpcServerOptions = {},
  onHttpRequest: HttpHandler = (_request, response) => response.end("http\n"),
): Promise<ServerBed> {
  const server = new GrpcServer([{ name: "test.Service", methods }], onHttpRequest, options);
  const port = await server.listen(["127.0.0.1"], 0);
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
  });
  context.after(() => {
    client.close();
    server.close();
  });
  const call: ServerBed["call"] = (method, request, { deadlineMs, metadata } = {}) =>
    new Promise((resolve) => {
      const deadline = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
      const path = `/test.Service/${method}`;
      const pending = client.makeUnaryRequest(
        path,
        asIs,
        asIs,
        request,
        metadata ?? new JsMetadata(),
        deadline,
        (error: ServiceError | null, body?: Buffer) => {
          if (error !== null) resolve({ code: error.code, message: error.details, body, metadata: error.metadata });
          else pending.once("status", (status) => resolve({ code: 0, message: "", body, metadata: status.metadata }));
        },
      );
    });
  return { server, port, client, call };
}

export const echo: MethodDefinition = {
  name: "Echo",
  kind: "unary",
  maxRequestBytes: 16 * 2 ** 20,
  handler: (request) => request,
};

export { asIs };
