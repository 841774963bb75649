// One REST call: the request's parts become the bytes of the gRPC request, the same method runs on them, and the bytes of its
// response become JSON. Nothing here knows what a method does.
import { type DescMessage, fromBinary, type JsonValue, toBinary } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { type HttpRoute, matchRoute, type RouteMatch } from "@peal/wire";
import type { ApiContext } from "../api-context.js";
import { badArgument, shown } from "../error-catalogue.js";
import type { CallScope, UnaryMethod } from "../grpc/unary-method.js";
import { toPubSubError, toRestError } from "../to-status.js";
import type { BodyReader } from "./body-reader.js";
import { type HttpRequest, type HttpResponse, sendAllowed, sendHtml, sendJson } from "./http-exchange.js";
import { JsonRefusal } from "./json-refusal.js";
import { parseJsonText } from "./json-text.js";
import { messageFromJson } from "./message-from-json.js";
import { jsonText, messageToJson } from "./message-to-json.js";
import { type ParsedQuery, parseQuery, queryToJson, refuseQueryFields } from "./query.js";

const VERBS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** What all calls share. */
export interface RestParts {
  readonly context: ApiContext;
  /** By gRPC path. */
  readonly methods: ReadonlyMap<string, UnaryMethod>;
  readonly bodies: BodyReader;
}

/** Answers one request, whatever it is. Does not reject. */
export async function answerRestCall(parts: RestParts, request: HttpRequest, response: HttpResponse): Promise<void> {
  const url = request.url ?? "/";
  const queryStart = url.indexOf("?");
  const path = queryStart === -1 ? url : url.slice(0, queryStart);
  const query = parseQuery(queryStart === -1 ? "" : url.slice(queryStart + 1));
  const verb = request.method === "HEAD" ? "GET" : (request.method ?? "GET");
  if (verb === "OPTIONS") {
    const verbs = VERBS.filter((candidate) => matchRoute(candidate, path) !== undefined);
    if (verbs.length > 0) return sendAllowed(response, verbs);
  }
  const match = matchRoute(verb, path);
  const method = match && parts.methods.get(`/${match.route.method.parent.typeName}/${match.route.method.name}`);
  if (match === undefined || method === undefined) return sendUnknownRoute(parts, path, query, response);
  await new RestCall(parts, method, match, query).run(request, response);
}

class RestCall {
  readonly #startedAtMs = performance.now();

  constructor(
    readonly parts: RestParts,
    readonly method: UnaryMethod,
    readonly match: RouteMatch,
    readonly query: ParsedQuery,
  ) {}

  async run(request: HttpRequest, response: HttpResponse): Promise<void> {
    const { observer } = this.parts.context;
    const { method, query } = this;
    try {
      const text = await this.parts.bodies.withBody(request, method.maxRequestBytes, (body) =>
        this.#call(body, scopeOf(response)),
      );
      observer.callEnded(method.path, "OK", performance.now() - this.#startedAtMs);
      sendJson(response, 200, text);
    } catch (error) {
      const told = toPubSubError(error, method.path, observer);
      observer.callEnded(method.path, told.code, performance.now() - this.#startedAtMs);
      const body = toRestError(told, told instanceof JsonRefusal ? told.details : []);
      sendJson(response, body.error.code, jsonText(body, query.isPretty));
    }
  }

  async #call(body: Buffer, scope: CallScope): Promise<string> {
    const { route } = this.match;
    const request = await readRequest(this.match, this.query, body);
    const output: DescMessage = route.method.output;
    const response = await this.method.handle(toBinary(route.method.input, request.message), scope);
    const message = reflect(output, fromBinary(output, response), false);
    return jsonText(messageToJson(message), this.query.isPretty);
  }
}

/** Puts a request together from the path, the query and the body. */
async function readRequest({ route, bindings }: RouteMatch, query: ParsedQuery, body: Buffer): Promise<ReflectMessage> {
  const { input } = route.method;
  const json = await requestJson(route, query, body);
  const request = messageFromJson(input, json);
  for (const [path, value] of bindings) bindPath(request, path.split("."), value);
  return request;
}

async function requestJson(route: HttpRoute, query: ParsedQuery, body: Buffer): Promise<JsonValue> {
  const { input } = route.method;
  if (route.body === "*") {
    refuseQueryFields(query);
    return parseJsonText(body);
  }
  const fromQuery = queryToJson(input, query);
  return route.body === "" ? fromQuery : { ...fromQuery, [route.body]: await parseJsonText(body) };
}

/** Sets a field to what the path says. The body may say the same, but nothing else. */
function bindPath(message: ReflectMessage, [name = "", ...rest]: string[], value: string): void {
  const field = message.desc.fields.find((candidate) => candidate.name === name);
  if (field?.fieldKind === "message" && rest.length > 0) {
    if (!message.isSet(field)) message.set(field, reflect(field.message, undefined, false));
    bindPath(message.get(field), rest, value);
  } else if (field?.fieldKind === "scalar") {
    const given: unknown = message.get(field);
    if (given !== "" && given !== value) {
      throw badArgument(
        `Invalid ${name}: the body has "${shown(String(given))}", the path has "${shown(value)}"; leave it out of the body`,
      );
    }
    message.set(field, value);
  } else {
    throw new TypeError(`a route binds ${name}, which ${message.desc.typeName} does not have`);
  }
}

/** A caller over HTTP: says no deadline, and is gone when its connection closes before it has its answer. */
function scopeOf(response: HttpResponse): CallScope {
  let isCancelled = false;
  const listeners: (() => void)[] = [];
  response.on("close", () => {
    if (response.writableFinished) return;
    isCancelled = true;
    for (const listener of listeners) listener();
  });
  return {
    deadlineAtMs: Number.POSITIVE_INFINITY,
    get isCancelled() {
      return isCancelled;
    },
    onCancel: (listener) => {
      if (isCancelled) listener();
      else listeners.push(listener);
    },
  };
}

function sendUnknownRoute({ context }: RestParts, path: string, query: ParsedQuery, response: HttpResponse): void {
  if (context.rules.unknownRouteBody === "html") {
    sendHtml(
      response,
      404,
      `<!DOCTYPE html>\n<html lang="en">\n<title>Error 404 (Not Found)</title>\n<p>The requested URL <code>${escapeHtml(shown(path))}</code> was not found on this server.</p>\n</html>\n`,
    );
  } else {
    const error = { code: 404, message: `No method has the path ${shown(path)}.`, status: "NOT_FOUND" };
    sendJson(response, 404, jsonText({ error }, query.isPretty));
  }
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
