/** How an answer says what became of the call: the status in its trailers, else the HTTP status, else the reset code. */
import { constants, type IncomingHttpHeaders } from "node:http2";
import { GrpcError, Status, type StatusCode } from "../status.js";
import { decodeStatusMessage } from "../status-message.js";

const CODE_MAX = Status.UNAUTHENTICATED;

/** The table of gRPC's HTTP mapping; what is not listed is UNKNOWN. */
const HTTP_CODES: Readonly<Record<number, StatusCode>> = {
  400: Status.INTERNAL,
  401: Status.UNAUTHENTICATED,
  403: Status.PERMISSION_DENIED,
  404: Status.UNIMPLEMENTED,
  429: Status.UNAVAILABLE,
  502: Status.UNAVAILABLE,
  503: Status.UNAVAILABLE,
  504: Status.UNAVAILABLE,
};

/** What is not listed is INTERNAL. */
const RESET_CODES: Readonly<Record<number, StatusCode>> = {
  [constants.NGHTTP2_REFUSED_STREAM]: Status.UNAVAILABLE,
  [constants.NGHTTP2_CANCEL]: Status.CANCELLED,
  [constants.NGHTTP2_ENHANCE_YOUR_CALM]: Status.RESOURCE_EXHAUSTED,
  [constants.NGHTTP2_INADEQUATE_SECURITY]: Status.PERMISSION_DENIED,
};

/** The outcome that headers or trailers carry, or undefined where they carry none. OK is `{ error: undefined }`. */
export function statusOf(headers: IncomingHttpHeaders): { readonly error: GrpcError | undefined } | undefined {
  const text = headers["grpc-status"];
  if (typeof text !== "string") return undefined;
  const code = /^\d{1,2}$/.test(text) ? toStatusCode(Number(text)) : Status.UNKNOWN;
  if (code === Status.OK) return { error: undefined };
  const message = headers["grpc-message"];
  const details = headers["grpc-status-details-bin"];
  const decoded = typeof message === "string" ? decodeStatusMessage(message) : "";
  return {
    error: new GrpcError(
      code,
      decoded,
      typeof details === "string" ? { details: Buffer.from(details, "base64") } : undefined,
    ),
  };
}

/** What an answer without a gRPC status means by its HTTP status. */
export function errorOfHttpStatus(status: number): GrpcError {
  return new GrpcError(HTTP_CODES[status] ?? Status.UNKNOWN, `the server answered HTTP ${status}, and no gRPC status`);
}

/** What an answer with HTTP status 200 means that is not gRPC. */
export function errorOfContentType(contentType: string | undefined): GrpcError {
  return new GrpcError(
    Status.UNKNOWN,
    `the answer is ${contentType === undefined ? "of no content type" : JSON.stringify(contentType)}, not gRPC`,
  );
}

/** What a stream means that was closed before a status came. */
export function errorOfReset(code: number): GrpcError {
  if (code === constants.NGHTTP2_NO_ERROR) {
    return new GrpcError(Status.INTERNAL, "the server ended the call without a status");
  }
  return new GrpcError(RESET_CODES[code] ?? Status.INTERNAL, `the server reset the call with HTTP/2 code ${code}`);
}

function toStatusCode(code: number): StatusCode {
  return isStatusCode(code) ? code : Status.UNKNOWN;
}

function isStatusCode(code: number): code is StatusCode {
  return code >= 0 && code <= CODE_MAX;
}
