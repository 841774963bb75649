import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { deflateMessage } from "../encoding.js";
import { frameMessage } from "../message-frame.js";
import type { MethodDefinition } from "../service.js";
import { GrpcError, Status } from "../status.js";
import { RequestReader } from "./request-reader.js";
import { CallBase, type CallContext } from "./server-call.js";

/** Below this an answer is not worth compressing. */
const COMPRESS_BYTES_MIN = 1024;

/** One request, one answer. A handler that answers without waiting costs no promise. */
export class UnaryCall extends CallBase {
  readonly #handler: (MethodDefinition & { kind: "unary" })["handler"];
  readonly #reader: RequestReader;
  #request: Uint8Array | undefined;

  constructor(
    stream: ServerHttp2Stream,
    path: string,
    headers: IncomingHttpHeaders,
    context: CallContext,
    method: MethodDefinition & { kind: "unary" },
  ) {
    super(stream, path, headers, context);
    this.#handler = method.handler;
    const options = {
      limitBytes: method.maxRequestBytes,
      tooLarge: method.tooLarge,
      encodingName: this.header("grpc-encoding"),
      isSingle: true,
    };
    this.#reader = new RequestReader(stream, context, options, {
      onMessage: (message) => this.#take(message),
      onEnd: () => this.#answer(),
      onError: (error) => this.finish(error),
    });
    this.begin();
  }

  protected override letGo(): void {
    this.#reader.stop();
  }

  #take(message: Uint8Array): void {
    if (this.#request !== undefined) {
      this.finish(new GrpcError(Status.UNIMPLEMENTED, "a unary call has one request message, and a second one came"));
      return;
    }
    this.#request = message;
  }

  #answer(): void {
    const request = this.#request;
    if (!this.isOpen) return;
    if (request === undefined) {
      this.finish(new GrpcError(Status.UNIMPLEMENTED, "a unary call has one request message, and none came"));
      return;
    }
    this.#request = undefined;
    try {
      const answer = this.#handler(request, this);
      if (answer instanceof Uint8Array) this.#send(answer);
      else {
        answer.then(
          (message) => this.#send(message),
          (error: unknown) => this.fail(error),
        );
      }
    } catch (error) {
      this.fail(error);
    }
  }

  #send(message: Uint8Array): void {
    if (!this.isOpen || this.stream.destroyed) return;
    if (this.context.compressAnswers && message.byteLength >= COMPRESS_BYTES_MIN && this.#acceptsGzip()) {
      deflateMessage("gzip", message).then(
        (compressed) => this.#write(compressed, "gzip"),
        (error: unknown) => this.fail(error),
      );
      return;
    }
    this.#write(message, undefined);
  }

  #write(message: Uint8Array, encoding: string | undefined): void {
    if (!this.isOpen || this.stream.destroyed) return;
    this.respond(undefined, encoding);
    this.write(frameMessage(message, encoding !== undefined));
    this.finish(undefined);
    this.noteUnsent();
  }

  #acceptsGzip(): boolean {
    return (
      this.header("grpc-accept-encoding")
        ?.split(",")
        .some((name) => name.trim() === "gzip") ?? false
    );
  }
}
