// One REST call: the request's parts become the bytes of the gRPC request, the same method runs on them, and the bytes of its
// response become JSON. Nothing here knows what a method does.
import { constants } from "node:http2";
import type { DescMessage, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { type HttpRoute, matchRoute, type RouteMatch, restError } from "@peal/wire";
import type { ApiContext } from "../api-context.js";
import { DetailedError } from "../detailed-error.js";
import { badArgument, shown } from "../error-catalogue.js";
import type { CallScope, UnaryMethod } from "../grpc/unary-method.js";
import { toPubSubError } from "../to-status.js";
import type { BodyReader } from "./body-reader.js";
import { type HttpRequest, type HttpResponse, sendAllowed, sendHtml, sendJson } from "./http-exchange.js";
import { invalidPayload } from "./json-refusal.js";
import { parseJsonText } from "./json-text.js";
import { type ParsedQuery, parseQuery, queryToJson, refuseQueryFields } from "./query.js";
import { jsonText, responseText } from "./response-text.js";
import { fieldsByJsonName, isObject, wireFromJson } from "./wire-from-json.js";

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
      const body = restError(told.code, told.message, told instanceof DetailedError ? told.details : []);
      sendJson(response, body.error.code, jsonText(body, query.isPretty));
    }
  }

  async #call(body: Buffer, scope: CallScope): Promise<string> {
    const request = await readRequest(this.match, this.query, body);
    const response = await this.method.handle(request, scope);
    return responseText(this.match.route.method.output, response, this.query.isPretty);
  }
}

/** Puts a serialized request together from the path, the query and the body. */
async function readRequest({ route, bindings }: RouteMatch, query: ParsedQuery, body: Buffer): Promise<Uint8Array> {
  const { input } = route.method;
  const json = await requestJson(route, query, body);
  if (!isObject(json)) throw invalidPayload("The request is not an object.");
  for (const [path, value] of bindings) bindPath(input, json, path.split("."), value);
  return wireFromJson(input, json, body.length);
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
function bindPath(desc: DescMessage, json: JsonObject, [name = "", ...rest]: string[], value: string): void {
  const field = fieldsByJsonName(desc).get(name);
  if (field === undefined) throw new TypeError(`a route binds ${name}, which ${desc.typeName} does not have`);
  const key = Object.hasOwn(json, field.name) ? field.name : field.jsonName;
  const given = json[key];
  if (field.message !== undefined && rest.length > 0) {
    // What is there and no object is for the transcoder to refuse.
    if (given === undefined || given === null) json[key] = {};
    const inner = json[key];
    if (isObject(inner)) bindPath(field.message, inner, rest, value);
    return;
  }
  if (typeof given === "string" && given !== "" && given !== value) {
    throw badArgument(
      `Invalid ${name}: the body has "${shown(given)}", the path has "${shown(value)}"; leave it out of the body`,
    );
  }
  if (given === undefined || given === null || given === "") json[key] = value;
}

/** A caller over HTTP: says no deadline, and is gone when its connection closes before it has its answer. */
function scopeOf(response: HttpResponse): CallScope {
  let isCancelled = false;
  const listeners: (() => void)[] = [];
  const hasLeft = leftWholly(response);
  response.on("close", () => {
    if (hasLeft()) return;
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

/** Returns what tells, once a response is closed, whether all of it had been sent. Node says "finished" in any case. */
function leftWholly(response: HttpResponse): () => boolean {
  if ("stream" in response) {
    const { stream } = response;
    return () => response.writableEnded && stream.rstCode === constants.NGHTTP2_NO_ERROR;
  }
  const { socket } = response;
  let hasLeft = false;
  response.once("finish", () => {
    hasLeft = socket?.destroyed === false;
  });
  return () => hasLeft;
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
