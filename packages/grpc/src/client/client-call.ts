/**
 * One call of the client, from its first wish for a connection to its status.
 *
 *     waiting ─connection─▶ open ─status, reset, deadline, cancel─▶ ended
 *        ▲                   │
 *        └── refused unread ─┘   the server did not look at it: it starts again elsewhere
 */
import {
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
  type OutgoingHttpHeaders,
} from "node:http2";
import type { DeadlineTable, Expirable, TimeSource } from "../deadline-table.js";
import { ACCEPTED_ENCODINGS } from "../encoding.js";
import { Metadata } from "../metadata.js";
import { GrpcError, Status } from "../status.js";
import { formatTimeout } from "../timeout.js";
import { AnswerReader } from "./answer-reader.js";
import { errorOfContentType, errorOfHttpStatus, errorOfReset, statusOf } from "./answer-status.js";
import type { Channel, ChannelCall } from "./channel.js";
import type { CallOptions, ClientLimits } from "./client-options.js";
import type { Connection } from "./connection.js";
import { RequestWriter } from "./request-writer.js";

/** What calls need of the client they belong to. */
export interface ClientContext {
  readonly channel: Channel;
  readonly limits: ClientLimits;
  readonly time: TimeSource;
  readonly deadlines: DeadlineTable;
  readonly authority: string;
  readonly scheme: "http" | "https";
  readonly userAgent: string;
}

/** What a call does with its answer. */
export interface CallEvents {
  /** A promise holds back the next message, and the server. */
  onMessage(message: Uint8Array): void | Promise<void>;
  onDrain(): void;
  /** Called once; undefined is OK. */
  onEnd(error: GrpcError | undefined): void;
}

/** How often a call that no server has looked at starts again. */
const STARTS_MAX = 5;
const CONTENT_TYPE = "application/grpc";

export class ClientCall implements ChannelCall, Expirable {
  readonly waitForReady: boolean;
  readonly #context: ClientContext;
  readonly #path: string;
  readonly #options: CallOptions;
  readonly #events: CallEvents;
  readonly #deadlineAtMs: number;
  #deadlineKey = 0;
  #state: "waiting" | "open" | "ended" = "waiting";
  #starts = 0;
  #connection: Connection | undefined;
  #stream: ClientHttp2Stream | undefined;
  #streamId = 0;
  readonly #writer: RequestWriter;
  #reader: AnswerReader | undefined;
  #httpStatus = 0;
  #status: { readonly error: GrpcError | undefined } | undefined;
  #trailers: IncomingHttpHeaders | undefined;
  readonly #abort = (): void => this.cancel();

