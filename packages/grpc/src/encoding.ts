/** Message compression: identity, gzip and deflate, inflated only up to a bound. */
import { createDeflate, createGunzip, createGzip, createInflate, type Gunzip, type Inflate } from "node:zlib";

export const ACCEPTED_ENCODINGS = "identity,deflate,gzip";

export type Encoding = "identity" | "gzip" | "deflate";

/** The encoding of that name, or undefined where it is not known. */
export function encodingOf(name: string | undefined): Encoding | undefined {
  if (name === undefined || name === "identity") return "identity";
  return name === "gzip" || name === "deflate" ? name : undefined;
}

/** The outcome of inflating: the bytes, too many of them, or bytes that are not of that encoding. */
export type Inflated =
  | { readonly kind: "message"; readonly message: Uint8Array }
  | { readonly kind: "tooLarge" }
  | { readonly kind: "malformed" };

/** Inflates a message, but never holds more than `limitBytes` of it and one chunk. */
export function inflateMessage(encoding: Encoding, data: Uint8Array, limitBytes: number): Promise<Inflated> {
  if (encoding === "identity") return Promise.resolve({ kind: "message", message: data });
  return new Promise((resolve) => {
    const inflater: Gunzip | Inflate = encoding === "gzip" ? createGunzip() : createInflate();
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    inflater.on("data", (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes > limitBytes) {
        inflater.destroy();
        resolve({ kind: "tooLarge" });
      } else chunks.push(chunk);
    });
    inflater.on("end", () => resolve({ kind: "message", message: Buffer.concat(chunks, sizeBytes) }));
    inflater.on("error", () => resolve({ kind: "malformed" }));
    inflater.end(data);
  });
}

/** Compresses a message. */
export function deflateMessage(encoding: "gzip" | "deflate", data: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const deflater = encoding === "gzip" ? createGzip() : createDeflate();
    const chunks: Buffer[] = [];
    deflater.on("data", (chunk: Buffer) => chunks.push(chunk));
    deflater.on("end", () => resolve(Buffer.concat(chunks)));
    deflater.on("error", reject);
    deflater.end(data);
  });
}
