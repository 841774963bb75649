import type { ClientHttp2Stream } from "node:http2";
import { encodingOf, inflateMessage } from "../encoding.js";
import { MessageAssembler } from "../message-assembler.js";
import { GrpcError, Status } from "../status.js";

export interface AnswerListener {
  /** One message, inflated. A promise holds back the next one, and the server. */
  onMessage(message: Uint8Array): void | Promise<void>;
  /** The stream is at its end, and all its messages were handed over. */
  onEnd(): void;
  /** The answer cannot be used; nothing more is reported. */
  onError(error: GrpcError): void;
}

/** Reads the messages of one answer, one after another; while one is handled the stream is not read on. */
export class AnswerReader {
  readonly #stream: ClientHttp2Stream;
  readonly #limitBytes: number;
  readonly #listener: AnswerListener;
  readonly #assembler: MessageAssembler;
  /** The `grpc-encoding` header, known before the first message. */
  encodingName: string | undefined;
  /** Messages that came while an earlier one was handled. */
  #queue: { readonly data: Buffer; readonly isCompressed: boolean }[] = [];
  #isBusy = false;
  #isEnded = false;
  #isStopped = false;

  constructor(stream: ClientHttp2Stream, limitBytes: number, listener: AnswerListener) {
    this.#stream = stream;
    this.#limitBytes = limitBytes;
    this.#listener = listener;
    this.#assembler = new MessageAssembler(limitBytes, {
      onMessage: (data, isCompressed) => this.#take(data, isCompressed),
      onTooLarge: (lengthBytes) => this.#refuse(this.#tooLarge(`${lengthBytes} bytes`)),
      onMalformed: (reason) => this.#refuse(new GrpcError(Status.INTERNAL, reason)),
    });
    stream.on("data", (chunk: Buffer) => this.#assembler.push(chunk));
    stream.once("end", () => {
      this.#isEnded = true;
      this.#reportEnd();
    });
  }

  /** Whether the stream ended in the middle of a message. */
  get isCut(): boolean {
    return this.#assembler.isWithinMessage;
  }

  /** Whether messages wait to be handed over. */
  get isBehind(): boolean {
    return !this.#isStopped && (this.#isBusy || this.#queue.length > 0);
  }

  /** The stream is closed, whether it told its end or not: what was read is all there is. */
  endAfterQueue(): void {
    this.#isEnded = true;
  }

  /** Hands nothing more over. */
  stop(): void {
    this.#isStopped = true;
    this.#queue = [];
    this.#assembler.stop();
  }

  #tooLarge(what: string): GrpcError {
    return new GrpcError(
      Status.RESOURCE_EXHAUSTED,
      `a message of the answer has ${what}; the limit is ${this.#limitBytes}`,
    );
  }

  #refuse(error: GrpcError): void {
    if (this.#isStopped) return;
    this.stop();
    this.#listener.onError(error);
  }

  #take(data: Buffer, isCompressed: boolean): void {
    if (this.#isStopped) return;
    if (this.#isBusy) {
      this.#queue.push({ data, isCompressed });
      this.#stream.pause();
      return;
    }
    this.#handle(data, isCompressed);
  }

  #handle(data: Buffer, isCompressed: boolean): void {
    if (!isCompressed) {
      this.#handOver(data);
      return;
    }
    const encoding = encodingOf(this.encodingName);
    if (encoding === undefined || encoding === "identity") {
      const text = `a message is compressed, and grpc-encoding is ${JSON.stringify(this.encodingName ?? "identity")}`;
      this.#refuse(new GrpcError(Status.INTERNAL, text));
      return;
    }
    this.#isBusy = true;
    void inflateMessage(encoding, data, this.#limitBytes).then((inflated) => {
      if (this.#isStopped) return;
      this.#isBusy = false;
      if (inflated.kind === "tooLarge") this.#refuse(this.#tooLarge("more bytes, inflated"));
      else if (inflated.kind === "malformed") {
        this.#refuse(new GrpcError(Status.INTERNAL, `a message is not what grpc-encoding ${encoding} says`));
      } else {
        this.#handOver(inflated.message);
        this.#goOn();
      }
    });
  }

  #handOver(message: Uint8Array): void {
    let pending: void | Promise<void>;
    try {
      pending = this.#listener.onMessage(message);
    } catch (cause) {
      this.#refuse(listenerFailed(cause));
      return;
    }
    if (pending === undefined) return;
    this.#isBusy = true;
    pending.then(
      () => {
        this.#isBusy = false;
        this.#goOn();
      },
      (cause: unknown) => this.#refuse(listenerFailed(cause)),
    );
  }

  #goOn(): void {
    while (!this.#isBusy && !this.#isStopped) {
      const next = this.#queue.shift();
      if (next === undefined) break;
      this.#handle(next.data, next.isCompressed);
    }
    if (!this.#isStopped && this.#queue.length === 0 && this.#stream.isPaused()) this.#stream.resume();
    this.#reportEnd();
  }

  #reportEnd(): void {
    if (!this.#isEnded || this.#isBusy || this.#isStopped || this.#queue.length > 0) return;
    this.#isEnded = false;
    this.#listener.onEnd();
  }
}

/** The application's own failure ends its call: it may not have taken the message. */
function listenerFailed(cause: unknown): GrpcError {
  return new GrpcError(Status.INTERNAL, "the listener of the call failed to take a message", { cause });
}
