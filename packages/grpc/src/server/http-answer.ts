/**
 * Answers to requests that are not gRPC, charged to the same budget as calls are.
 *
 * Whatever a handler writes is noted as it is written, so that no handler can forget to. Over HTTP/2 an answer is one stream
 * that can be reset; over HTTP/1.1 nothing but the end of the connection takes an answer back.
 */
import { type IncomingMessage, ServerResponse } from "node:http";
import { constants, Http2ServerResponse, type Http2Session, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { SendBudget, Sender } from "./send-budget.js";
import type { SessionKeeper } from "./session-keeper.js";

const NOTHING = (): void => undefined;

/** A response over HTTP/1.1 that tells of what is written to it. */
export class Http1Response extends ServerResponse<IncomingMessage> {
  onWrite: () => void = NOTHING;

  override write(...given: unknown[]): boolean {
    const hasRoom = Reflect.apply(super.write, this, given) === true;
    this.onWrite();
    return hasRoom;
  }

  override end(...given: unknown[]): this {
    Reflect.apply(super.end, this, given);
    this.onWrite();
    return this;
  }
}

/** A response over HTTP/2 that tells of what is written to it, and of what has left. */
export class Http2Response extends Http2ServerResponse {
  onWrite: () => void = NOTHING;

  /** Node's `end` comes here with its last chunk, too. */
  override write(...given: unknown[]): boolean {
    const [chunk, encoding] = given;
    const callback = given.find((value) => typeof value === "function");
    const onSent = (error?: Error | null): void => {
      this.onWrite();
      if (callback !== undefined) Reflect.apply(callback, undefined, [error]);
    };
    const written = [chunk, typeof encoding === "string" ? encoding : "utf8", onSent];
    const hasRoom = Reflect.apply(super.write, this, written) === true;
    this.onWrite();
    return hasRoom;
  }

  override end(...given: unknown[]): this {
    Reflect.apply(super.end, this, given);
    this.onWrite();
    return this;
  }
}

abstract class HttpAnswer implements Sender {
  unsentBytes = 0;
  progressAtMs = 0;
  isReset = false;
  readonly #sending: SendBudget;
  #hasEnded = false;

  constructor(sending: SendBudget) {
    this.#sending = sending;
  }

  get isOpen(): boolean {
    return !this.#hasEnded;
  }

  abstract reset(): void;
  abstract cutOff(): void;

  protected note(unsentBytes: number, hasEnded: boolean): void {
    const endsNow = hasEnded && !this.#hasEnded;
    this.#hasEnded = hasEnded;
    this.#sending.set(this, unsentBytes);
    // From its end on, an answer has all of its time.
    if (endsNow) this.#sending.restart(this);
  }
}

class Http2Answer extends HttpAnswer {
  readonly #stream: ServerHttp2Stream;
  readonly #session: Http2Session | undefined;
  readonly #sessions: SessionKeeper;

  constructor(response: Http2Response, sending: SendBudget, sessions: SessionKeeper) {
    super(sending);
    const { stream } = response;
    this.#stream = stream;
    this.#session = stream.session;
    this.#sessions = sessions;
    const look = (): void => {
      // What a broken connection held is gone, though nobody says so.
      const isGone = this.#session === undefined || this.#session.destroyed;
      this.note(isGone ? 0 : stream.writableLength, stream.writableEnded || stream.destroyed);
    };
    response.onWrite = look;
    stream.once("close", look);
  }

  reset(): void {
    this.#stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  cutOff(): void {
    if (this.#session !== undefined) this.#sessions.end(this.#session);
  }
}

class Http1Answer extends HttpAnswer {
  readonly #socket: Socket;
  readonly #response: Http1Response;

  constructor(socket: Socket, response: Http1Response, sending: SendBudget) {
    super(sending);
    this.#socket = socket;
    this.#response = response;
  }

  look(): void {
    // The length is the socket's, too: what a finished answer no longer has, and a destroyed socket has lost.
    const isGone = this.#socket.destroyed || this.#response.writableFinished;
    this.note(isGone ? 0 : this.#response.writableLength, this.#response.writableEnded);
  }

  reset(): void {
    this.#socket.destroy();
  }

  cutOff(): void {
    this.#socket.destroy();
  }
}

/** Charges the answers of one server to its budget. */
export class HttpAnswers {
  readonly #sending: SendBudget;
  readonly #sessions: SessionKeeper;
  /** What each HTTP/1.1 connection has not sent: Node does not tell an answer that waits behind another of the end. */
  readonly #unsent = new Map<Socket, Set<Http1Answer>>();

  constructor(sending: SendBudget, sessions: SessionKeeper) {
    this.#sending = sending;
    this.#sessions = sessions;
  }

  /** Begins to look after an HTTP/1.1 connection. */
  addConnection(socket: Socket): void {
    const answers = new Set<Http1Answer>();
    this.#unsent.set(socket, answers);
    socket.once("close", () => {
      this.#unsent.delete(socket);
      for (const answer of answers) answer.look();
    });
  }

  chargeHttp1(socket: Socket, response: Http1Response): void {
    const answer = new Http1Answer(socket, response, this.#sending);
    const answers = this.#unsent.get(socket);
    answers?.add(answer);
    response.onWrite = () => answer.look();
    response.on("drain", () => answer.look());
    response.once("finish", () => {
      answers?.delete(answer);
      answer.look();
    });
  }

  chargeHttp2(response: Http2Response): void {
    new Http2Answer(response, this.#sending, this.#sessions);
  }
}
