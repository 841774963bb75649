export * from "./client/client-options.js";
export type { ClientBidi, ClientStream, StreamListener } from "./client/client-stream.js";
export { GrpcClient } from "./client/grpc-client.js";
export * from "./metadata.js";
export * from "./server/grpc-server.js";
export * from "./server/server-options.js";
export * from "./service.js";
export * from "./status.js";
