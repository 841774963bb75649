export { type EngineClock, systemClock } from "./embedded/checkpoint-loop.js";
export type { Disk, DiskFile } from "./embedded/disk.js";
export {
  type EmbeddedStorage,
  type EmbeddedStorageOptions,
  type EmbeddedStorageStats,
  openEmbeddedStorage,
  type StorageEvent,
} from "./embedded/embedded-storage.js";
export { nodeDisk } from "./embedded/node-disk.js";
export { StorageOpenError, type StorageOpenErrorCode } from "./embedded/storage-open-error.js";
export * from "./memory-storage.js";
export * from "./storage.js";
export * from "./storage-error.js";
