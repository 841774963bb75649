// The one place where what is thrown becomes an error of the domain, and that a status. Over REST, `restError` of wire prints
// it. What is no domain error becomes INTERNAL with a bland text; the real one goes to the observer, once, and to nobody else.
import { PubSubError } from "@peal/core";
import { GrpcError } from "@peal/grpc";
import { encodeStatusDetails, STATUS, WireFormatError } from "@peal/wire/hot";
import type { CallObserver } from "./call-observer.js";
import { DetailedError } from "./detailed-error.js";
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

/** Returns the code that a caller is told for anything thrown. Logs nothing. */
export function codeOf(error: unknown): PubSubError["code"] {
  if (error instanceof PubSubError) return error.code;
  return error instanceof WireFormatError ? "INVALID_ARGUMENT" : "INTERNAL";
}

/** Returns the error that ends a gRPC call. */
export function toGrpcError(error: PubSubError): GrpcError {
  const { code, message } = error;
  if (!(error instanceof DetailedError)) return new GrpcError(STATUS[code].grpc, message, { cause: error });
  return new GrpcError(STATUS[code].grpc, message, {
    cause: error,
    details: encodeStatusDetails(code, message, error.details),
    briefDetails: encodeStatusDetails(code, message, []),
  });
}
