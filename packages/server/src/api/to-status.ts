// The one place where an error of the domain becomes a status. Whatever else is thrown becomes INTERNAL with a bland text;
// the real error goes to the observer, once, and to nobody else.
import { PubSubError } from "@peal/core";
import { GrpcError } from "@peal/grpc";
import { STATUS, type StatusName, WireFormatError } from "@peal/wire/hot";
import type { CallObserver } from "./call-observer.js";
import { invalidArgument, SERVICE_ERROR_TEXT } from "./error-catalogue.js";

/**
 * Returns the domain error that a caller is told for anything thrown.
 *
 * @param method - Full path of the method, for the log.
 */
export function toPubSubError(error: unknown, method: string, observer: CallObserver): PubSubError {
  if (error instanceof PubSubError) return error;
  if (error instanceof WireFormatError) {
    return invalidArgument(`The request is not a well-formed protobuf message: ${error.message}.`, { cause: error });
  }
  observer.internalError(method, error);
  return new PubSubError("INTERNAL", SERVICE_ERROR_TEXT, { cause: error });
}

/** Returns the error that ends a gRPC call. */
export function toGrpcError(error: PubSubError): GrpcError {
  return new GrpcError(STATUS[error.code].grpc, error.message, { cause: error });
}

/** An entry of `details`: a message of google.rpc as JSON, with its `@type`. */
export interface ErrorDetail {
  readonly "@type": string;
  readonly [field: string]: unknown;
}

/** The body of a REST error. */
export interface RestErrorBody {
  readonly error: {
    readonly code: number;
    readonly message: string;
    readonly status: StatusName;
    readonly details?: readonly ErrorDetail[];
  };
}

/** Returns the body of the REST answer to an error; its HTTP status is `error.code` in it. */
export function toRestError(error: PubSubError, details: readonly ErrorDetail[] = []): RestErrorBody {
  return {
    error: {
      code: STATUS[error.code].http,
      message: error.message,
      status: error.code,
      ...(details.length > 0 && { details }),
    },
  };
}
