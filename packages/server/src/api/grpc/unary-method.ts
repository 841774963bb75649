// What all unary methods share: the limit of their request, their errors as statuses, and what the observer is told.
import type { MethodDefinition, ServerCall } from "@peal/grpc";
import type { ApiContext } from "../api-context.js";
import { payloadTooLarge } from "../error-catalogue.js";
import { toGrpcError, toPubSubError } from "../to-status.js";

/**
 * What a unary call may know of its caller; REST has one of its own. After the answer has left, a caller that goes away is
 * not cancelled any more.
 */
export type CallScope = Pick<ServerCall, "deadlineAtMs" | "isCancelled" | "onCancel">;

/** A method before its errors are translated. Bytes at once are the fast path. */
export type UnaryHandler = (request: Uint8Array, call: CallScope) => Uint8Array | Promise<Uint8Array>;

/** A unary method as both transports use it. */
export interface UnaryMethod {
  /** `/package.Service/Method` */
  readonly path: string;
  /** Bytes of the largest request: a gRPC message, or an HTTP body. */
  readonly maxRequestBytes: number;
  readonly handle: UnaryHandler;
}

/** Returns the method as the gRPC server takes it. */
export function grpcMethod(context: ApiContext, method: UnaryMethod): MethodDefinition {
  const { path, handle } = method;
  return {
    kind: "unary",
    name: path.slice(path.lastIndexOf("/") + 1),
    maxRequestBytes: method.maxRequestBytes,
    tooLarge: (limitBytes) => toGrpcError(payloadTooLarge(limitBytes)),
    handler: (request, call) => observed(context, path, () => handle(request, call)),
  };
}

/** Runs a call, tells the observer how it ended, and throws what gRPC is to answer. */
function observed(
  { observer }: ApiContext,
  path: string,
  call: () => Uint8Array | Promise<Uint8Array>,
): Uint8Array | Promise<Uint8Array> {
  const startedAtMs = performance.now();
  const failed = (error: unknown): never => {
    const told = toPubSubError(error, path, observer);
    observer.callEnded(path, told.code, performance.now() - startedAtMs);
    throw toGrpcError(told);
  };
  const answered = (response: Uint8Array): Uint8Array => {
    observer.callEnded(path, "OK", performance.now() - startedAtMs);
    return response;
  };
  try {
    const result = call();
    return result instanceof Promise ? result.then(answered, failed) : answered(result);
  } catch (error) {
    return failed(error);
  }
}
