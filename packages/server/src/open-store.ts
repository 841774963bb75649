/** The one place that picks a storage engine, and says in words why it cannot be opened. */
import { randomBytes } from "node:crypto";
import {
  type EmbeddedStorageOptions,
  type EmbeddedStorageStats,
  openEmbeddedStorage,
  openMemoryStorage,
  type Storage,
  StorageError,
  StorageOpenError,
  type StorageOpenErrorCode,
  systemClock,
} from "@peal/store";
import type { Clock } from "./engine/clock.js";
import type { Logger } from "./logger.js";
import type { ServerOptions } from "./running-server.js";
import { StartError, type StartErrorReason } from "./start-error.js";

export interface OpenedStore {
  readonly storage: Storage;
  /** Drawn once per store. */
  readonly identity: string;
  /** How often a server was started on it, from 1. */
  readonly startNumber: number;
  /** Undefined for memory, which has none. */
  readonly storeStats: (() => Promise<EmbeddedStorageStats>) | undefined;
}

const IDENTITY_BYTES = 16;

const OPEN_ERRORS: Readonly<Record<StorageOpenErrorCode, readonly [reason: StartErrorReason, advice: string]>> = {
  DirectoryLocked: ["directoryLocked", ""],
  Unwritable: ["directoryUnusable", "; make it one that this user may write to, or use another"],
  NewerFormat: ["newerFormat", ""],
  Corrupt: ["corrupt", ""],
};

/** What the system says of a directory that cannot be used. */
const DIRECTORY_ERRORS = new Set([
  "EACCES",
  "EPERM",
  "EROFS",
  "ENOTDIR",
  "EISDIR",
  "ENOSPC",
  "EDQUOT",
  "EIO",
  "EEXIST",
]);

/**
 * Opens memory, or the directory that the options name.
 *
 * @param onFatal - Called once when nothing can be written any more.
 * @throws {StartError} The directory cannot be used.
 */
export async function openStore(
  options: ServerOptions,
  clock: Clock,
  onFatal: (error: Error) => void,
): Promise<OpenedStore> {
  const monotonicMs = (): number => clock.monotonicMs();
  if (options.data === undefined) {
    const storage = openMemoryStorage({ monotonicMs });
    return { storage, identity: randomBytes(IDENTITY_BYTES).toString("hex"), startNumber: 1, storeStats: undefined };
  }
  const { segmentBytes, delayDivisor = 1 } = options.storeTuning ?? {};
  const embedded: EmbeddedStorageOptions = {
    directory: options.data,
    log: logTo(options.logger),
    onFatal,
    clock: { monotonicMs, after: (delayMs, callback) => systemClock.after(delayMs / delayDivisor, callback) },
    ...(segmentBytes === undefined ? {} : { segmentBytes }),
  };
  try {
    const storage = await openEmbeddedStorage(embedded);
    const { identity, startNumber } = storage;
    return { storage, identity, startNumber, storeStats: () => storage.stats() };
  } catch (error) {
    throw explainOpening(error, options.data);
  }
}

/** Turns what opening or first reading a store threw into what to do about it; other errors stay as they are. */
export function explainOpening(error: unknown, directory: string): unknown {
  if (error instanceof StorageOpenError) {
    const [reason, advice] = OPEN_ERRORS[error.code];
    return new StartError(reason, `${error.message}${advice}`, { cause: error });
  }
  if (error instanceof StorageError && error.code === "Corrupt") {
    const text = `the data in ${directory} is damaged: ${error.message}; restore it from a backup`;
    return new StartError("corrupt", text, { cause: error });
  }
  if (error instanceof Error && "code" in error && DIRECTORY_ERRORS.has(String(error.code))) {
    const text = `${directory} cannot be used (${error.message}); make it one that this user may write to, with space left, or use another`;
    return new StartError("directoryUnusable", text, { cause: error });
  }
  return error;
}

function logTo(logger: Logger): NonNullable<EmbeddedStorageOptions["log"]> {
  return ({ level, message, cause }) => logger[level](cause === undefined ? {} : { err: cause }, message);
}
