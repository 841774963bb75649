// The part of this package that needs no message descriptors. Loading those costs more time and memory than the rest of a
// server's start, so what runs at start and per message imports "@peal/wire/hot", and the whole package is loaded with the
// first call that needs a decoded message. That is the reason for a second entry; it is a subset of src/index.ts.
export * from "./limits.js";
export * from "./profile.js";
export * from "./resource-name.js";
export * from "./status.js";
