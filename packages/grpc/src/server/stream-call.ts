import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { frameMessage } from "../message-frame.js";
import type { BidiCall, MethodDefinition, StreamingCall } from "../service.js";
import { GrpcError, Status } from "../status.js";
import { RequestReader } from "./request-reader.js";
import { CallBase, type CallContext } from "./server-call.js";

type StreamingMethod = MethodDefinition & { kind: "serverStreaming" | "bidi" };

/** A call with many answers, and, where it is bidirectional, many requests. */
export class StreamCall extends CallBase implements StreamingCall, BidiCall {
  readonly #method: StreamingMethod;
  readonly #reader: RequestReader;
  #onMessage: ((message: Uint8Array) => void | Promise<void>) | undefined;
  #onHalfClose: (() => void) | undefined;
  #request: Uint8Array | undefined;

  constructor(
    stream: ServerHttp2Stream,
    path: string,
    headers: IncomingHttpHeaders,
    context: CallContext,
    method: StreamingMethod,
  ) {
    super(stream, path, headers, context);
    this.#method = method;
    const options = {
      limitBytes: method.maxRequestBytes,
      tooLarge: method.tooLarge,
      encodingName: this.header("grpc-encoding"),
      isSingle: method.kind !== "bidi",
    };
    this.#reader = new RequestReader(stream, context, options, {
      onMessage: (message) => this.#take(message),
      onEnd: () => this.#endRequests(),
      onError: (error) => this.refuse(error),
    });
    this.begin();
    if (method.kind === "bidi" && this.isOpen) this.#run(() => method.handler(this));
  }

  send(message: Uint8Array | readonly Uint8Array[]): boolean {
    if (!this.isOpen || this.stream.destroyed) return true;
    this.respond(undefined, undefined);
    this.write(frameMessage(message));
    this.noteUnsent();
    return !this.stream.writableNeedDrain;
  }

  onDrain(listener: () => void): void {
    this.stream.on("drain", listener);
  }

  end(error?: GrpcError): void {
    this.finish(error);
  }

  onMessage(listener: (message: Uint8Array) => void | Promise<void>): void {
    this.#onMessage = listener;
  }

  onHalfClose(listener: () => void): void {
    this.#onHalfClose = listener;
  }

  protected override letGo(): void {
    this.#reader.stop();
  }

  #take(message: Uint8Array): Promise<void> | undefined {
    if (this.#method.kind === "serverStreaming") {
      if (this.#request !== undefined) {
        this.finish(new GrpcError(Status.UNIMPLEMENTED, "this call has one request message, and a second one came"));
      }
      this.#request = message;
      return undefined;
    }
    try {
      const pending = this.#onMessage?.(message);
      return pending?.catch((error: unknown) => this.fail(error));
    } catch (error) {
      this.fail(error);
      return undefined;
    }
  }

  #endRequests(): void {
    const method = this.#method;
    if (method.kind === "bidi") {
      this.#run(() => this.#onHalfClose?.());
      return;
    }
    const request = this.#request;
    if (request === undefined) {
      this.finish(new GrpcError(Status.UNIMPLEMENTED, "this call has one request message, and none came"));
    } else this.#run(() => method.handler(request, this));
  }

  #run(handle: () => void | Promise<void>): void {
    try {
      const pending = handle();
      if (pending !== undefined) pending.catch((error: unknown) => this.fail(error));
    } catch (error) {
      this.fail(error);
    }
  }
}
