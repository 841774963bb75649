export * from "./metadata.js";
export * from "./service.js";
export * from "./status.js";
