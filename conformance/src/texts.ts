// The texts of reference appendix B, as functions of what they substitute.

/** B1 */
export const invalidName = (name: string): string =>
  `Invalid resource name given (name=${name}). Refer to https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names for more information.`;
/** B2: only the last segment of the name. */
export const notFound = (name: string): string => `Resource not found (resource=${lastSegment(name)}).`;
/** B3: only the last segment of the name. */
export const alreadyExists = (name: string): string =>
  `Resource already exists in the project (resource=${lastSegment(name)}).`;
/** B4 and its kin: the minimum. */
export const tooSmall = (what: string, value: number | string, minimum: number | string): string =>
  `The value for ${what} is too small. You passed ${value} in the request, but the minimum value is ${minimum}.`;
/** B5 */
export const tooLarge = (what: string, value: number | string, maximum: number | string): string =>
  `The value for ${what} is too large. You passed ${value} in the request, but the maximum value is ${maximum}.`;
/** B5 where the reference does not know the name of the measure. */
export const tooLargeOfAnything = (value: number, maximum: number): RegExp =>
  new RegExp(
    `^The value for \\S+ is too large\\. You passed ${value} in the request, but the maximum value is ${maximum}\\.$`,
  );
/** B6 */
export const payloadTooLarge = (limitBytes: number): string =>
  `Request payload size exceeds the limit: ${limitBytes} bytes.`;
/** B7 */
export const EMPTY_MESSAGE =
  "One or more messages in the publish request is empty. Each message must contain either non-empty data, or at least one attribute.";
/** B8 */
export const invalidArgument = (argument: string): string =>
  `You have passed an invalid argument to the service (argument=${argument}).`;
/** B9 */
export const NO_ACK_ID = "You have not specified an ack ID in the request.";
/** B10 */
export const invalidAckId = (ackId: string): string =>
  `You have passed an invalid ack ID to the service (ack_id=${ackId}).`;
/** B11 */
export const invalidAckDeadline = (seconds: number, minimum: 0 | 10): string =>
  `Invalid ack deadline given (ack_deadline=${seconds}). The ack deadline must be between ${minimum} and 600 seconds.`;
/** B12 */
export const outOfBounds = (
  what: string,
  value: number | string,
  low: number | string,
  high: number | string,
): string =>
  `The value for ${what} is out of bounds. You passed ${value} in the request, but the value must be between ${low} and ${high}.`;
/** B12 for a retention whose printed form the reference leaves open. */
export const RETENTION_OUT_OF_BOUNDS =
  /^The value for message retention duration is out of bounds\. You passed \S+ in the request, but the value must be between 10m and 744h\.$/;
/** B13 */
export const expirationTooSmall = (value: string): string =>
  `The value for expiration duration is too small. You passed ${value} in the request, but the minimum value is 24h.`;
/** B14 */
export const retentionBeyondTtl = (retentionSeconds: number, ttlSeconds: number): string =>
  `The subscription's message retention duration (${retentionSeconds} seconds) cannot be greater than the TTL in the subscription's expiration policy (${ttlSeconds} seconds), since messages cannot be retained past subscription expiration.`;
/** B15 */
export const backoffReversed = (maximum: string, minimum: string): string =>
  `The specified maximum_backoff ${maximum} cannot be smaller than minimum_backoff ${minimum}.`;
/** B16 */
export const emptyMask = (request: string): string =>
  `The update_mask in the ${request} must be set, and must contain a non-empty paths list.`;
/** B17 */
export const unknownPath = (request: string, path: string, resource: string): string =>
  `Invalid update_mask provided in the ${request}: '${path}' is not a known ${resource} field. Note that field paths must be of the form 'push_config' rather than 'pushConfig'.`;
/** B18 */
export const immutablePath = (request: string, path: string, resource: string): string =>
  `Invalid update_mask provided in the ${request}: the '${path}' field in the ${resource} is not mutable.`;
/** B19 */
export const invalidPageToken = (token: string): string => `Invalid page token given (token=${token}).`;
/** B20 */
export const invalidPushEndpoint = (url: string): string =>
  `Invalid push endpoint given (endpoint=${url}). Refer to https://cloud.google.com/pubsub/subscriber#create for more information.`;
/** B21 */
export const invalidPushVersion = (version: string): string =>
  `Invalid push endpoint version given in push config (version=${version}).`;
/** B22 */
export const WRONG_SUBSCRIPTION_TYPE = "This method is not supported for this subscription type.";
/** B23 */
export const SOME_ACK_IDS_INVALID =
  "Some acknowledgement ids in the request were invalid. This could be because the acknowledgement ids have expired or the acknowledgement ids were malformed.";
/** B27 */
export const INTERNAL_ERROR =
  "A service error has occurred. Please retry your request. If the error persists, please report it.";
/** B31 */
export const MIXED_ORDERING_KEYS =
  "In a single publish request, all messages must have no ordering key or they must all have the same ordering key. [code=539b]";
/** Reference 0.5. */
export const upperCaseLabelKey = (key: string): string =>
  invalidArgument(
    `Invalid labels: Invalid field "labels"; key "${key}" does not conform to regular expression "[\\p{Ll}\\p{Lo}][\\p{Ll}\\p{Lo}\\p{N}_-]{0,62}"; first character "${key[0]}" is not a non-uppercased letter (Unicode character class Ll or Lo)`,
  );

/** Returns what follows the last slash of a resource name. */
export function lastSegment(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}
