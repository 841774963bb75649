/** Why a server could not start, or had to stop. */
export type StartErrorReason =
  /** Somebody else listens on the port. */
  | "portTaken"
  /** The address is not one of this machine, or may not be used. */
  | "addressUnusable"
  /** Another server uses the data directory. */
  | "directoryLocked"
  /** The data directory cannot be made, read or written. */
  | "directoryUnusable"
  /** The data directory was written by a newer version. */
  | "newerFormat"
  /** The data is damaged in a way that cannot be repaired without losing something. */
  | "corrupt"
  /** The certificate or key cannot be used. */
  | "tlsUnusable"
  /** The disk failed while the server ran; what it holds is known only after a restart. */
  | "storageFailed";

/** The message says what, with what value, and what to do. */
export class StartError extends Error {
  override readonly name = "StartError";

  constructor(
    readonly reason: StartErrorReason,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
