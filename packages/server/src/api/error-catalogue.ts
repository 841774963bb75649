// The texts of refusals, each in one place. The comments name their numbers in appendix B of the service reference; users
// match on these texts, so they are what the service says, to the letter. Texts without a number are ours.
import { PubSubError } from "@peal/core";
import type { Span } from "../engine/settings.js";
import type { ProfileRules, ResourceKind } from "./profile.js";
import { goDuration, goSeconds } from "./validation/go-duration.js";

/** Longest piece of a client's text that an error repeats: error texts travel in headers, which have limits. */
const SHOWN_LENGTH = 1024;

/** Cuts a client's text for an error message. What is short stays as it is. */
export function shown(text: string): string {
  if (text.length <= SHOWN_LENGTH) return text;
  // Through UTF-8 and back, so that a surrogate pair cut in two does not leave half of itself.
  return `${Buffer.from(text.slice(0, SHOWN_LENGTH)).toString()}... (${text.length} characters)`;
}

/** An INVALID_ARGUMENT with a text of its own. */
export function invalidArgument(text: string, options?: ErrorOptions): PubSubError {
  return new PubSubError("INVALID_ARGUMENT", text, options);
}

/** B1 */
export function invalidName(rules: ProfileRules, name: string, collection: string): PubSubError {
  return invalidArgument(rules.invalidName(shown(name), collection));
}

/** B2 */
export function notFound(rules: ProfileRules, kind: ResourceKind, id: string): PubSubError {
  return new PubSubError("NOT_FOUND", rules.notFound(kind, shown(id)));
}

/** B3 */
export function alreadyExists(rules: ProfileRules, kind: ResourceKind, id: string): PubSubError {
  return new PubSubError("ALREADY_EXISTS", rules.alreadyExists(kind, shown(id)));
}

/** B4 */
export function tooSmall(measure: string, value: number | string, minimum: number | string): PubSubError {
  return invalidArgument(
    `The value for ${measure} is too small. You passed ${value} in the request, but the minimum value is ${minimum}.`,
  );
}

/** B5 */
export function tooLarge(measure: string, value: number | string, maximum: number | string): PubSubError {
  return invalidArgument(
    `The value for ${measure} is too large. You passed ${value} in the request, but the maximum value is ${maximum}.`,
  );
}

/** B6 */
export function payloadTooLarge(limitBytes: number): PubSubError {
  return invalidArgument(`Request payload size exceeds the limit: ${limitBytes} bytes.`);
}

/** B7 */
export function emptyMessage(): PubSubError {
  return invalidArgument(
    "One or more messages in the publish request is empty. Each message must contain either non-empty data, or at least one attribute.",
  );
}

/** B8 */
export function badArgument(argument: string): PubSubError {
  return invalidArgument(`You have passed an invalid argument to the service (argument=${argument}).`);
}

/** B9 */
export function noAckIds(): PubSubError {
  return invalidArgument("You have not specified an ack ID in the request.");
}

/** B10 */
export function malformedAckId(ackId: string): PubSubError {
  return invalidArgument(`You have passed an invalid ack ID to the service (ack_id=${shown(ackId)}).`);
}

/** B11 */
export function badAckDeadline(seconds: number, minimum: number, maximum: number): PubSubError {
  return invalidArgument(
    `Invalid ack deadline given (ack_deadline=${seconds}). The ack deadline must be between ${minimum} and ${maximum} seconds.`,
  );
}

/** B12 */
export function outOfBounds(what: string, value: number | string, low: number | string, high: number | string) {
  return invalidArgument(
    `The value for ${what} is out of bounds. You passed ${value} in the request, but the value must be between ${low} and ${high}.`,
  );
}

/** B12 for a span. */
export function spanOutOfBounds(what: string, span: Span, lowSeconds: number, highSeconds: number): PubSubError {
  return outOfBounds(what, goDuration(span), goSeconds(lowSeconds), goSeconds(highSeconds));
}

