import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";

const KEY_PATTERN = /^[0-9a-z_.-]+$/;
/** HTTP/2 carries printable ASCII in gRPC's text values. */
const VALUE_PATTERN = /^[\x20-\x7e]*$/;
const BINARY_SUFFIX = "-bin";

/** What HTTP/2 and gRPC keep for themselves; applications neither see nor set it. */
const RESERVED = new Set([
  "content-type",
  "te",
  "grpc-timeout",
  "grpc-encoding",
  "grpc-accept-encoding",
  "grpc-status",
  "grpc-message",
  "grpc-status-details-bin",
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

export type MetadataValue = string | Uint8Array;

/**
 * Headers or trailers of a call, without those of the protocol itself.
 *
 * Keys are lower case. A key that ends in `-bin` has bytes as its values, any other has printable ASCII. Binary values
 * are decoded when asked for, with or without padding; several values in one header are separated by commas.
 */
export class Metadata {
  readonly #values = new Map<string, string[]>();

  /** Takes what came over HTTP/2. */
  static fromHeaders(headers: IncomingHttpHeaders): Metadata {
    const metadata = new Metadata();
    for (const key in headers) {
      if (key.startsWith(":") || RESERVED.has(key)) continue;
      const value = headers[key];
      if (value === undefined) continue;
      const values = Array.isArray(value) ? value : [value];
      metadata.#values.set(key, key.endsWith(BINARY_SUFFIX) ? values.flatMap(splitBinary) : values);
    }
    return metadata;
  }

  get isEmpty(): boolean {
    return this.#values.size === 0;
  }

  /** The first value of a key (any letter case), or undefined. Keys that end in `-bin` have no text value. */
  get(key: string): string | undefined {
    const name = key.toLowerCase();
    return name.endsWith(BINARY_SUFFIX) ? undefined : this.#values.get(name)?.[0];
  }

  /** The first value of a key that ends in `-bin`, or undefined. */
  getBinary(key: string): Uint8Array | undefined {
    const name = key.toLowerCase();
    const value = name.endsWith(BINARY_SUFFIX) ? this.#values.get(name)?.[0] : undefined;
    return value === undefined ? undefined : Buffer.from(value, "base64");
  }

  /** Replaces the values of a key. Throws TypeError for a key or value that gRPC cannot carry. */
  set(key: string, value: MetadataValue): void {
    const [name, text] = checked(key, value);
    this.#values.set(name, [text]);
  }

  /** Adds a value to a key. Throws TypeError for a key or value that gRPC cannot carry. */
  append(key: string, value: MetadataValue): void {
    const [name, text] = checked(key, value);
    const values = this.#values.get(name);
    if (values === undefined) this.#values.set(name, [text]);
    else values.push(text);
  }

  *entries(): IterableIterator<readonly [key: string, value: MetadataValue]> {
    for (const [key, values] of this.#values) {
      const isBinary = key.endsWith(BINARY_SUFFIX);
      for (const value of values) yield [key, isBinary ? Buffer.from(value, "base64") : value];
    }
  }

  /** Adds all values to headers that go out. */
  addTo(headers: OutgoingHttpHeaders): void {
    for (const [key, values] of this.#values) headers[key] = values.length === 1 ? values[0] : values;
  }
}

function splitBinary(value: string): string[] {
  return value.includes(",") ? value.split(",").map((part) => part.trim()) : [value];
}

function checked(key: string, value: MetadataValue): readonly [name: string, text: string] {
  const name = key.toLowerCase();
  if (!KEY_PATTERN.test(name) || RESERVED.has(name)) {
    throw new TypeError(
      `metadata key is ${JSON.stringify(key)}; use a-z, 0-9, "_", "-" and ".", and no name of the protocol`,
    );
  }
  if (name.endsWith(BINARY_SUFFIX)) {
    if (typeof value === "string") throw new TypeError(`metadata ${name} is text; the values of -bin keys are bytes`);
    return [name, Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64")];
  }
  if (typeof value !== "string" || !VALUE_PATTERN.test(value)) {
    throw new TypeError(`metadata ${name} is not printable ASCII; use a key that ends in -bin for other values`);
  }
  return [name, value];
}
