import { Agent, type IncomingHttpHeaders, request } from "node:http";
import { type ExpectedText, expectAnswer, shorten, WrongAnswer } from "./answer.js";
import { STATUS, type StatusName } from "./status.js";

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type JsonObject = { [name: string]: Json };

/** What came back over REST, body unread by any library. */
export interface RestResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** The API as HTTP and JSON, by nothing but node:http. */
export class Rest {
  readonly #endpoint: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 32 });

  /** @param endpoint - `host:port` of a server that speaks HTTP/1.1 without TLS. */
  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  /** Sends one request; `body` is JSON unless it is text or bytes already. */
  send(
    method: string,
    path: string,
    body?: JsonObject | string | Buffer,
    headers: Record<string, string> = {},
  ): Promise<RestResponse> {
    const payload =
      body === undefined || typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const contentType = payload === undefined ? {} : { "content-type": "application/json" };
      const outgoing = request(`http://${this.#endpoint}${path}`, {
        method,
        agent: this.#agent,
        headers: { ...contentType, "content-length": String(Buffer.byteLength(payload ?? "")), ...headers },
      });
      outgoing.on("error", reject);
      outgoing.on("response", (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString("utf8"),
          }),
        );
      });
      outgoing.end(payload);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** Returns the JSON of a response with status 200; fails on any other. */
export function okJson(response: RestResponse): JsonObject {
  if (response.status !== 200) {
    throw new WrongAnswer(
      `expected HTTP 200; came ${response.status}: ${shorten(response.text)}`,
      answerOfRest(response),
    );
  }
  return parseObject(response.text);
}

/** Fails unless the response refuses with this code, and in the envelope of reference 0.3. Returns the error object. */
export function expectRestError(response: RestResponse, code: StatusName, text?: ExpectedText): JsonObject {
  expectAnswer(answerOfRest(response), code, text);
  const error = parseObject(response.text)["error"];
  const object = isObject(error) ? error : {};
  if (response.status !== STATUS[code].http || object["code"] !== response.status || object["status"] !== code) {
    throw new Error(`the envelope does not say ${STATUS[code].http} ${code}: HTTP ${response.status} ${response.text}`);
  }
  return object;
}

/** Reads an error envelope as the gRPC answer it stands for. */
function answerOfRest(response: RestResponse): { code: number; text: string } {
  const fallback = Object.values(STATUS).find((status) => status.http === response.status)?.grpc ?? 2;
  try {
    const error = parseObject(response.text)["error"];
    if (!isObject(error)) return { code: fallback, text: response.text };
    const named = Object.entries(STATUS).find(([name]) => name === error["status"])?.[1].grpc;
    return { code: named ?? fallback, text: String(error["message"] ?? "") };
  } catch {
    // No JSON: the HTTP status is all there is.
    return { code: fallback, text: response.text };
  }
}

export function isObject(json: Json | undefined): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function parseObject(text: string): JsonObject {
  const json = JSON.parse(text) as Json;
  if (!isObject(json)) throw new Error(`expected a JSON object, got ${shorten(text)}`);
  return json;
}
