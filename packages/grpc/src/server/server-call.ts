/**
 * What every kind of call shares: headers, deadline, cancellation, and its one ending.
 *
 *     open ──▶ ended      the status was sent, or is queued behind messages
 *       └────▶ cancelled  the caller is gone or its deadline has passed
 */
import {
  constants,
  type Http2Session,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import type { DeadlineTable, Expirable, TimeSource } from "../deadline-table.js";
import { ACCEPTED_ENCODINGS } from "../encoding.js";
import { Metadata } from "../metadata.js";
import type { ServerCall } from "../service.js";
import { GrpcError, Status } from "../status.js";
import { encodeStatusMessage } from "../status-message.js";
import { parseTimeout } from "../timeout.js";
import type { InflateGate } from "./inflate-gate.js";
import type { ReceiveBudget } from "./receive-budget.js";
import type { SendBudget, Sender } from "./send-budget.js";
import type { ServerHooks, ServerLimits } from "./server-options.js";
import type { SessionKeeper } from "./session-keeper.js";

/** What calls need of the server they run in. */
export interface CallContext {
  readonly limits: ServerLimits;
  readonly time: TimeSource;
  readonly deadlines: DeadlineTable;
  readonly budget: ReceiveBudget;
  readonly sending: SendBudget;
  readonly inflating: InflateGate;
  readonly sessions: SessionKeeper;
  readonly hooks: ServerHooks;
  readonly compressAnswers: boolean;
}

const RESPONSE_HEADERS = {
  ":status": 200,
  "content-type": "application/grpc+proto",
  "grpc-accept-encoding": ACCEPTED_ENCODINGS,
} as const;
const OK_TRAILERS = { "grpc-status": "0" } as const;
const WITH_TRAILERS = { waitForTrailers: true } as const;

/**
 * Longest `grpc-status-details-bin` that is sent: nghttp2 loses a value of 64 KiB without an error, and a header block
 * of more than eight CONTINUATION frames ends the session at the peer.
 */
const DETAILS_LENGTH_MAX = 56 * 1024;
/** Room in the peer's header list for the other trailers. */
const OTHER_TRAILERS_BYTES = 1024;

export abstract class CallBase implements ServerCall, Expirable, Sender {
  readonly path: string;
  readonly stream: ServerHttp2Stream;
  protected readonly context: CallContext;
  readonly #headers: IncomingHttpHeaders;
  readonly #startedAtMs: number;
  /** Undefined where the header is malformed. */
  readonly #timeoutMs: number | undefined;
  readonly deadlineAtMs: number;
  unsentBytes = 0;
  progressAtMs = 0;
  isReset = false;
  readonly #session: Http2Session | undefined;
  readonly #onSent = (): void => this.noteUnsent();
  #deadlineKey = 0;
  #state: "open" | "ended" | "cancelled" = "open";
  #code: number = Status.CANCELLED;
  /** Are headers out that trailers will follow? */
  #hasResponded = false;
  #error: GrpcError | undefined;
  #metadata: Metadata | undefined;
  #trailers: Metadata | undefined;
  #abort: AbortController | undefined;
  #cancelListeners: (() => void)[] | undefined;

  constructor(stream: ServerHttp2Stream, path: string, headers: IncomingHttpHeaders, context: CallContext) {
    this.stream = stream;
    this.#session = stream.session;
    this.path = path;
    this.#headers = headers;
    this.context = context;
    this.#startedAtMs = context.time.nowMs();
    const timeout = headers["grpc-timeout"];
    this.#timeoutMs = typeof timeout === "string" ? parseTimeout(timeout) : Number.POSITIVE_INFINITY;
    this.deadlineAtMs = this.#startedAtMs + (this.#timeoutMs ?? Number.POSITIVE_INFINITY);
    stream.on("error", () => this.cancel());
    stream.once("close", () => this.#close());
    stream.once("aborted", () => this.cancel());
  }

  /** Starts the clock of the call; its constructor calls this last. A malformed timeout ends it. */
  protected begin(): void {
    if (this.#timeoutMs === undefined) {
      const timeout = JSON.stringify(this.#headers["grpc-timeout"]);
      this.finish(new GrpcError(Status.INTERNAL, `grpc-timeout is ${timeout}; use up to 8 digits and a unit`));
    } else if (this.#timeoutMs < 1) {
      this.expire();
    } else if (this.#timeoutMs !== Number.POSITIVE_INFINITY) {
      this.#deadlineKey = this.context.deadlines.add(this.deadlineAtMs, this);
    }
  }

  get metadata(): Metadata {
    this.#metadata ??= Metadata.fromHeaders(this.#headers);
    return this.#metadata;
  }

  get trailers(): Metadata {
    this.#trailers ??= new Metadata();
    return this.#trailers;
  }

  get peer(): string {
    const socket = this.stream.session?.socket;
    return `${socket?.remoteAddress ?? "unknown"}:${socket?.remotePort ?? 0}`;
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  get isCancelled(): boolean {
    return this.#state === "cancelled";
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      const abort = new AbortController();
      this.#abort = abort;
      this.onCancel(() => abort.abort());
    }
    return this.#abort.signal;
  }

  onCancel(listener: () => void): void {
    if (this.isCancelled) listener();
    else if (this.#cancelListeners === undefined) this.#cancelListeners = [listener];
    else this.#cancelListeners.push(listener);
  }

  sendHeaders(metadata?: Metadata): void {
    this.respond(metadata, undefined);
  }

  /** The value of a request header that belongs to the protocol. */
  protected header(name: string): string | undefined {
    const value = this.#headers[name];
    return typeof value === "string" ? value : undefined;
  }

  /** Sends the response headers, unless they are out. */
  protected respond(metadata: Metadata | undefined, encoding: string | undefined): void {
    if (this.stream.headersSent || this.stream.destroyed) return;
    let headers: OutgoingHttpHeaders = RESPONSE_HEADERS;
    if (encoding !== undefined || (metadata !== undefined && !metadata.isEmpty)) {
      headers = { ...RESPONSE_HEADERS };
      if (encoding !== undefined) headers["grpc-encoding"] = encoding;
      metadata?.addTo(headers);
    }
    this.#hasResponded = true;
    this.stream.once("wantTrailers", () => this.#sendTrailers());
    this.stream.respond(headers, WITH_TRAILERS);
  }

  /** Sends the chunks of one message; `noteUnsent` must follow. */
  protected write(chunks: readonly Buffer[]): void {
    const { stream } = this;
    const last = chunks.length - 1;
    if (last > 0) stream.cork();
    for (let index = 0; index < last; index += 1) stream.write(chunks[index]);
    stream.write(chunks[last], this.#onSent);
    if (last > 0) stream.uncork();
  }

  /** Tells the server's send budget what has not left. */
  protected noteUnsent(): void {
    // What a broken connection held is gone, though nobody says so.
    const isGone = this.#session === undefined || this.#session.destroyed;
    this.context.sending.set(this, isGone ? 0 : this.stream.writableLength);
  }

  /** Ends the call once; the status goes out behind the messages that are queued. */
  finish(error: GrpcError | undefined): void {
    if (this.#state !== "open") return;
    this.#state = "ended";
    this.#code = error?.code ?? Status.OK;
    this.#error = error;
    this.#release();
    this.context.sending.restart(this);
    const { stream } = this;
    if (stream.destroyed) return;
    if (stream.headersSent) {
      stream.end();
    } else if (error !== undefined) {
      stream.respond({ ...RESPONSE_HEADERS, ...this.#statusTrailers(error) }, { endStream: true });
    } else {
      this.respond(undefined, undefined);
      stream.end();
    }
    // What the caller still sends is of no use: tell it to stop, once the answer is out.
    if (!stream.readableEnded) {
      stream.resume();
      // Where trailers follow, "finish" comes before them: then they close the stream.
      if (error !== undefined && !this.#hasResponded) {
        stream.once("finish", () => closeSoon(stream));
      }
    }
  }

  /** A handler threw: a GrpcError is its answer, anything else a bland INTERNAL. */
  fail(error: unknown): void {
    if (error instanceof GrpcError) {
      this.finish(error);
      return;
    }
    this.context.hooks.onError?.(error, this.path);
    this.finish(new GrpcError(Status.INTERNAL, "internal error", { cause: error }));
  }

  /** The deadline has passed: the caller no longer waits, but is told. */
  expire(): void {
    if (this.#state !== "open") return;
    this.#deadlineKey = 0;
    this.finish(new GrpcError(Status.DEADLINE_EXCEEDED, "the deadline of the call has passed"));
    this.#toCancelled();
  }

  /** Ends the call with an error that its handler did not cause: to the handler the caller is gone. */
  refuse(error: GrpcError): void {
    if (this.#state !== "open") return;
    this.finish(error);
    this.#toCancelled();
  }

  cancel(): void {
    if (this.#state !== "open") return;
    this.#release();
    this.#toCancelled();
  }

  /** The peer does not take what was sent: only a reset still reaches it. */
  reset(): void {
    this.#code = Status.RESOURCE_EXHAUSTED;
    this.stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    this.cancel();
  }

  cutOff(): void {
    if (this.#session !== undefined) this.context.sessions.end(this.#session);
  }

  /** Lets go of what a call holds besides its stream; called once, however it ends. */
  protected abstract letGo(): void;

  #toCancelled(): void {
    this.#state = "cancelled";
    const listeners = this.#cancelListeners;
    this.#cancelListeners = undefined;
    if (listeners !== undefined) for (const listener of listeners) listener();
  }

  #release(): void {
    if (this.#deadlineKey !== 0) this.context.deadlines.remove(this.#deadlineKey, this);
    this.#deadlineKey = 0;
    this.letGo();
  }

  #close(): void {
    this.cancel();
    if (this.unsentBytes > 0) this.noteUnsent();
    this.context.hooks.onCall?.({
      path: this.path,
      code: this.#code,
      durationMs: this.context.time.nowMs() - this.#startedAtMs,
    });
  }

  #sendTrailers(): void {
    if (this.stream.destroyed) return;
    const hasTrailers = this.#trailers !== undefined && !this.#trailers.isEmpty;
    this.stream.sendTrailers(
      this.#error === undefined && !hasTrailers ? OK_TRAILERS : this.#statusTrailers(this.#error),
    );
    if (this.#error === undefined || this.stream.readableEnded) return;
    closeSoon(this.stream);
  }

  #statusTrailers(error: GrpcError | undefined): OutgoingHttpHeaders {
    const trailers: OutgoingHttpHeaders = { "grpc-status": String(error?.code ?? Status.OK) };
    this.#trailers?.addTo(trailers);
    if (error === undefined) return trailers;
    if (error.message !== "") trailers["grpc-message"] = encodeStatusMessage(error.message);
    const details = this.#fittingDetails(error);
    if (details !== undefined) trailers["grpc-status-details-bin"] = details;
    return trailers;
  }

  #fittingDetails({ details, briefDetails }: GrpcError): string | undefined {
    for (const candidate of [details, briefDetails]) {
      if (candidate === undefined) continue;
      const { buffer, byteOffset, byteLength } = candidate;
      const text = Buffer.from(buffer, byteOffset, byteLength).toString("base64");
      if (text.length <= this.#detailsLengthMax()) return text;
    }
    return undefined;
  }

  #detailsLengthMax(): number {
    const peerMax = this.stream.session?.remoteSettings?.maxHeaderListSize ?? Number.POSITIVE_INFINITY;
    return Math.min(DETAILS_LENGTH_MAX, peerMax - OTHER_TRAILERS_BYTES);
  }
}

/** Tells the peer to send no more, behind what was sent: a reset in the same turn would overtake the headers or trailers. */
export function closeSoon(stream: ServerHttp2Stream): void {
  setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR));
}
