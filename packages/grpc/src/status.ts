/** The status codes of the gRPC protocol, by name. */
export const Status = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

export type StatusName = keyof typeof Status;
export type StatusCode = (typeof Status)[StatusName];

export interface GrpcErrorOptions extends ErrorOptions {
  /** A serialized `google.rpc.Status`, sent as `grpc-status-details-bin`; left out where it does not fit (the code and text stay). */
  readonly details?: Uint8Array;
  /** What is sent where `details` do not fit: the same Status with less in it. */
  readonly briefDetails?: Uint8Array;
}

/** How a call ended other than with OK: thrown by handlers, and by the client half. */
export class GrpcError extends Error {
  override readonly name = "GrpcError";
  readonly details: Uint8Array | undefined;
  readonly briefDetails: Uint8Array | undefined;

  constructor(
    readonly code: StatusCode,
    message: string,
    options?: GrpcErrorOptions,
  ) {
    super(message, options);
    this.details = options?.details;
    this.briefDetails = options?.briefDetails;
  }
}
