/** What a push needs of the network. */

export interface PushRequest {
  readonly endpoint: PushEndpoint;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Where requests go: parsed once. */
export interface PushEndpoint {
  /** As it was given. */
  readonly url: string;
  readonly isSecure: boolean;
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
  /** Path and query. */
  readonly path: string;
  /** `user:password` of the URL. */
  readonly credentials: string | undefined;
}

export type PostOutcome =
  /** The final status, or 102 where nothing followed it. */
  | { readonly kind: "answered"; readonly status: number }
  /** No usable answer; `error` is a short word such as ECONNREFUSED. */
  | { readonly kind: "failed"; readonly error: string };

/**
 * Sends one POST and waits for its answer. Never rejects.
 *
 * @param signal - Aborted when the answer comes too late to count: the outcome is then "failed", at once.
 */
export type PostRequest = (request: PushRequest, signal: AbortSignal) => Promise<PostOutcome>;

/** A name for the outcome of a request that was cut off by its ack deadline. */
export const DEADLINE_ERROR = "DEADLINE_EXCEEDED";

const SUCCESS_STATUSES = new Set([102, 200, 201, 202, 204]);

/** Reference S-14.6. */
export function isSuccess(outcome: PostOutcome): boolean {
  return outcome.kind === "answered" && SUCCESS_STATUSES.has(outcome.status);
}

/** Undefined where the text is not an http or https URL. */
export function parseEndpoint(url: string): PushEndpoint | undefined {
  if (!URL.canParse(url)) return undefined;
  const parsed = new URL(url);
  const { protocol, hostname, port, pathname, search, username, password } = parsed;
  if (protocol !== "http:" && protocol !== "https:") return undefined;
  const isSecure = protocol === "https:";
  const defaultPort = isSecure ? 443 : 80;
  return {
    url,
    isSecure,
    host: hostname.startsWith("[") ? hostname.slice(1, -1) : hostname,
    port: port === "" ? defaultPort : Number(port),
    path: pathname + search,
    credentials: username === "" && password === "" ? undefined : `${unescaped(username)}:${unescaped(password)}`,
  };
}

/** A per cent sign that escapes nothing stands for itself. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}