  constructor(context: ClientContext, path: string, options: CallOptions, events: CallEvents) {
    this.#context = context;
    this.#path = path;
    this.#options = options;
    this.#events = events;
    this.waitForReady = options.waitForReady ?? false;
    this.#writer = new RequestWriter(options.compression, {
      onDrain: () => events.onDrain(),
      onError: (cause) => this.#abandon(new GrpcError(Status.INTERNAL, "a message could not be compressed", { cause })),
    });
    const timeoutMs = options.timeoutMs ?? Number.POSITIVE_INFINITY;
    this.#deadlineAtMs = context.time.nowMs() + timeoutMs;
    if (timeoutMs !== Number.POSITIVE_INFINITY) this.#deadlineKey = context.deadlines.add(this.#deadlineAtMs, this);
  }

  /** Asks for a connection. What is sent before goes out when there is one. */
  begin(): void {
    const { signal } = this.#options;
    if (signal?.aborted === true) {
      this.cancel();
      return;
    }
    signal?.addEventListener("abort", this.#abort, { once: true });
    this.#context.channel.begin(this);
  }

  /** @returns False when the server does not keep up: wait for `onDrain`. */
  send(message: Uint8Array | readonly Uint8Array[]): boolean {
    return this.#writer.send(message);
  }

  /** No more messages follow. */
  halfClose(): void {
    this.#writer.halfClose();
  }

  cancel(): void {
    this.#abandon(new GrpcError(Status.CANCELLED, "the call was cancelled"));
  }

  expire(): void {
    this.#deadlineKey = 0;
    this.#abandon(new GrpcError(Status.DEADLINE_EXCEEDED, `no answer within ${this.#options.timeoutMs} ms`));
  }

  fail(error: GrpcError): void {
    this.#finish(error);
  }

  start(connection: Connection): void {
    if (this.#state !== "waiting") return;
    this.#starts += 1;
    let stream: ClientHttp2Stream;
    try {
      stream = connection.session.request(this.#headers(), { endStream: false });
    } catch (cause) {
      // Either the connection ended since it was chosen, and nothing was sent, or the headers are wrong anywhere.
      if (connection.isUsable) this.#finish(new GrpcError(Status.INTERNAL, "the call cannot be sent", { cause }));
      else this.#startAgain(new GrpcError(Status.UNAVAILABLE, "the connection was closed", { cause }));
      return;
    }
    this.#state = "open";
    this.#connection = connection;
    this.#stream = stream;
    this.#streamId = stream.id ?? 0;
    connection.beginCall();
    this.#listen(stream);
    this.#reader = new AnswerReader(stream, this.#options.receiveBytesMax ?? this.#context.limits.receiveBytesMax, {
      onMessage: (message) => this.#events.onMessage(message),
      onEnd: () => this.#onEnd(),
      onError: (error) => this.#abandon(error),
    });
    this.#writer.start(stream);
  }

  #headers(): OutgoingHttpHeaders {
    const { scheme, authority, userAgent, time } = this.#context;
    const headers: OutgoingHttpHeaders = {
      ":method": "POST",
      ":scheme": scheme,
      ":authority": authority,
      ":path": this.#path,
      te: "trailers",
      "content-type": `${CONTENT_TYPE}+proto`,
      "user-agent": userAgent,
      "grpc-accept-encoding": ACCEPTED_ENCODINGS,
    };
    if (this.#options.compression !== undefined) headers["grpc-encoding"] = this.#options.compression;
    const timeout = formatTimeout(this.#deadlineAtMs - time.nowMs());
    if (timeout !== undefined) headers["grpc-timeout"] = timeout;
    this.#options.metadata?.addTo(headers);
    return headers;
  }

  #listen(stream: ClientHttp2Stream): void {
    stream.once("response", (headers) => this.#onResponse(headers));
    stream.once("trailers", (headers) => {
      this.#trailers = headers;
      this.#status = statusOf(headers);
    });
    // 'close' follows, and tells more.
    stream.on("error", () => undefined);
    stream.once("close", () => this.#onClose(stream));
  }

  #onResponse(headers: IncomingHttpHeaders & IncomingHttpStatusHeader): void {
    this.#writer.forgetSent();
    this.#httpStatus = headers[":status"] ?? 0;
    const encoding = headers["grpc-encoding"];
    if (this.#reader !== undefined && typeof encoding === "string") this.#reader.encodingName = encoding;
    const status = statusOf(headers);
    if (status !== undefined) {
      // An answer without messages has its trailers in its headers.
      this.#trailers = headers;
      this.#status = status;
    } else if (this.#httpStatus !== 200) this.#abandon(errorOfHttpStatus(this.#httpStatus));
    else if (headers["content-type"]?.startsWith(CONTENT_TYPE) !== true) {
      this.#abandon(errorOfContentType(headers["content-type"]));
    } else this.#options.onHeaders?.(Metadata.fromHeaders(headers));
  }

  /** All messages were handed over. Without a status, the closing of the stream tells what happened. */
  #onEnd(): void {
    if (this.#status === undefined) {
      if (this.#stream?.closed === true) this.#onClose(this.#stream);
      return;
    }
    if (this.#status.error === undefined && this.#reader?.isCut === true) {
      this.#finish(new GrpcError(Status.INTERNAL, "the answer ended in the middle of a message"));
      return;
    }
    if (this.#trailers !== undefined) this.#options.onTrailers?.(Metadata.fromHeaders(this.#trailers));
    this.#finish(this.#status.error);
  }

  #onClose(stream: ClientHttp2Stream): void {
    if (stream !== this.#stream || this.#state !== "open") return;
    if (this.#reader?.isBehind === true) {
      // A stream that an error has closed tells no end.
      this.#reader.endAfterQueue();
      return;
    }
    if (this.#status !== undefined) this.#onEnd();
    else if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) this.#startAgain(errorOfReset(stream.rstCode));
    else if (this.#connection?.session.destroyed === true) {
      const error = new GrpcError(Status.UNAVAILABLE, "the connection was lost", { cause: this.#connection.error });
      if (this.#connection.isUnread(this.#streamId)) this.#startAgain(error);
      else this.#finish(error);
    } else this.#finish(errorOfReset(stream.rstCode ?? constants.NGHTTP2_NO_ERROR));
  }

  /** No server has looked at the call; `error` is its end where it cannot start again. */
  #startAgain(error: GrpcError): void {
    if (!this.#writer.canReplay || this.#starts >= STARTS_MAX) {
      this.#finish(error);
      return;
    }
    this.#letGo();
    this.#writer.letGo();
    this.#state = "waiting";
    this.#context.channel.dispatch(this);
  }

  /** Ends the call before the server does, and tells it. */
  #abandon(error: GrpcError): void {
    if (this.#state === "ended") return;
    const stream = this.#stream;
    this.#finish(error);
    stream?.resume();
    stream?.close(constants.NGHTTP2_CANCEL);
  }

  #finish(error: GrpcError | undefined): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#reader?.stop();
    this.#letGo();
    this.#writer.stop();
    if (this.#deadlineKey !== 0) this.#context.deadlines.remove(this.#deadlineKey, this);
    this.#options.signal?.removeEventListener("abort", this.#abort);
    this.#context.channel.end(this);
    this.#events.onEnd(error);
  }

  #letGo(): void {
    this.#connection?.endCall();
    this.#connection = undefined;
    this.#stream = undefined;
  }
}
