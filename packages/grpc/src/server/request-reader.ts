import type { ServerHttp2Stream } from "node:http2";
import type { Expirable } from "../deadline-table.js";
import { type Encoding, encodingOf, inflateMessage } from "../encoding.js";
import { MessageAssembler } from "../message-assembler.js";
import { GrpcError, Status } from "../status.js";
import type { CallContext } from "./server-call.js";

export interface ReaderOptions {
  readonly limitBytes: number;
  readonly tooLarge: ((limitBytes: number) => GrpcError) | undefined;
  /** The `grpc-encoding` header. */
  readonly encodingName: string | undefined;
  /** Whether one message is all there is: then the whole request, else each message must come in time. */
  readonly isSingle: boolean;
}

export interface ReaderListener {
  /** One message, inflated. A promise holds back the next one, and the peer. */
  onMessage(message: Uint8Array): void | Promise<void>;
  /** The peer sends no more, and all its messages were handed over. */
  onEnd(): void;
  /** The request cannot be used; nothing more is reported. */
  onError(error: GrpcError): void;
}

/**
 * Reads the messages of one request stream, one after another, within the server's receive budget.
 *
 * While a message is being handled, inflated, or waits for budget, the stream is not read on.
 */
export class RequestReader implements Expirable {
  readonly #stream: ServerHttp2Stream;
  readonly #context: CallContext;
  readonly #options: ReaderOptions;
  readonly #listener: ReaderListener;
  readonly #encoding: Encoding | undefined;
  readonly #assembler: MessageAssembler;
  /** Messages that came while an earlier one was handled. */
  #queue: { readonly data: Buffer; readonly isCompressed: boolean }[] = [];
  #isBusy = false;
  #isEnded = false;
  #isStopped = false;
  #takenBytes = 0;
  /** What a message that is not inflated yet has of the budget. */
  #compressedBytes = 0;
  /** Set while a message waits for its turn to be inflated. */
  #startInflating: (() => void) | undefined;
  #waitTimer: { cancel(): void } | undefined;
  #deadlineKey = 0;
  /** What the stream, which is not read on, may still send; taken from the budget. */
  #heldWindowBytes = 0;
  readonly #startBody = (): void => this.#resumeBody();

