// The methods that work on decoded messages. Their code is loaded with the first such call, for it brings the descriptors of
// all messages along, which a server that only moves messages never needs.
import type { ApiContext } from "../api-context.js";
import type { AdminMethod } from "../handlers/admin-methods.js";
import { ADMIN_METHOD_NAMES } from "../method-paths.js";
import type { UnaryMethod } from "./unary-method.js";

/** By choice: resources are small, and decoding a big request would hold everybody up. */
const MAX_ADMIN_REQUEST_BYTES = 1_048_576;

type AdminMethods = (path: string) => AdminMethod;

let loaded: AdminMethods | undefined;

/** Returns every method that is not among the hot ones. */
export function adminMethods(context: ApiContext): UnaryMethod[] {
  return Object.entries(ADMIN_METHOD_NAMES).flatMap(([service, names]) =>
    names.map((name) => adminMethodOf(context, `/${service}/${name}`)),
  );
}

function adminMethodOf(context: ApiContext, path: string): UnaryMethod {
  return {
    path,
    maxRequestBytes: MAX_ADMIN_REQUEST_BYTES,
    handle: async (request) => {
      loaded ??= (await import("../handlers/admin-methods.js")).adminMethod;
      return loaded(path).callBytes(context, request);
    },
  };
}
