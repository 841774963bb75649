/**
 * One port for everything: gRPC, and whatever else comes over HTTP/1.1 or HTTP/2.
 *
 *     connection ─ first bytes / ALPN ─┬─ HTTP/1.1 ──────────────────────────▶ onHttpRequest
 *                                      └─ HTTP/2 ─ per stream: content-type ─┬▶ onHttpRequest
 *                                                                            └▶ a call of a service
 */
import { createServer as createHttp1Server, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import {
  createServer as createHttp2Server,
  type Http2Server,
  Http2ServerRequest,
  type Http2ServerResponse,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import { DeadlineTable, systemTime, type TimeSource } from "../deadline-table.js";
import { ACCEPTED_ENCODINGS } from "../encoding.js";
import type { MethodDefinition, ServiceDefinition } from "../service.js";
import { Status, type StatusCode } from "../status.js";
import { encodeStatusMessage } from "../status-message.js";
import { Http1Response, Http2Response, HttpAnswers } from "./http-answer.js";
import { InflateGate } from "./inflate-gate.js";
import { Listener } from "./listener.js";
import { ReceiveBudget } from "./receive-budget.js";
import { SendBudget } from "./send-budget.js";
import { type CallContext, closeSoon } from "./server-call.js";
import { DEFAULT_LIMITS, type GrpcServerOptions, type ServerLimits } from "./server-options.js";
import { SessionKeeper } from "./session-keeper.js";
import { StreamCall } from "./stream-call.js";
import { UnaryCall } from "./unary-call.js";

/** A request that is not gRPC, over either protocol. */
export type HttpRequest = IncomingMessage | Http2ServerRequest;
export type HttpResponse = ServerResponse | Http2ServerResponse;
export type HttpHandler = (request: HttpRequest, response: HttpResponse) => void;

/** Bounded elsewhere, by windows and budgets; Node's own default ends sessions in the middle of big answers. */
const SESSION_MEMORY_MB = 1024;
/**
 * How many calls a peer may cancel at once and per second before its connection ends (a rapid reset attack). Node 20
 * does not know these settings and has 1,000 and 33.
 */
const RESET_LIMITS = { streamResetBurst: 10_000, streamResetRate: 1_000 };
/** Half of libuv's threads: the disk needs the others. */
const INFLATING_MAX = 2;
/** Room for the largest trailer that is sent. */
const SEND_HEADER_BLOCK_BYTES_MAX = 256 * 1024;

export class GrpcServer {
  readonly #limits: ServerLimits;
  readonly #time: TimeSource;
  readonly #methods = new Map<string, MethodDefinition>();
  readonly #services = new Set<string>();
  readonly #onHttpRequest: HttpHandler;
  readonly #context: CallContext;
  readonly #sessions: SessionKeeper;
  readonly #answers: HttpAnswers;
  readonly #http1: Server<typeof IncomingMessage, typeof Http1Response>;
  readonly #http2: Http2Server;
  readonly #listener: Listener;
  #openingSocket: Socket | undefined;
  #openCalls = 0;
  #isDraining = false;

  constructor(services: readonly ServiceDefinition[], onHttpRequest: HttpHandler, options: GrpcServerOptions = {}) {
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#time = options.time ?? systemTime;
    for (const service of services) this.#register(service);
    this.#onHttpRequest = onHttpRequest;
    this.#sessions = new SessionKeeper(this.#limits, this.#time);
    this.#context = {
      sessions: this.#sessions,
      limits: this.#limits,
      time: this.#time,
      deadlines: new DeadlineTable(this.#time),
      budget: new ReceiveBudget(this.#limits.receiveBudgetBytes, this.#limits.windowBudgetBytes, (isTight) =>
        this.#sessions.setTight(isTight),
      ),
      sending: new SendBudget(this.#limits.sendBudgetBytes, this.#limits.answerMs, this.#time),
      inflating: new InflateGate(INFLATING_MAX),
      hooks: options.hooks ?? {},
      compressAnswers: options.compressAnswers ?? false,
    };
    this.#answers = new HttpAnswers(this.#context.sending, this.#sessions);
    this.#http1 = this.#createHttp1();
    this.#http2 = this.#createHttp2();
    this.#listener = new Listener({
      tls: options.tls,
      connectionsMax: this.#limits.connectionsMax,
      firstBytesMs: this.#limits.firstBytesMs,
      time: this.#time,
      onHttp1: (socket) => {
        this.#answers.addConnection(socket);
        this.#http1.emit("connection", socket);
      },
      onHttp2: (socket) => this.#openSession(socket),
    });
  }

  /** Calls that are open now. */
  get openCalls(): number {
    return this.#openCalls;
  }

  get connectionCount(): number {
    return this.#listener.connectionCount;
  }

  /** What is left of the receive budget, in bytes. */
  get receiveBytesFree(): number {
    return this.#context.budget.freeBytes;
  }

  /** Answers that were written and have not left, in bytes. */
  get unsentBytes(): number {
    return this.#context.sending.usedBytes;
  }

  /** Binds every host to `port` (0: a free one) and serves. @returns The port. @throws The system's error, with its `code`. */
  async listen(hosts: readonly string[], port: number): Promise<number> {
    const bound = await this.#listener.listen(hosts, port);
    // An http.Server that does not listen itself checks its header and request timeouts only when told so.
    this.#http1.emit("listening");
    return bound;
  }

  /**
   * Takes no new connections and calls, lets those that are open finish, and closes.
   * @param timeoutMs - What is still open then is cut off.
   */
  async drain(timeoutMs: number): Promise<void> {
    this.#isDraining = true;
    this.#listener.stopAccepting();
    this.#http1.closeIdleConnections();
    this.#sessions.drain();
    await new Promise<void>((resolve) => {
      const timer = this.#time.setTimer(timeoutMs, resolve);
      this.#listener.whenIdle(() => {
        timer.cancel();
        resolve();
      });
    });
    this.close();
  }

  /** Cuts everything off. */
  close(): void {
    this.#listener.stopAccepting();
    this.#sessions.destroy();
    this.#listener.destroy();
    this.#context.deadlines.close();
    this.#context.sending.close();
    // It never listened: closing it only stops its checks.
    this.#http1.close();
  }

  #register(service: ServiceDefinition): void {
    this.#services.add(service.name);
    for (const method of service.methods) this.#methods.set(`/${service.name}/${method.name}`, method);
  }

  #createHttp1(): Server<typeof IncomingMessage, typeof Http1Response> {
    const server = createHttp1Server(
      {
        ServerResponse: Http1Response,
        headersTimeout: this.#limits.firstBytesMs,
        requestTimeout: this.#limits.requestMs,
        connectionsCheckingInterval: Math.min(5_000, this.#limits.firstBytesMs),
        keepAliveTimeout: 65_000,
        maxHeaderSize: this.#limits.headerListBytesMax,
      },
      (request, response) => {
        if (this.#isDraining) response.setHeader("connection", "close");
        response.once("close", () => {
          if (this.#isDraining) this.#http1.closeIdleConnections();
        });
        this.#answers.chargeHttp1(request.socket, response);
        this.#onHttpRequest(request, response);
      },
    );
    server.on("clientError", (_error, socket) => {
      if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
      else socket.destroy();
    });
    return server;
  }

  #createHttp2(): Http2Server {
    const server = createHttp2Server({
      ...RESET_LIMITS,
      maxSessionMemory: SESSION_MEMORY_MB,
      maxSendHeaderBlockLength: SEND_HEADER_BLOCK_BYTES_MAX,
      settings: {
        initialWindowSize: this.#limits.streamWindowBytes,
        maxConcurrentStreams: this.#limits.streamsPerConnectionMax,
        maxHeaderListSize: this.#limits.headerListBytesMax,
        enablePush: false,
      },
    });
    server.on("session", (session: ServerHttp2Session) => {
      if (this.#openingSocket !== undefined) this.#sessions.add(session, this.#openingSocket);
    });
    server.on(
      "stream",
      (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, rawHeaders: readonly string[]) =>
        this.#open(stream, headers, rawHeaders),
    );
    // Reported by the session as well, which ends.
    server.on("sessionError", () => undefined);
    return server;
  }

  /** A session shows its socket only through a proxy, which cannot end it: here they are brought together. */
  #openSession(socket: Socket): void {
    this.#openingSocket = socket;
    this.#http2.emit("connection", socket);
    this.#openingSocket = undefined;
  }

  #open(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]): void {
    const contentType = headers["content-type"];
    if (contentType === undefined || !contentType.startsWith("application/grpc")) {
      stream.on("error", () => undefined);
      const request = new Http2ServerRequest(stream, headers, {}, rawHeaders);
      const response = new Http2Response(stream);
      this.#answers.chargeHttp2(response);
      this.#onHttpRequest(request, response);
      return;
    }
    const path = headers[":path"] ?? "";
    const method = this.#methods.get(path);
    if (method === undefined) {
      refuse(stream, Status.UNIMPLEMENTED, this.#unknownMethod(path));
      return;
    }
    if (headers[":method"] !== "POST") {
      refuse(stream, Status.INTERNAL, `the HTTP method of a call is ${headers[":method"]}; use POST`);
      return;
    }
    this.#openCalls += 1;
    stream.once("close", () => {
      this.#openCalls -= 1;
    });
    if (method.kind === "unary") new UnaryCall(stream, path, headers, this.#context, method);
    else new StreamCall(stream, path, headers, this.#context, method);
  }

  #unknownMethod(path: string): string {
    const [, service = "", method = ""] = path.split("/");
    return this.#services.has(service)
      ? `service ${service} has no method ${JSON.stringify(method)}`
      : `there is no service ${JSON.stringify(service)} here`;
  }
}

function refuse(stream: ServerHttp2Stream, code: StatusCode, message: string): void {
  stream.on("error", () => undefined);
  const headers = {
    ":status": 200,
    "content-type": "application/grpc+proto",
    "grpc-accept-encoding": ACCEPTED_ENCODINGS,
    "grpc-status": String(code),
    "grpc-message": encodeStatusMessage(message),
  };
  stream.respond(headers, { endStream: true });
  stream.resume();
  if (!stream.readableEnded) stream.once("finish", () => closeSoon(stream));
}
