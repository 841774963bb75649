import type { Http2Session, ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { TimeSource } from "../deadline-table.js";
import type { ServerLimits } from "./server-options.js";

/** HTTP/2's own window: what streams get while memory is tight. */
const TIGHT_WINDOW_BYTES = 65_535;
/** Peers are not told of new windows more often than this: each must confirm the last ones first. */
const RELAX_MS = 5_000;

/**
 * The HTTP/2 connections: their windows, and whether their peers are still there.
 *
 * A connection's own window is no promise of memory, since Node takes in at once what comes; a stream's is.
 */
export class SessionKeeper {
  readonly #limits: ServerLimits;
  readonly #time: TimeSource;
  readonly #sessions = new Map<Http2Session, Socket>();
  #isTight = false;
  #relaxTimer: { cancel(): void } | undefined;

  constructor(limits: ServerLimits, time: TimeSource) {
    this.#limits = limits;
    this.#time = time;
  }

  get count(): number {
    return this.#sessions.size;
  }

  add(session: ServerHttp2Session, socket: Socket): void {
    this.#sessions.set(session, socket);
    session.setLocalWindowSize(this.#limits.connectionWindowBytes);
    if (this.#isTight) this.#setStreamWindow(session, TIGHT_WINDOW_BYTES);
    const stopPings = this.#ping(session);
    // What is wrong with one connection ends that connection; 'close' follows.
    session.on("error", () => undefined);
    session.once("close", () => {
      stopPings();
      this.#sessions.delete(session);
    });
  }

  /** Ends a connection at once, though its peer reads nothing: a session alone would wait for what is on the socket. */
  end(session: Http2Session): void {
    const socket = this.#sessions.get(session);
    session.destroy();
    socket?.destroy();
  }

  /** Memory is tight: peers may send less on each stream, at once. Or it no longer is: they may send more, after a while. */
  setTight(isTight: boolean): void {
    this.#relaxTimer?.cancel();
    this.#relaxTimer = undefined;
    if (isTight === this.#isTight) return;
    if (isTight) this.#setStreamWindows(true);
    else this.#relaxTimer = this.#time.setTimer(RELAX_MS, () => this.#setStreamWindows(false));
  }

  /** Says GOAWAY to every peer; calls that are open may finish. */
  drain(): void {
    for (const session of this.#sessions.keys()) session.close();
  }

  destroy(): void {
    this.#relaxTimer?.cancel();
    for (const session of this.#sessions.keys()) session.destroy();
  }

  #setStreamWindows(isTight: boolean): void {
    this.#isTight = isTight;
    const windowBytes = isTight ? TIGHT_WINDOW_BYTES : this.#limits.streamWindowBytes;
    for (const session of this.#sessions.keys()) this.#setStreamWindow(session, windowBytes);
  }

  #setStreamWindow(session: Http2Session, windowBytes: number): void {
    if (session.closed || session.destroyed) return;
    session.settings({ initialWindowSize: Math.min(windowBytes, this.#limits.streamWindowBytes) });
  }

  /** Pings a peer now and then, and ends the connection when no answer comes in time. */
  #ping(session: ServerHttp2Session): () => void {
    let timer: { cancel(): void } | undefined;
    const wait = (): void => {
      timer = this.#time.setTimer(this.#limits.keepAliveMs, () => {
        timer = this.#time.setTimer(this.#limits.keepAliveTimeoutMs, () => this.end(session));
        const isSent = session.ping(() => {
          timer?.cancel();
          if (!session.closed && !session.destroyed) wait();
        });
        if (!isSent) this.end(session);
      });
    };
    wait();
    return () => timer?.cancel();
  }
}
