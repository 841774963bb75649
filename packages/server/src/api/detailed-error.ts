import { type ErrorCode, PubSubError } from "@peal/core";
import type { ErrorDetail } from "@peal/wire/hot";

/** An error that tells more than a code and a text: google.rpc details, in a trailer of gRPC and in the body of REST. */
export class DetailedError extends PubSubError {
  constructor(
    code: ErrorCode,
    message: string,
    readonly details: readonly ErrorDetail[],
    options?: ErrorOptions,
  ) {
    super(code, message, options);
  }
}
