/** The head of a push, and what an unwrapped one tells of its message in it (reference S-14.3, S-14.5). */
import { isUtf8 } from "node:buffer";
import { PUSH_LIMITS } from "./push-limits.js";
import { formatPublishTime, type PushMessage } from "./push-message.js";

/** What every push has. */
const COMMON_HEADERS = {
  "User-Agent": "CloudPubSub-Google",
  From: "noreply@google.com",
  Accept: "application/json",
  "Accept-Encoding": "gzip, deflate, br",
} as const;

/** What an attribute must not replace: what is ours, and what says how the request itself is to be read. */
const RESERVED_NAMES = new Set([
  "accept",
  "accept-encoding",
  "authorization",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "date",
  "expect",
  "from",
  "host",
  "keep-alive",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "user-agent",
]);
const OUR_PREFIX = "x-goog-pubsub-";
/** A token of RFC 9110. */
const LEGAL_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Beyond ASCII readers do not agree on what a byte means. */
const LEGAL_VALUE = /^[\t\x20-\x7e]*$/;

/** Of a wrapped push. */
export function wrappedHeaders(): Record<string, string> {
  return { ...COMMON_HEADERS, "Content-Type": "application/json" };
}

/**
 * Of an unwrapped push, whose body is the data alone.
 *
 * @param writesMetadata - Adds name, id, time, ordering key and attributes. What cannot be a header is left out.
 */
export function unwrappedHeaders(message: PushMessage, writesMetadata: boolean): Record<string, string> {
  const { subscription, messageId, publishTimeMs, fields } = message;
  const headers: Record<string, string> = {
    ...COMMON_HEADERS,
    "Content-Type": isJson(fields.data) ? "application/json" : "application/octet-stream",
  };
  if (!writesMetadata) return headers;
  for (const [name, value] of fields.attributes) {
    if (!isReserved(name) && LEGAL_NAME.test(name) && LEGAL_VALUE.test(value)) headers[name] = value;
  }
  headers[`${OUR_PREFIX}subscription-name`] = subscription;
  headers[`${OUR_PREFIX}message-id`] = String(messageId);
  headers[`${OUR_PREFIX}publish-time`] = formatPublishTime(publishTimeMs);
  const { orderingKey } = fields;
  if (orderingKey !== "" && LEGAL_VALUE.test(orderingKey)) headers[`${OUR_PREFIX}ordering-key`] = orderingKey;
  return headers;
}

function isReserved(name: string): boolean {
  const lower = name.toLowerCase();
  // Assigning to __proto__ of an object would set no key of it.
  return RESERVED_NAMES.has(lower) || lower.startsWith(OUR_PREFIX) || lower === "__proto__";
}

function isJson(data: Uint8Array): boolean {
  if (data.length === 0 || data.length > PUSH_LIMITS.jsonProbeBytes || !isUtf8(data)) return false;
  try {
    JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("utf8"));
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
