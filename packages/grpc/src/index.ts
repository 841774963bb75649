export * from "./metadata.js";
export * from "./server/grpc-server.js";
export * from "./server/server-options.js";
export * from "./service.js";
export * from "./status.js";
