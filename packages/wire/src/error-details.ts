// Rich errors: google.rpc.Status with details, as `grpc-status-details-bin` carries it and as REST prints it. Serialized
// without descriptors, since acks fail on the hot path.
//
// google.rpc: Status { code = 1, message = 2, details = 3 }, Any { type_url = 1, value = 2 }; the fields of each detail stand
// in the order of their numbers below.
import { STATUS, type StatusName } from "./status.js";
import { LENGTH_DELIMITED, VARINT } from "./wire-reader.js";
import { varintSize, writeVarint } from "./wire-writer.js";

const TYPE_URL_PREFIX = "type.googleapis.com/google.rpc.";

/** A detail of google.rpc, by the name of its message. */
export type ErrorDetail =
  | {
      readonly type: "ErrorInfo";
      readonly reason: string;
      readonly domain: string;
      readonly metadata?: Readonly<Record<string, string>>;
    }
  | {
      readonly type: "BadRequest";
      readonly fieldViolations: readonly { readonly field: string; readonly description: string }[];
    }
  | { readonly type: "RetryInfo" /** Whole, not negative. */; readonly retryDelayMs: number }
  | {
      readonly type: "QuotaFailure";
      readonly violations: readonly { readonly subject: string; readonly description: string }[];
    }
  | {
      readonly type: "PreconditionFailure";
      readonly violations: readonly { readonly type: string; readonly subject: string; readonly description: string }[];
    };

/** The body of a REST error. `details` is left out where there are none. */
export interface RestError {
  readonly error: {
    readonly code: number;
    readonly message: string;
    readonly status: StatusName;
    readonly details?: readonly Readonly<Record<string, unknown>>[];
  };
}

/** Serializes a google.rpc.Status, for the trailer `grpc-status-details-bin`. */
export function encodeStatusDetails(status: StatusName, message: string, details: readonly ErrorDetail[]): Uint8Array {
  const { grpc } = STATUS[status];
  return Buffer.concat([
    grpc === 0 ? Buffer.alloc(0) : Buffer.of((1 << 3) | VARINT, grpc),
    textField(2, message),
    ...details.map((detail) =>
      bytesField(3, Buffer.concat([textField(1, TYPE_URL_PREFIX + detail.type), bytesField(2, encodeDetail(detail))])),
    ),
  ]);
}

/** Returns the body of a REST error, for JSON.stringify. */
export function restError(status: StatusName, message: string, details: readonly ErrorDetail[] = []): RestError {
  const error = { code: STATUS[status].http, message, status };
  return { error: details.length === 0 ? error : { ...error, details: details.map(errorDetailToJson) } };
}

/** Returns one detail in its JSON form, `@type` first; fields at their default are left out. */
export function errorDetailToJson(detail: ErrorDetail): Readonly<Record<string, unknown>> {
  const { type, ...fields } = detail;
  const json: Record<string, unknown> = { "@type": TYPE_URL_PREFIX + type };
  for (const [name, value] of Object.entries(fields)) {
    if (name === "retryDelayMs") json["retryDelay"] = durationToJson(Number(value));
    else if (Array.isArray(value)) addUnlessEmpty(json, name, value.map(withoutEmpty));
    else addUnlessEmpty(json, name, value);
  }
  return json;
}

function encodeDetail(detail: ErrorDetail): Buffer {
  switch (detail.type) {
    case "ErrorInfo": {
      const entries = Object.entries(detail.metadata ?? {});
      return Buffer.concat([
        textField(1, detail.reason),
        textField(2, detail.domain),
        ...entries.map(([key, value]) => bytesField(3, Buffer.concat([textField(1, key), textField(2, value)]))),
      ]);
    }
    case "BadRequest":
      return textMessages(detail.fieldViolations.map(({ field, description }) => [field, description]));
    case "RetryInfo":
      return bytesField(1, encodeDuration(detail.retryDelayMs));
    case "QuotaFailure":
      return textMessages(detail.violations.map(({ subject, description }) => [subject, description]));
    case "PreconditionFailure":
      return textMessages(detail.violations.map(({ type, subject, description }) => [type, subject, description]));
  }
}

/** Field 1, repeated: messages whose fields 1, 2, 3 … are these texts. */
function textMessages(messages: readonly (readonly string[])[]): Buffer {
  return Buffer.concat(
    messages.map((texts) => bytesField(1, Buffer.concat(texts.map((text, index) => textField(index + 1, text))))),
  );
}

function encodeDuration(spanMs: number): Buffer {
  const seconds = Math.floor(spanMs / 1000);
  const nanos = (spanMs % 1000) * 1_000_000;
  const target = Buffer.alloc(2 + varintSize(seconds) + varintSize(nanos));
  target[0] = (1 << 3) | VARINT;
  const at = writeVarint(target, 1, seconds);
  target[at] = (2 << 3) | VARINT;
  writeVarint(target, at + 1, nanos);
  return target;
}

/** Proto3 JSON has a duration with 0, 3, 6 or 9 digits behind the point. */
function durationToJson(spanMs: number): string {
  return `${(spanMs / 1000).toFixed(spanMs % 1000 === 0 ? 0 : 3)}s`;
}

function textField(number: number, text: string): Buffer {
  return text === "" ? Buffer.alloc(0) : bytesField(number, Buffer.from(text, "utf8"));
}

function bytesField(number: number, content: Buffer): Buffer {
  const header = Buffer.alloc(1 + varintSize(content.length));
  header[0] = (number << 3) | LENGTH_DELIMITED;
  writeVarint(header, 1, content.length);
  return Buffer.concat([header, content]);
}

function withoutEmpty(fields: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ""));
}

function addUnlessEmpty(json: Record<string, unknown>, name: string, value: unknown): void {
  const isEmpty =
    value === undefined || value === "" || (typeof value === "object" && Object.keys(value ?? {}).length === 0);
  if (!isEmpty) json[name] = value;
}
