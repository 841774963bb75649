export * from "./block-view.js";
export * from "./errors.js";
export * from "./events.js";
