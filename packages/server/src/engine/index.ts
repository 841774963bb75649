/** The engine without a server around it: for simulations. */
export * from "./clock.js";
export * from "./engine.js";
export * from "./engine-contract.js";
export * from "./engine-options.js";
export * from "./settings.js";
