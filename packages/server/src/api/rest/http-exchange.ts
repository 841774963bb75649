import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";

/** A request of either version of HTTP. */
export type HttpRequest = IncomingMessage | Http2ServerRequest;

/** The response to it. */
export type HttpResponse = ServerResponse | Http2ServerResponse;

const JSON_TYPE = "application/json; charset=UTF-8";
const HTML_TYPE = "text/html; charset=UTF-8";
const TEXT_TYPE = "text/plain; charset=UTF-8";

/** Answers JSON text. */
export function sendJson(response: HttpResponse, status: number, text: string): void {
  send(response, status, JSON_TYPE, text);
}

/** Answers an HTML page. */
export function sendHtml(response: HttpResponse, status: number, text: string): void {
  send(response, status, HTML_TYPE, text);
}

/** Answers plain text. */
export function sendText(response: HttpResponse, status: number, text: string): void {
  send(response, status, TEXT_TYPE, text);
}

/** Answers which verbs a path has. */
export function sendAllowed(response: HttpResponse, verbs: readonly string[]): void {
  response.statusCode = 204;
  response.setHeader("allow", verbs.join(", "));
  endWith(response, new Uint8Array(0));
}

function send(response: HttpResponse, status: number, type: string, text: string): void {
  if (response.headersSent || response.destroyed) return;
  const bytes = Buffer.from(text);
  response.statusCode = status;
  response.setHeader("content-type", type);
  response.setHeader("content-length", bytes.length);
  endWith(response, bytes);
}

/** Both versions have `end`, with signatures that do not unite. */
function endWith(response: HttpResponse, bytes: Uint8Array): void {
  if ("stream" in response) response.end(bytes);
  else response.end(bytes);
}
