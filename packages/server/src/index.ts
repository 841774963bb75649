export * from "./logger.js";
export * from "./running-server.js";
export * from "./start-error.js";
export * from "./start-server.js";
