import { DeadlineTable, systemTime } from "../deadline-table.js";
import { GrpcError, Status } from "../status.js";
import { Channel } from "./channel.js";
import { ClientCall, type ClientContext } from "./client-call.js";
import { type CallOptions, DEFAULT_CLIENT_LIMITS, type GrpcClientOptions } from "./client-options.js";
import { beginStream, type ClientBidi, type ClientStream, type StreamListener } from "./client-stream.js";

const DEFAULT_USER_AGENT = "peal-grpc/0.1";
const NOTHING: CallOptions = {};

/**
 * Calls to one server over one HTTP/2 connection, which is made when first needed and made again when lost.
 *
 * An open call keeps the process alive, an idle connection does not.
 *
 * Messages are bytes. A call that fails rejects (or ends) with a `GrpcError`; calls that the server did not look at, because
 * it was going away, start again unseen.
 */
export class GrpcClient {
  readonly #context: ClientContext;

  /**
   * @param target - `host:port`; an IPv6 address in brackets.
   * @throws TypeError - where the target is anything else.
   */
  constructor(target: string, options: GrpcClientOptions = {}) {
    checkTarget(target);
    const limits = { ...DEFAULT_CLIENT_LIMITS, ...options.limits };
    const time = options.time ?? systemTime;
    this.#context = {
      channel: new Channel(target, options.tls, limits, time, options.random ?? Math.random),
      limits,
      time,
      deadlines: new DeadlineTable(time),
      authority: target,
      scheme: options.tls === undefined ? "http" : "https",
      userAgent: options.userAgent ?? DEFAULT_USER_AGENT,
    };
  }

  /** What the connection is doing. */
  get state(): "idle" | "connecting" | "ready" | "backingOff" | "closed" {
    return this.#context.channel.state;
  }

  /**
   * One request, one answer.
   * @param path - `/package.Service/Method`.
   * @throws GrpcError - the status, where it is not OK.
   */
  unary(path: string, request: Uint8Array, options: CallOptions = NOTHING): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      let answer: Uint8Array | undefined;
      let isSurplus = false;
      const call = new ClientCall(this.#context, path, options, {
        onMessage: (message) => {
          isSurplus = answer !== undefined;
          answer = message;
        },
        onDrain: () => undefined,
        onEnd: (error) => {
          if (error !== undefined) reject(error);
          else if (answer === undefined || isSurplus) reject(notOneAnswer(isSurplus));
          else resolve(answer);
        },
      });
      call.send(request);
      call.halfClose();
      call.begin();
    });
  }

  /** One request, many answers. */
  serverStream(
    path: string,
    request: Uint8Array,
    listener: StreamListener,
    options: CallOptions = NOTHING,
  ): ClientStream {
    return beginStream(this.#context, path, options, listener, request);
  }

  /** Many requests, many answers. */
  bidi(path: string, listener: StreamListener, options: CallOptions = NOTHING): ClientBidi {
    return beginStream(this.#context, path, options, listener, undefined);
  }

  /** Takes no new calls; resolves when those that were made are over. */
  async drain(): Promise<void> {
    await this.#context.channel.drain();
    this.#context.deadlines.close();
  }

  /** Ends every open call UNAVAILABLE, and the connection. */
  async close(): Promise<void> {
    await this.#context.channel.close();
    this.#context.deadlines.close();
  }
}

function checkTarget(target: string): void {
  if (/^[^/?#@:]+:\d+$|^\[[0-9a-fA-F:.%]+\]:\d+$/.test(target) && URL.canParse(`http://${target}`)) return;
  throw new TypeError(`the target is ${JSON.stringify(target)}; use host:port, such as 127.0.0.1:8085 or [::1]:8085`);
}

function notOneAnswer(isSurplus: boolean): GrpcError {
  const text = isSurplus ? "more than one message" : "no message";
  return new GrpcError(Status.INTERNAL, `the server answered a unary call OK with ${text}`);
}
