// The methods that work on decoded messages. Their code is loaded with the first such call, for it brings the descriptors of
// all messages along, which a server that only moves messages never needs.
import { LIMITS } from "@peal/wire/hot";
import type { ApiContext } from "../api-context.js";
import type { AdminMethod } from "../handlers/admin-methods.js";
import { ADMIN_METHOD_NAMES } from "../method-paths.js";
import type { UnaryMethod } from "./unary-method.js";

/**
 * By choice: five transforms and 64 labels fit twice, and decoding a megabyte of tiny fields would hold everybody up. The
 * other services have big requests, schemas above all.
 */
const MAX_RESOURCE_REQUEST_BYTES = 196_608;

type AdminMethods = (path: string) => AdminMethod;

let loaded: AdminMethods | undefined;

/** Returns every method that is not among the hot ones. */
export function adminMethods(context: ApiContext): UnaryMethod[] {
  return Object.entries(ADMIN_METHOD_NAMES).flatMap(([service, names]) =>
    names.map((name) => adminMethodOf(context, `/${service}/${name}`)),
  );
}

function adminMethodOf(context: ApiContext, path: string): UnaryMethod {
  const isResource =
    path.startsWith("/google.pubsub.v1.Publisher/") || path.startsWith("/google.pubsub.v1.Subscriber/");
  return {
    path,
    maxRequestBytes: isResource ? MAX_RESOURCE_REQUEST_BYTES : LIMITS.requestPayloadBytes,
    handle: async (request) => {
      loaded ??= (await import("../handlers/admin-methods.js")).adminMethod;
      return loaded(path).callBytes(context, request);
    },
  };
}
