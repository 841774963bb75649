// The door of REST. What answers a call is loaded with the first one: it brings the descriptors of all messages along.
import type { ApiContext } from "../api-context.js";
import { SERVICE_ERROR_TEXT } from "../error-catalogue.js";
import type { UnaryMethod } from "../grpc/unary-method.js";
import { BodyReader } from "./body-reader.js";
import { type HttpRequest, type HttpResponse, sendText } from "./http-exchange.js";

/**
 * Returns what answers HTTP requests: every REST route, `GET /` for those who wait for the server, and 404.
 *
 * @param bodyBudgetBytes - Most bytes of bodies held at a time.
 */
export function createRestHandler(
  context: ApiContext,
  unary: readonly UnaryMethod[],
  bodyBudgetBytes: number,
): (request: HttpRequest, response: HttpResponse) => void {
  const parts = {
    context,
    methods: new Map(unary.map((method) => [method.path, method])),
    bodies: new BodyReader(bodyBudgetBytes),
  };
  return (request, response) => {
    // A client that goes away in the middle is no error of the server; without a listener it would end the process.
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    if (isRoot(request)) sendText(response, 200, "Ok\n");
    else {
      void import("./rest-call.js")
        .then(({ answerRestCall }) => answerRestCall(parts, request, response))
        .catch((error: unknown) => {
          context.observer.internalError(`${request.method} over HTTP`, error);
          sendText(response, 500, `${SERVICE_ERROR_TEXT}\n`);
        });
    }
  };
}

function isRoot({ method, url }: HttpRequest): boolean {
  return (method === "GET" || method === "HEAD") && (url === "/" || url?.startsWith("/?") === true);
}
