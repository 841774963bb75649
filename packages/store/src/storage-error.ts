/** What a storage engine may answer instead of a result. */
export type StorageErrorCode =
  /** Somebody else wrote first; nothing was written. */
  | "Fenced"
  /** The log is dropped; nothing was written. */
  | "Gone"
  /** No space; nothing was written. Reads go on, and so does everything that frees space. */
  | "Full"
  /** Maybe written: send the same bytes at the same position again, or restart and look. */
  | "Unknown"
  /** A checksum failed; the text names the place. */
  | "Corrupt";

/** The one error class of a storage engine. Callers branch on `code`, never on the text. */
export class StorageError extends Error {
  override readonly name = "StorageError";

  constructor(
    readonly code: StorageErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
