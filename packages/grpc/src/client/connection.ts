import { type ClientHttp2Session, connect, type SecureClientSessionOptions } from "node:http2";
import type { Timer, TimeSource } from "../deadline-table.js";
import type { ClientLimits, ClientTlsOptions } from "./client-options.js";

/** Bounded by windows; Node's own default refuses streams in the middle of big answers. */
const SESSION_MEMORY_MB = 1024;

export interface ConnectionListener {
  /** The server speaks HTTP/2: calls may start. */
  onReady(): void;
  /** The server takes no new calls here; those that are open go on. */
  onGoAway(): void;
  /** Called once, with what was wrong where something was. */
  onClose(error: Error | undefined): void;
}

/** One HTTP/2 connection: its windows, and whether its server is still there. */
export class Connection {
  readonly session: ClientHttp2Session;
  readonly #limits: ClientLimits;
  readonly #time: TimeSource;
  #error: Error | undefined;
  #timer: Timer | undefined;
  #openCalls = 0;
  #callsLeft: number;
  #isClosing = false;
  /** What the server says it has looked at, once it goes away. */
  #lastStreamId = Number.POSITIVE_INFINITY;

  constructor(
    target: string,
    tls: ClientTlsOptions | undefined,
    limits: ClientLimits,
    time: TimeSource,
    listener: ConnectionListener,
  ) {
    this.#limits = limits;
    this.#time = time;
    this.#callsLeft = limits.callsPerConnectionMax;
    const options: SecureClientSessionOptions = {
      ...tls,
      maxSessionMemory: SESSION_MEMORY_MB,
      settings: {
        enablePush: false,
        initialWindowSize: limits.streamWindowBytes,
        maxHeaderListSize: limits.headerListBytesMax,
      },
    };
    this.session = connect(`${tls === undefined ? "http" : "https"}://${target}`, options);
    const connectTimer = time.setTimer(limits.connectMs, () =>
      this.destroy(new Error(`no connection within ${limits.connectMs} ms`)),
    );
    this.session.once("connect", () => this.session.setLocalWindowSize(limits.connectionWindowBytes));
    this.session.once("remoteSettings", () => {
      connectTimer.cancel();
      listener.onReady();
      this.#holdProcess();
    });
    this.session.on("goaway", (_code, lastStreamId) => {
      this.#lastStreamId = lastStreamId;
      listener.onGoAway();
    });
    this.session.on("error", (error) => {
      this.#error ??= error;
    });
    this.session.once("close", () => {
      connectTimer.cancel();
      this.#timer?.cancel();
      listener.onClose(this.#error);
    });
  }

  /** Whether a new call may start here. */
  get isUsable(): boolean {
    return !this.#isClosing && !this.session.closed && !this.session.destroyed;
  }

  /** What was wrong, where something was. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** Whether the server has said that it did not look at the call on this stream. */
  isUnread(streamId: number): boolean {
    return streamId > this.#lastStreamId;
  }

  beginCall(): void {
    this.#openCalls += 1;
    this.#callsLeft -= 1;
    if (this.#openCalls === 1) this.#holdProcess();
    if (this.#callsLeft === 0) this.close();
    if (this.#openCalls === 1 && this.#timer === undefined) this.#waitToPing();
  }

  endCall(): void {
    this.#openCalls -= 1;
    if (this.#openCalls > 0) return;
    this.#holdProcess();
    if (this.#isClosing) this.session.close();
  }

  /** Lets open calls finish, then closes. */
  close(): void {
    this.#isClosing = true;
    this.#holdProcess();
    // Not before: a call that has begun just now would be refused by our own GOAWAY.
    if (this.#openCalls === 0) this.session.close();
  }

  /** Cuts it off, and what is open on it. */
  destroy(error?: Error): void {
    this.#error ??= error;
    this.session.destroy();
  }

  /** A connection keeps the process alive while it has calls, while calls wait for it, and until it is closed in order. */
  #holdProcess(): void {
    if (this.session.destroyed) return;
    if (this.#openCalls > 0 || this.#isClosing) this.session.ref();
    else this.session.unref();
  }

  #waitToPing(): void {
    this.#timer = this.#time.setTimer(this.#limits.keepAliveMs, () => {
      this.#timer = undefined;
      if (this.#openCalls > 0 && !this.session.destroyed) this.#ping();
    });
  }

  #ping(): void {
    const { keepAliveTimeoutMs } = this.#limits;
    this.#timer = this.#time.setTimer(keepAliveTimeoutMs, () =>
      this.destroy(new Error(`the server did not answer a ping within ${keepAliveTimeoutMs} ms`)),
    );
    this.session.ping((error) => {
      this.#timer?.cancel();
      this.#timer = undefined;
      if (error === null && !this.session.destroyed) this.#waitToPing();
    });
  }
}
