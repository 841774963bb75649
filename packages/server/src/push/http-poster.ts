/**
 * Sends pushes over HTTP/1.1 and HTTPS. An endpoint is not trusted: the time of an answer is the caller's, its head and
 * body are bounded, redirects are not followed, and where private addresses are refused that is done with the address
 * that is connected to, so that a name cannot change its mind in between.
 */
import { Agent, type ClientRequest, request as httpRequest, type RequestOptions } from "node:http";
import { isIP, type LookupFunction } from "node:net";
import { isPublicAddress } from "./address-rules.js";
import { ADDRESS_REFUSED, guardedLookup } from "./guarded-lookup.js";
import type { Address } from "./name-resolver.js";
import { DEADLINE_ERROR, type PostOutcome, type PostRequest, type PushRequest } from "./post-request.js";
import { PUSH_LIMITS } from "./push-limits.js";

export interface HttpPosterOptions {
  /** May endpoints be on this machine or in a private network? */
  readonly allowsPrivate: boolean;
  /** PEM of authorities that are trusted besides the usual ones. */
  readonly ca: string | undefined;
  /** Are certificates taken as they are? */
  readonly skipsVerification: boolean;
  readonly resolve: (host: string) => Promise<readonly Address[]>;
}

export interface HttpPoster {
  readonly post: PostRequest;
  /** Ends every connection. */
  close(): void;
}

type SendRequest = (options: RequestOptions) => ClientRequest;

/** How requests of one scheme are sent. */
interface Transport {
  readonly send: SendRequest;
  readonly pooled: Agent;
  /** For a request that has failed because the server closed a pooled connection just then. */
  readonly fresh: Agent;
}

const PROCESSING = 102;
const AGENT_OPTIONS = {
  keepAlive: true,
  timeout: PUSH_LIMITS.idleConnectionMs,
  maxFreeSockets: PUSH_LIMITS.idleConnections,
  scheduling: "lifo",
} as const;
/** Error codes come from the system and from OpenSSL; none is longer. */
const ERROR_MAX_LENGTH = 64;

export function createHttpPoster(options: HttpPosterOptions): HttpPoster {
  const lookup = guardedLookup(options.resolve, options.allowsPrivate);
  const plain = plainTransport(lookup);
  let secure: Promise<Transport> | undefined;
  let opened: Transport | undefined;
  const openSecure = async (): Promise<Transport> => {
    secure ??= secureTransport(lookup, options);
    opened = await secure;
    return opened;
  };
  const post: PostRequest = async (request, signal) => {
    const { host, isSecure } = request.endpoint;
    if (!options.allowsPrivate && isIP(host) !== 0 && !isPublicAddress(host)) {
      return { kind: "failed", error: ADDRESS_REFUSED };
    }
    const transport = isSecure ? await openSecure() : plain;
    const first = await exchange(transport.send, requestOptions(request, transport.pooled), request.body, signal);
    if (!first.isStale) return first.outcome;
    return (await exchange(transport.send, requestOptions(request, transport.fresh), request.body, signal)).outcome;
  };
  return {
    post,
    close: () => {
      for (const transport of [plain, opened]) transport?.pooled.destroy();
    },
  };
}

function plainTransport(lookup: LookupFunction): Transport {
  return {
    send: httpRequest,
    pooled: new Agent({ ...AGENT_OPTIONS, lookup }),
    fresh: new Agent({ keepAlive: false, lookup }),
  };
}

/** TLS is loaded with the first endpoint that needs it: most servers start without. */
async function secureTransport(lookup: LookupFunction, options: HttpPosterOptions): Promise<Transport> {
  const [{ Agent: HttpsAgent, request: send }, { createSecureContext, rootCertificates }] = await Promise.all([
    import("node:https"),
    import("node:tls"),
  ]);
  // Made once: reading all the authorities for each connection would cost more than the connection.
  const trust =
    options.ca === undefined ? {} : { secureContext: createSecureContext({ ca: [...rootCertificates, options.ca] }) };
  const tls = { ...trust, rejectUnauthorized: !options.skipsVerification, lookup };
  return {
    send,
    pooled: new HttpsAgent({ ...AGENT_OPTIONS, ...tls }),
    fresh: new HttpsAgent({ keepAlive: false, ...tls }),
  };
}

function requestOptions({ endpoint, headers, body }: PushRequest, agent: Agent): RequestOptions {
  const { host, port, path, credentials } = endpoint;
  return {
    method: "POST",
    agent,
    host,
    port,
    path,
    headers: { ...headers, "Content-Length": body.length },
    maxHeaderSize: PUSH_LIMITS.answerHeadBytes,
    ...(credentials === undefined ? {} : { auth: credentials }),
  };
}

interface Exchange {
  readonly outcome: PostOutcome;
  /** A pooled connection was closed by the other side before anything came back: nothing was processed. */
  readonly isStale: boolean;
}

/** The status decides as soon as it is there; the exchange ends when the body has ended or was cut. */
function exchange(
  send: SendRequest,
  options: RequestOptions,
  body: Uint8Array,
  signal: AbortSignal,
): Promise<Exchange> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve({ outcome: { kind: "failed", error: DEADLINE_ERROR }, isStale: false });
    const request = send(options);
    let status: number | undefined;
    let informational = 0;
    const end = (error: string, isStale = false): void => {
      signal.removeEventListener("abort", onAbort);
      const outcome: PostOutcome = status === undefined ? { kind: "failed", error } : { kind: "answered", status };
      resolve({ outcome, isStale: isStale && status === undefined });
    };
    const onAbort = (): void => {
      end(DEADLINE_ERROR);
      request.destroy();
    };
    signal.addEventListener("abort", onAbort);
    request.on("information", (information: { statusCode: number }) => {
      if (information.statusCode === PROCESSING) status = PROCESSING;
      informational += 1;
      if (informational > PUSH_LIMITS.informationalAnswers) request.destroy();
    });
    request.on("response", (response) => {
      status = response.statusCode ?? 0;
      let sizeBytes = 0;
      response.on("data", (chunk: Buffer) => {
        sizeBytes += chunk.length;
        if (sizeBytes > PUSH_LIMITS.answerBodyBytes) request.destroy();
      });
      response.on("end", () => end(""));
      // A body that breaks off changes nothing about the status; `close` follows.
      response.on("error", () => request.destroy());
    });
    request.on("error", (error) => end(errorWord(error), request.reusedSocket && informational === 0));
    request.on("close", () => end("CONNECTION_CLOSED"));
    request.end(body);
  });
}

function errorWord(error: Error): string {
  const word = "code" in error && typeof error.code === "string" ? error.code : error.name;
  return word.slice(0, ERROR_MAX_LENGTH);
}
