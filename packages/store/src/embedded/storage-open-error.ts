/** Why a data directory cannot be opened. */
export type StorageOpenErrorCode =
  /** Another process has it open. */
  | "DirectoryLocked"
  /** The directory or a file in it cannot be created, read or written. */
  | "Unwritable"
  /** A newer version of peal wrote it. */
  | "NewerFormat"
  /** Something in it is damaged beyond what can be repaired; the text names the place. */
  | "Corrupt";

/** Thrown by `openEmbeddedStorage`. Callers branch on `code`. */
export class StorageOpenError extends Error {
  override readonly name = "StorageOpenError";

  constructor(
    readonly code: StorageOpenErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
