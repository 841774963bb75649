/**
 * The paths beside the API: `/metrics`, with a test clock `/_/clock:advance`, and `/.well-known/`, where the endpoints of
 * pushes find the key that their tokens are signed with.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { PROMETHEUS_CONTENT_TYPE } from "./metrics/prometheus-text.js";
import { DISCOVERY_ROUTE, discoveryDocument, KEYS_ROUTE } from "./push/discovery.js";
import { AdvanceError, CLOCK_ROUTE, parseAdvance } from "./test-clock-route.js";

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

export interface OperatorRoutes {
  /** One scrape's text, in slices. */
  readonly scrape: () => AsyncIterable<string>;
  /** Undefined: there is no test clock. Resolves when all that fell due has been done. */
  readonly advanceClock: ((byMs: number) => Promise<void>) | undefined;
  /** Who signs the tokens of pushes, and with which keys. */
  readonly signer: { readonly issuer: string; readonly publicKeys: () => Promise<object> };
  /** What failed in a way that is the server's fault. */
  readonly onError: (error: unknown, path: string) => void;
  /** Answers everything else. */
  readonly next: (request: Request, response: Response) => void;
}

const METRICS_ROUTE = "/metrics";
/** Each scrape holds a copy of all numbers, and a slow reader holds it for long. */
const SCRAPES_MAX = 4;
const SCRAPE_LIMIT_MS = 120_000;
const BODY_MAX_BYTES = 4_096;
/** Verifiers ask seldom; the key stays as long as the store does. */
const KEYS_CACHE_CONTROL = "public, max-age=3600";
const JSON_TYPE = "application/json; charset=utf-8";
const TEXT_TYPE = "text/plain; charset=utf-8";

/** Makes the handler of every request that is not gRPC. */
export function createHttpHandler(routes: OperatorRoutes): (request: Request, response: Response) => void {
  let scrapes = 0;
  const answerScrape = async (request: Request, response: Response): Promise<void> => {
    if (scrapes >= SCRAPES_MAX)
      return sendText(response, 503, `${SCRAPES_MAX} scrapes are under way; come again later`);
    scrapes += 1;
    try {
      response.setHeader("content-type", PROMETHEUS_CONTENT_TYPE);
      if (request.method === "HEAD") response.end();
      else await pipeline(Readable.from(routes.scrape()), response, { signal: AbortSignal.timeout(SCRAPE_LIMIT_MS) });
    } finally {
      scrapes -= 1;
    }
  };
  const answer = (request: Request, response: Response): Promise<void> | undefined => {
    const path = request.url?.split("?", 1)[0];
    if (request.method === "GET" || request.method === "HEAD") {
      if (path === METRICS_ROUTE) return answerScrape(request, response);
      if (path === DISCOVERY_ROUTE || path === KEYS_ROUTE) return answerSigner(request, response, path, routes.signer);
    }
    if (path === CLOCK_ROUTE && request.method === "POST" && routes.advanceClock !== undefined) {
      return answerAdvance(request, response, routes.advanceClock);
    }
    routes.next(request, response);
    return undefined;
  };
  return (request, response) => {
    answer(request, response)?.catch((error: unknown) => {
      // A reader that went away, or is too slow, is no fault of ours.
      if (!response.destroyed && !isAbort(error)) routes.onError(error, request.url ?? "");
      if (response.headersSent) response.destroy();
      else sendText(response, 500, "the server failed; its log says how");
    });
  };
}

async function answerSigner(
  request: Request,
  response: Response,
  path: string,
  { issuer, publicKeys }: OperatorRoutes["signer"],
): Promise<void> {
  const document = path === KEYS_ROUTE ? await publicKeys() : discoveryDocument(issuer, originOf(request));
  response.setHeader("content-type", JSON_TYPE);
  response.setHeader("cache-control", KEYS_CACHE_CONTROL);
  response.end(request.method === "HEAD" ? "" : `${JSON.stringify(document)}\n`);
}

/** How the asker has reached this server. */
function originOf({ headers, socket }: Request): string {
  const scheme = "encrypted" in socket && socket.encrypted === true ? "https" : "http";
  return `${scheme}://${headers[":authority"] ?? headers.host ?? "localhost"}`;
}

async function answerAdvance(
  request: Request,
  response: Response,
  advance: (byMs: number) => Promise<void>,
): Promise<void> {
  const body = await readBody(request);
  if (body === undefined)
    return sendText(response, 413, `the body is over ${BODY_MAX_BYTES} bytes; send {"by": "11m"}`);
  let byMs: number;
  try {
    byMs = parseAdvance(body);
  } catch (error) {
    if (!(error instanceof AdvanceError)) throw error;
    return sendText(response, 400, error.message);
  }
  await advance(byMs);
  response.setHeader("content-type", JSON_TYPE);
  response.end("{}\n");
}

/** The whole body, or undefined where it is too long. */
async function readBody(request: Request): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  // The connection must stay, or the refusal would not arrive.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes > BODY_MAX_BYTES) return undefined;
  }
  return Buffer.concat(chunks).toString();
}

function sendText(response: Response, status: number, text: string): void {
  if (response.headersSent || response.destroyed) return;
  response.statusCode = status;
  response.setHeader("content-type", TEXT_TYPE);
  response.end(`${text}\n`);
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError");
}