/** B14; both in seconds, as decimal text. */
export function retentionAboveTtl(retention: string, ttl: string): PubSubError {
  return invalidArgument(
    `The subscription's message retention duration (${retention} seconds) cannot be greater than the TTL in the subscription's expiration policy (${ttl} seconds), since messages cannot be retained past subscription expiration.`,
  );
}

/** B15 */
export function backoffsCrossed(maximum: Span, minimum: Span): PubSubError {
  return invalidArgument(
    `The specified maximum_backoff ${goDuration(maximum)} cannot be smaller than minimum_backoff ${goDuration(minimum)}.`,
  );
}

/** B16 */
export function noUpdateMask(request: string): PubSubError {
  return invalidArgument(`The update_mask in the ${request} must be set, and must contain a non-empty paths list.`);
}

/** B17 */
export function unknownMaskPath(request: string, path: string, resource: string): PubSubError {
  return invalidArgument(
    `Invalid update_mask provided in the ${request}: '${shown(path)}' is not a known ${resource} field. Note that field paths must be of the form 'push_config' rather than 'pushConfig'.`,
  );
}

/** B18 */
export function immutableMaskPath(request: string, path: string, resource: string): PubSubError {
  return invalidArgument(
    `Invalid update_mask provided in the ${request}: the '${shown(path)}' field in the ${resource} is not mutable.`,
  );
}

/** B19 */
export function badPageToken(token: string): PubSubError {
  return invalidArgument(`Invalid page token given (token=${shown(token)}).`);
}

/** B20 */
export function badPushEndpoint(url: string): PubSubError {
  return invalidArgument(
    `Invalid push endpoint given (endpoint=${shown(url)}). Refer to https://cloud.google.com/pubsub/subscriber#create for more information.`,
  );
}

/** B21 */
export function badPushVersion(version: string): PubSubError {
  return invalidArgument(`Invalid push endpoint version given in push config (version=${shown(version)}).`);
}

/** B23; which ids, and why, is in the ErrorInfo. */
export const ACK_IDS_FAILED_TEXT =
  "Some acknowledgement ids in the request were invalid. This could be because the acknowledgement ids have expired or the acknowledgement ids were malformed.";

/** A filter that does not follow the grammar; `reason` says where and what was expected. */
export function badFilter(reason: string): PubSubError {
  return badArgument(`Invalid filter: ${reason}`);
}

/** A seek that does not say where to. */
export function noSeekTarget(): PubSubError {
  return badArgument("Invalid target: it is not set; set time or snapshot");
}

/** A Timestamp out of the range of google.protobuf.Timestamp. */
export function malformedTimestamp(field: string): PubSubError {
  return invalidArgument(
    `Invalid timestamp given (field=${field}). It must be from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z, and nanos must be between 0 and 999999999.`,
  );
}

/** B27; what really happened is for the log only. */
export const SERVICE_ERROR_TEXT =
  "A service error has occurred. Please retry your request. If the error persists, please report it.";

/** B26 */
export const STREAM_RECYCLED_TEXT = "The service was unable to fulfill your request. Please try again. [code=8a75]";

/** B31 */
export function mixedOrderingKeys(): PubSubError {
  return new PubSubError(
    "FAILED_PRECONDITION",
    "In a single publish request, all messages must have no ordering key or they must all have the same ordering key. [code=539b]",
  );
}

/** A method that this server does not have yet. */
export function unsupportedMethod(method: string): PubSubError {
  return new PubSubError("UNIMPLEMENTED", `The method ${method} is not implemented by this server.`);
}

/** A setting that this server would have to ignore: refused, so that nobody relies on it. */
export function unsupportedField(resource: string, field: string): PubSubError {
  return new PubSubError(
    "UNIMPLEMENTED",
    `The field ${field} of ${resource} is not implemented by this server; leave it unset.`,
  );
}

/** A Duration whose parts contradict each other or are out of range. */
export function malformedDuration(field: string): PubSubError {
  return invalidArgument(
    `Invalid duration given (field=${field}). Its seconds and nanos must have the same sign, and nanos must be between -999999999 and 999999999.`,
  );
}
