import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { pushAuthority } from "./push-authority.js";
import { isObject, type Json, type JsonObject } from "./rest.js";

/** One request that a server has pushed. */
export interface Push {
  readonly method: string;
  /** Path and query, as they came. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Answers a push: by a status, or as it likes; `undefined` leaves the request open. */
export type AnswerPush = (push: Push, index: number) => number | undefined | ((response: ServerResponse) => void);

/** An endpoint for pushes on this machine. */
export class PushReceiver {
  /** Every push so far, in the order their bodies were complete. */
  readonly pushes: Push[] = [];
  /** Pushes that have been answered with nothing yet. */
  outstanding = 0;
  /** Most pushes that were outstanding at once. */
  outstandingMax = 0;
  answer: AnswerPush;
  readonly #server: Server;
  readonly #scheme: string;

  private constructor(server: Server, scheme: string, answer: AnswerPush) {
    this.#server = server;
    this.#scheme = scheme;
    this.answer = answer;
  }

  /** Listens on a free port; with TLS by the certificate of this run's authority. */
  static async start(isSecure: boolean, answer: AnswerPush): Promise<PushReceiver> {
    const listener: RequestListener = (request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const { method = "", url = "", headers } = request;
        receiver.#receive({ method, path: url, headers, body: Buffer.concat(chunks) }, response);
      });
    };
    const server = isSecure
      ? createSecureServer({ key: pushAuthority().key, cert: pushAuthority().cert }, listener)
      : createServer(listener);
    const receiver = new PushReceiver(server, isSecure ? "https" : "http", answer);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return receiver;
  }

  /** Where to push to; `path` starts with a slash. */
  url(path = "/push"): string {
    return `${this.#scheme}://localhost:${(this.#server.address() as AddressInfo).port}${path}`;
  }

  /** The data of every push so far, read from wrapped bodies. */
  get texts(): string[] {
    return this.pushes.map((push) => textOf(push));
  }

  /** Waits until `count` pushes have come in all; `between` is done again and again meanwhile. */
  async waitFor(count: number, timeoutMs = 15_000, between: () => Promise<unknown> = async () => undefined) {
    const lastAtMs = Date.now() + timeoutMs;
    while (this.pushes.length < count) {
      if (Date.now() > lastAtMs) {
        throw new Error(`waited ${timeoutMs} ms for ${count} pushes, got ${this.pushes.length}`);
      }
      await between();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return this.pushes;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #receive(push: Push, response: ServerResponse): void {
    const index = this.pushes.push(push) - 1;
    this.outstanding += 1;
    this.outstandingMax = Math.max(this.outstandingMax, this.outstanding);
    response.once("close", () => {
      this.outstanding -= 1;
    });
    const answer = this.answer(push, index);
    if (typeof answer === "function") answer(response);
    else if (answer !== undefined) response.writeHead(answer).end();
  }
}

/** Reads the body of a wrapped push. */
export function wrappedOf(push: Push | undefined): JsonObject {
  const json = JSON.parse((push?.body ?? Buffer.alloc(0)).toString("utf8")) as Json;
  if (!isObject(json)) throw new Error(`expected a JSON object, got ${JSON.stringify(json)}`);
  return json;
}

/** Returns the message of a wrapped push. */
export function messageOf(push: Push | undefined): JsonObject {
  const message = wrappedOf(push)["message"];
  if (!isObject(message)) throw new Error("a wrapped push has a message");
  return message;
}

/** Returns the data of a wrapped push as text. */
export function textOf(push: Push | undefined): string {
  return Buffer.from(String(messageOf(push)["data"] ?? ""), "base64").toString("utf8");
}
