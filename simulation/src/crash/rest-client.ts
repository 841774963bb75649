/** REST calls to the server under test, over connections that die with it. */
import { Agent, request } from "node:http";

/** The server went away before it answered: the call may have happened or not. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";
}

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Longer than any call of the harness may take; a server that hangs is a failure, not a lost connection. */
const TIMEOUT_MS = 60_000;

export class RestClient {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  /** @throws {ConnectionLost} No whole answer arrived. */
  call(method: "GET" | "PUT" | "POST" | "DELETE", path: string, body?: object): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const lost = (cause: Error): void => reject(new ConnectionLost(`${method} ${path}: ${cause.message}`, { cause }));
      const options = { host: "127.0.0.1", port: this.#port, method, path, agent: this.#agent };
      const call = request(options, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", lost);
        response.on("aborted", () => lost(new Error("the answer broke off")));
        response.on("end", () => {
          if (!response.complete) return;
          resolve({ status: response.statusCode ?? 0, body: parseBody(Buffer.concat(chunks).toString()) });
        });
      });
      call.setTimeout(TIMEOUT_MS, () => {
        reject(new Error(`${method} ${path} was not answered within ${TIMEOUT_MS} ms`));
        call.destroy();
      });
      call.on("error", lost);
      if (body !== undefined) call.setHeader("content-type", "application/json");
      call.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /** Like `call`, for calls that must succeed where they are answered. */
  async must(method: "GET" | "PUT" | "POST" | "DELETE", path: string, body?: object): Promise<Answer["body"]> {
    const answer = await this.call(method, path, body);
    if (answer.status === 200) return answer.body;
    throw new Error(
      `${method} ${path} was answered with ${answer.status}: ${JSON.stringify(answer.body).slice(0, 300)}`,
    );
  }

  close(): void {
    this.#agent.destroy();
  }
}

function parseBody(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text === "" ? "{}" : text);
  } catch {
    // An answer that is not JSON (an error page) is shown as it is.
    return { text };
  }
}
