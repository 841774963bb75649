export * from "./block-view.js";
export * from "./delivery-rules.js";
export * from "./errors.js";
export * from "./events.js";
export * from "./limits.js";
export * from "./subscription.js";
export * from "./subscription-counts.js";
