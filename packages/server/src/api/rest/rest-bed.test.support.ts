import assert from "node:assert/strict";
import {
  type ClientRequest,
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type Server,
} from "node:http";
import type { Profile } from "@peal/wire/hot";
import { apiFixture } from "../api-fixture.test.support.js";
import { SILENT_OBSERVER } from "../call-observer.js";
import { createServices } from "../create-services.js";
import type { FakeEngine } from "../fake-engine.test.support.js";

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** A server for REST alone, over a fake engine. */
export class RestBed {
  readonly engine: FakeEngine;
  readonly internalErrors: unknown[] = [];
  readonly #server: Server;
  #port = 0;

  constructor(profile: Profile = "service", bodyBudgetBytes?: number) {
    const { engine, clock } = apiFixture(profile);
    this.engine = engine;
    const { onHttpRequest } = createServices({
      engine,
      clock,
      profile,
      observer: { ...SILENT_OBSERVER, internalError: (_method, error) => this.internalErrors.push(error) },
      ...(bodyBudgetBytes !== undefined && { bodyBudgetBytes }),
    });
    this.#server = createServer(onHttpRequest);
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, "127.0.0.1", resolve);
    });
    const address = this.#server.address();
    assert.ok(typeof address === "object" && address !== null);
    this.#port = address.port;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  send(method: string, path: string, body?: unknown, headers: { [name: string]: string } = {}): Promise<Answer> {
    return this.#request(method, path, headers, (outgoing) => {
      const isRaw = typeof body === "string" || body instanceof Uint8Array || body === undefined;
      outgoing.end(isRaw ? body : JSON.stringify(body));
    });
  }

  /** Sends a body in chunks of so many characters. */
  sendInPieces(method: string, path: string, body: string, length: number): Promise<Answer> {
    return this.#request(method, path, {}, (outgoing) => {
      for (let at = 0; at < body.length; at += length) outgoing.write(body.slice(at, at + length));
      outgoing.end();
    });
  }

  async json(method: string, path: string, body?: unknown): Promise<unknown> {
    return JSON.parse((await this.send(method, path, body)).text);
  }

  #request(
    method: string,
    path: string,
    headers: { [name: string]: string },
    send: (outgoing: ClientRequest) => void,
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const outgoing = httpRequest({ host: "127.0.0.1", port: this.#port, method, path, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString(),
          }),
        );
      });
      outgoing.on("error", reject);
      send(outgoing);
    });
  }
}