  constructor(stream: ServerHttp2Stream, context: CallContext, options: ReaderOptions, listener: ReaderListener) {
    this.#stream = stream;
    this.#context = context;
    this.#options = options;
    this.#listener = listener;
    this.#encoding = encodingOf(options.encodingName);
    this.#assembler = new MessageAssembler(options.limitBytes, {
      onMessage: (data, isCompressed) => this.#take(data, isCompressed),
      onBegin: (lengthBytes) => this.#begin(lengthBytes),
      onTooLarge: () => this.#refuse(this.#tooLarge()),
      onMalformed: (reason) => this.#refuse(new GrpcError(Status.INTERNAL, reason)),
    });
    stream.on("data", (chunk: Buffer) => this.#assembler.push(chunk));
    stream.once("end", () => this.#end());
    if (options.isSingle) this.#startDeadline();
  }

  /** Hands nothing more over and gives the memory back. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#stopDeadline();
    this.#releaseWindow();
    this.#queue = [];
    this.#assembler.stop();
    this.#waitTimer?.cancel();
    this.#context.budget.abandon(this.#startBody);
    if (this.#startInflating !== undefined) this.#context.inflating.abandon(this.#startInflating);
    this.#releaseCompressed();
    this.#giveBack();
  }

  /** The peer took too long to send what it began. */
  expire(): void {
    this.#deadlineKey = 0;
    const text = `the request did not come whole within ${this.#context.limits.requestMs} ms`;
    this.#refuse(new GrpcError(Status.DEADLINE_EXCEEDED, text));
  }

  #startDeadline(): void {
    if (this.#deadlineKey !== 0) return;
    const { deadlines, limits, time } = this.#context;
    this.#deadlineKey = deadlines.add(time.nowMs() + limits.requestMs, this);
  }

  #stopDeadline(): void {
    if (this.#deadlineKey !== 0) this.#context.deadlines.remove(this.#deadlineKey, this);
    this.#deadlineKey = 0;
  }

  #begin(lengthBytes: number): boolean {
    this.#startDeadline();
    if (this.#context.budget.take(lengthBytes, this.#startBody)) {
      this.#takenBytes = lengthBytes;
      return true;
    }
    this.#takenBytes = -lengthBytes;
    if (this.#pause()) {
      const { time, limits } = this.#context;
      this.#waitTimer = time.setTimer(limits.receiveWaitMs, () => this.#refuse(noMemory()));
    }
    return false;
  }

  /** Does not read on, so that the peer is held back; refuses the request where its window promises too much. */
  #pause(): boolean {
    if (this.#heldWindowBytes > 0) return true;
    const windowBytes = Math.max(1, this.#stream.state.localWindowSize ?? this.#context.limits.streamWindowBytes);
    if (!this.#context.budget.holdWindow(windowBytes)) {
      this.#refuse(noMemory());
      return false;
    }
    this.#heldWindowBytes = windowBytes;
    this.#stream.pause();
    return true;
  }

  #releaseWindow(): void {
    this.#context.budget.releaseWindow(this.#heldWindowBytes);
    this.#heldWindowBytes = 0;
  }

  #resumeBody(): void {
    this.#waitTimer?.cancel();
    this.#takenBytes = -this.#takenBytes;
    this.#assembler.resume();
    this.#readOn();
  }

  #giveBack(): void {
    if (this.#takenBytes > 0) this.#context.budget.giveBack(this.#takenBytes);
    this.#takenBytes = 0;
  }

  #releaseCompressed(): void {
    if (this.#compressedBytes > 0) this.#context.budget.giveBack(this.#compressedBytes);
    this.#compressedBytes = 0;
  }

  #tooLarge(): GrpcError {
    const { limitBytes, tooLarge } = this.#options;
    return (
      tooLarge?.(limitBytes) ??
      new GrpcError(Status.RESOURCE_EXHAUSTED, `the request message exceeds the limit of ${limitBytes} bytes`)
    );
  }

  #refuse(error: GrpcError): void {
    if (this.#isStopped) return;
    this.stop();
    this.#listener.onError(error);
  }

  #take(data: Buffer, isCompressed: boolean): void {
    if (isCompressed && !this.#isBusy) {
      this.#compressedBytes = this.#takenBytes;
      this.#takenBytes = 0;
    } else this.#giveBack();
    if (!this.#options.isSingle) this.#stopDeadline();
    if (this.#isStopped) return;
    if (this.#isBusy) {
      this.#queue.push({ data, isCompressed });
      this.#pause();
      return;
    }
    this.#handle(data, isCompressed);
  }

  #handle(data: Buffer, isCompressed: boolean): void {
    if (!isCompressed) {
      this.#handOver(data);
      return;
    }
    if (this.#encoding === undefined || this.#encoding === "identity") {
      const name = this.#options.encodingName ?? "identity";
      const code = this.#encoding === undefined ? Status.UNIMPLEMENTED : Status.INTERNAL;
      this.#refuse(new GrpcError(code, `a message is compressed, and grpc-encoding is ${JSON.stringify(name)}`));
      return;
    }
    const encoding = this.#encoding;
    this.#isBusy = true;
    this.#startInflating = () => {
      this.#startInflating = undefined;
      this.#inflate(encoding, data);
    };
    this.#context.inflating.enter(this.#startInflating);
  }

  #inflate(encoding: Encoding, data: Buffer): void {
    void inflateMessage(encoding, data, this.#options.limitBytes).then((inflated) => {
      this.#context.inflating.leave();
      if (this.#isStopped) return;
      this.#isBusy = false;
      this.#releaseCompressed();
      if (inflated.kind === "tooLarge") this.#refuse(this.#tooLarge());
      else if (inflated.kind === "malformed") {
        this.#refuse(new GrpcError(Status.INTERNAL, `a message is not what grpc-encoding ${encoding} says`));
      } else {
        this.#handOver(inflated.message);
        this.#goOn();
      }
    });
  }

  #handOver(message: Uint8Array): void {
    const pending = this.#listener.onMessage(message);
    if (pending === undefined) return;
    this.#isBusy = true;
    const goOn = (): void => {
      this.#isBusy = false;
      this.#goOn();
    };
    void pending.then(goOn, goOn);
  }

  #goOn(): void {
    while (!this.#isBusy && !this.#isStopped) {
      const next = this.#queue.shift();
      if (next === undefined) break;
      this.#handle(next.data, next.isCompressed);
    }
    this.#readOn();
    this.#reportEnd();
  }

  #readOn(): void {
    if (!this.#isStopped && this.#queue.length === 0 && !this.#assembler.isHeld && this.#stream.isPaused()) {
      this.#releaseWindow();
      this.#stream.resume();
    }
  }

  #end(): void {
    if (this.#isStopped) return;
    this.#stopDeadline();
    // The end of an aborted stream looks like any other; a message cut in the middle tells.
    if (this.#assembler.isWithinMessage) {
      this.#refuse(new GrpcError(Status.INTERNAL, "the request ended in the middle of a message"));
      return;
    }
    this.#isEnded = true;
    this.#reportEnd();
  }

  #reportEnd(): void {
    if (!this.#isEnded || this.#isBusy || this.#isStopped || this.#queue.length > 0) return;
    this.#isEnded = false;
    this.#listener.onEnd();
  }
}

function noMemory(): GrpcError {
  return new GrpcError(
    Status.RESOURCE_EXHAUSTED,
    "the server is receiving more than it has memory for; try again later",
  );
}
