/** Bodies of wrapped pushes: JSON with everything that is known of the message (reference S-14.2). */
import { formatPublishTime, type PushMessage } from "./push-message.js";

/** `x-goog-version` of the legacy format (S-14.16); every other is the present one. */
const LEGACY_VERSION = "v1beta1";

/** @param version - Of the push config's attributes; undefined: the present one. */
export function encodeWrappedBody(message: PushMessage, version: string | undefined): Uint8Array {
  return Buffer.from(version === LEGACY_VERSION ? legacyText(message) : presentText(message), "utf8");
}

function presentText(message: PushMessage): string {
  const { subscription, messageId, publishTimeMs, deliveryAttempt, fields } = message;
  const attempt = deliveryAttempt > 0 ? `"deliveryAttempt":${deliveryAttempt},` : "";
  const attributes = attributesText(fields.attributes);
  const data = dataText(fields.data);
  const key = fields.orderingKey === "" ? "" : `"orderingKey":${JSON.stringify(fields.orderingKey)},`;
  // Decimal digits and a time need no escapes. Both spellings, since readers rely on either.
  const id = `"messageId":"${messageId}","message_id":"${messageId}"`;
  const time = formatPublishTime(publishTimeMs);
  return (
    `{${attempt}"message":{${attributes}${data}${id},${key}"publishTime":"${time}","publish_time":"${time}"},` +
    `"subscription":${JSON.stringify(subscription)}}`
  );
}

function attributesText(attributes: ReadonlyMap<string, string>): string {
  if (attributes.size === 0) return "";
  const entries = [...attributes].map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  return `"attributes":{${entries.join(",")}},`;
}

function dataText(data: Uint8Array): string {
  if (data.length === 0) return "";
  return `"data":"${Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64")}",`;
}

function legacyText({ subscription, messageId, fields }: PushMessage): string {
  const labels = [...fields.attributes].map(
    ([key, value]) => `{"key":${JSON.stringify(key)},"strValue":${JSON.stringify(value)}}`,
  );
  const label = labels.length === 0 ? "" : `"label":[${labels.join(",")}],`;
  const [, project = "", , id = ""] = subscription.split("/");
  const name = JSON.stringify(`/subscriptions/${project}/${id}`);
  return `{"message":{${dataText(fields.data)}${label}"messageId":"${messageId}"},"subscription":${name}}`;
}
