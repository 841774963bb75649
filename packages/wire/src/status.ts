/**
 * The canonical status codes: the number in gRPC, the HTTP status they become over REST.
 * In the order of google.rpc.Code.
 */
export const STATUS = {
  OK: { grpc: 0, http: 200 },
  CANCELLED: { grpc: 1, http: 499 },
  UNKNOWN: { grpc: 2, http: 500 },
  INVALID_ARGUMENT: { grpc: 3, http: 400 },
  DEADLINE_EXCEEDED: { grpc: 4, http: 504 },
  NOT_FOUND: { grpc: 5, http: 404 },
  ALREADY_EXISTS: { grpc: 6, http: 409 },
  PERMISSION_DENIED: { grpc: 7, http: 403 },
  RESOURCE_EXHAUSTED: { grpc: 8, http: 429 },
  FAILED_PRECONDITION: { grpc: 9, http: 400 },
  ABORTED: { grpc: 10, http: 409 },
  OUT_OF_RANGE: { grpc: 11, http: 400 },
  UNIMPLEMENTED: { grpc: 12, http: 501 },
  INTERNAL: { grpc: 13, http: 500 },
  UNAVAILABLE: { grpc: 14, http: 503 },
  DATA_LOSS: { grpc: 15, http: 500 },
  UNAUTHENTICATED: { grpc: 16, http: 401 },
} as const;

/** The name of a canonical status code, as it appears in a REST error body. */
export type StatusName = keyof typeof STATUS;

/** The number of a canonical status code in gRPC. */
export type StatusNumber = (typeof STATUS)[StatusName]["grpc"];

/** Calls that are retried after the same status codes. */
export type RetryClass = "publish" | "streamingPull" | "pull" | "read" | "write";

const RETRYABLE: { readonly [retryClass in RetryClass]: ReadonlySet<StatusName> } = {
  publish: new Set([
    "ABORTED",
    "CANCELLED",
    "INTERNAL",
    "RESOURCE_EXHAUSTED",
    "UNKNOWN",
    "UNAVAILABLE",
    "DEADLINE_EXCEEDED",
  ]),
  streamingPull: new Set(["DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED", "INTERNAL", "UNAVAILABLE"]),
  pull: new Set(["UNKNOWN", "ABORTED", "UNAVAILABLE", "INTERNAL"]),
  read: new Set(["UNKNOWN", "ABORTED", "UNAVAILABLE"]),
  write: new Set(["UNAVAILABLE"]),
};

/** Says whether a call of `retryClass` that ended with `status` may be tried again. CreateSubscription and Seek are `read`. */
export function isRetryable(status: StatusName, retryClass: RetryClass): boolean {
  return RETRYABLE[retryClass].has(status);
}

const NAMES = Object.keys(STATUS).filter((key): key is StatusName => key in STATUS);

/** Returns the name of a gRPC status number; a number that the protocol does not know is UNKNOWN. */
export function statusNameOf(grpcNumber: number): StatusName {
  return NAMES.find((name) => STATUS[name].grpc === grpcNumber) ?? "UNKNOWN";
}
