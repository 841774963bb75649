// The part of this package that needs no message descriptors. Loading those costs more time and memory than the rest of a
// server's start, so what runs at start and per message imports "@peal/wire/hot", and the whole package is loaded with the
// first call that needs a decoded message. That is the reason for a second entry; it is a subset of src/index.ts.
export { AckIdList } from "./ack-id-list.js";
export * from "./error-details.js";
export * from "./limits.js";
export { type MessageFields, readMessageFields } from "./message-fields.js";
export * from "./profile.js";
export * from "./publish-response.js";
export * from "./publish-scan.js";
export * from "./pull-scan.js";
export {
  encodePullResponse,
  type ReceivedBatch,
  type ReceivedRun,
  receivedMessageSize,
} from "./received-messages.js";
export * from "./resource-name.js";
export { messageWithoutServerFields } from "./server-fields.js";
export * from "./status.js";
export * from "./streaming-pull-response.js";
export * from "./streaming-pull-scan.js";
export { readCheckedText, readText } from "./utf8-text.js";
export * from "./wire-format-error.js";
