// Bodies of HTTP requests: read whole, up to a limit each and a budget for all, decompressed where they are compressed.
import { promisify } from "node:util";
import { gunzip, type ZlibOptions } from "node:zlib";
import { PubSubError } from "@peal/core";
import { invalidArgument, payloadTooLarge, shown } from "../error-catalogue.js";
import { ByteCollector } from "./byte-collector.js";
import type { HttpRequest } from "./http-exchange.js";

const inflate = promisify<Buffer, ZlibOptions, Buffer>(gunzip);

/** Reads bodies, and keeps account of how many bytes of them are held. */
export class BodyReader {
  readonly #budgetBytes: number;
  #heldBytes = 0;

  /** @param budgetBytes - Most bytes held at a time, of all requests together. */
  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes;
  }

  /**
   * Reads the body of a request and gives it to `use`; its bytes count as held until what `use` returns is settled.
   *
   * @throws PubSubError INVALID_ARGUMENT for a body above the limit (what is left of it is passed over),
   *   RESOURCE_EXHAUSTED where too many bytes are held, CANCELLED where the client goes away.
   */
  async withBody<Result>(
    request: HttpRequest,
    limitBytes: number,
    use: (body: Buffer) => Promise<Result>,
  ): Promise<Result> {
    const hold = { bytes: 0 };
    try {
      const raw = await this.#read(request, limitBytes, hold);
      return await use(await this.#decoded(request, raw, limitBytes, hold));
    } finally {
      this.#heldBytes -= hold.bytes;
    }
  }

  async #read(request: HttpRequest, limitBytes: number, hold: { bytes: number }): Promise<Buffer> {
    const announced = Number(request.headers["content-length"] ?? 0);
    if (announced > limitBytes) throw passOver(request, payloadTooLarge(limitBytes));
    return new Promise((resolve, reject) => {
      const collector = new ByteCollector();
      request.on("data", (chunk: Buffer) => {
        if (collector.length + chunk.length > limitBytes) {
          reject(passOver(request, payloadTooLarge(limitBytes)));
        } else if (!this.#take(chunk.length, hold)) {
          reject(passOver(request, budgetSpent()));
        } else {
          collector.add(chunk);
        }
      });
      request.on("end", () => resolve(collector.finish()));
      const gone = (): void => reject(new PubSubError("CANCELLED", "The client went away."));
      request.on("error", gone);
      request.on("close", gone);
    });
  }

  async #decoded(request: HttpRequest, raw: Buffer, limitBytes: number, hold: { bytes: number }): Promise<Buffer> {
    const encoding = request.headers["content-encoding"] ?? "identity";
    if (encoding === "identity" || raw.length === 0) return raw;
    if (encoding !== "gzip") {
      throw invalidArgument(`The content-encoding ${shown(String(encoding))} is not known; use gzip or none.`);
    }
    if (!this.#take(limitBytes, hold)) throw budgetSpent();
    try {
      return await inflate(raw, { maxOutputLength: limitBytes });
    } catch (error) {
      if (error instanceof RangeError) throw payloadTooLarge(limitBytes);
      throw invalidArgument("The body is not valid gzip.", { cause: error });
    }
  }

  #take(bytes: number, hold: { bytes: number }): boolean {
    if (this.#heldBytes + bytes > this.#budgetBytes) return false;
    this.#heldBytes += bytes;
    hold.bytes += bytes;
    return true;
  }
}

/** Lets the rest of a body run through unread, so that the client gets to read the answer. */
function passOver(request: HttpRequest, error: PubSubError): PubSubError {
  request.removeAllListeners("data");
  request.resume();
  return error;
}

function budgetSpent(): PubSubError {
  return new PubSubError(
    "RESOURCE_EXHAUSTED",
    "The server holds as many bytes of requests as it may; try again in a moment.",
  );
}
