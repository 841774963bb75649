import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { protos } from "@google-cloud/pubsub";
import type { ClientDuplexStream, StatusObject } from "@grpc/grpc-js";
import { type Answer, WrongAnswer } from "./answer.js";
import { statusName } from "./status.js";

type Request = protos.google.pubsub.v1.IStreamingPullRequest;
type Response = protos.google.pubsub.v1.StreamingPullResponse;
type ReceivedMessage = protos.google.pubsub.v1.IReceivedMessage;

/** One StreamingPull, request by request and response by response. */
export class PullStream {
  readonly responses: Response[] = [];
  /** Every delivery so far, redeliveries included, in the order they came. */
  readonly messages: ReceivedMessage[] = [];
  /** Resolves when the response headers arrive. */
  readonly headers: Promise<void>;
  /** Resolves when the stream has ended, with its status. */
  readonly ended: Promise<Answer>;
  readonly #call: ClientDuplexStream<Request, Response>;
  #end: Answer | undefined;

  constructor(call: ClientDuplexStream<Request, Response>) {
    this.#call = call;
    this.headers = once(call, "metadata").then(() => undefined);
    // A stream that fails before its headers rejects here; `ended` tells of it.
    this.headers.catch(() => undefined);
    this.ended = new Promise((resolve) => {
      call.on("status", (status: StatusObject) => {
        this.#end = { code: status.code, text: status.details };
        resolve(this.#end);
      });
    });
    // The same failure as the status that follows it; without a listener it would end the process.
    call.on("error", () => undefined);
    call.on("data", (response: Response) => {
      this.responses.push(response);
      this.messages.push(...response.receivedMessages);
    });
  }

  write(request: Request): void {
    this.#call.write(request);
  }

  /** Tells the server that no request will follow. */
  halfClose(): void {
    this.#call.end();
  }

  /** Stops reading, so that HTTP/2's window fills up. */
  pause(): void {
    this.#call.pause();
  }

  cancel(): void {
    this.#call.cancel();
  }

  get isOpen(): boolean {
    return this.#end === undefined;
  }

  /** Waits until the server has the stream: for its headers, or a second where they do not come early. */
  async opened(): Promise<void> {
    await Promise.race([this.headers, this.ended, sleep(1_000)]);
  }

  /** Waits until `count` deliveries have come since the stream was opened; returns all of them. */
  async waitForMessages(count: number, timeoutMs = 10_000): Promise<readonly ReceivedMessage[]> {
    await this.waitFor(() => this.messages.length >= count, `${count} deliveries`, timeoutMs);
    return this.messages;
  }

  /** Waits until `isTrue` holds after some response. */
  async waitFor(isTrue: () => boolean, what: string, timeoutMs = 10_000): Promise<void> {
    const signal = AbortSignal.timeout(timeoutMs);
    while (!isTrue()) {
      if (this.#end !== undefined) {
        const { code, text } = this.#end;
        throw new WrongAnswer(`the stream ended with ${statusName(code)} (${text}) before ${what} came`, this.#end);
      }
      try {
        await Promise.race([once(this.#call, "data", { signal }), this.ended]);
      } catch (cause) {
        if (!signal.aborted) throw cause;
        const came = `${this.messages.length} deliveries in ${this.responses.length} responses`;
        throw new Error(`waited ${timeoutMs} ms for ${what}; came ${came}`, { cause });
      }
    }
  }

  /** Waits for the end of the stream; fails when it stays open. */
  async waitForEnd(timeoutMs = 10_000): Promise<Answer> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`the stream is still open after ${timeoutMs} ms`)), timeoutMs);
    });
    try {
      return await Promise.race([this.ended, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
