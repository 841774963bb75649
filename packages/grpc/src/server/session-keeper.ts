import type { ServerHttp2Session } from "node:http2";
import type { TimeSource } from "../deadline-table.js";
import type { ServerLimits } from "./server-options.js";

/** HTTP/2's own, before anything is raised. */
const WINDOW_BYTES_INITIAL = 65_535;

/**
 * The HTTP/2 connections: their windows, within one budget, and whether their peers are still there.
 */
export class SessionKeeper {
  readonly #limits: ServerLimits;
  readonly #time: TimeSource;
  readonly #sessions = new Set<ServerHttp2Session>();
  #windowBytesFree: number;

  constructor(limits: ServerLimits, time: TimeSource) {
    this.#limits = limits;
    this.#time = time;
    this.#windowBytesFree = limits.windowBudgetBytes;
  }

  get count(): number {
    return this.#sessions.size;
  }

  get windowBytesFree(): number {
    return this.#windowBytesFree;
  }

  add(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    const promised = this.#raiseWindow(session);
    const stopPings = this.#ping(session);
    // What is wrong with one connection ends that connection; 'close' follows.
    session.on("error", () => undefined);
    session.once("close", () => {
      stopPings();
      this.#sessions.delete(session);
      this.#windowBytesFree += promised;
    });
  }

  /** Says GOAWAY to every peer; calls that are open may finish. */
  drain(): void {
    for (const session of this.#sessions) session.close();
  }

  destroy(): void {
    for (const session of this.#sessions) session.destroy();
  }

  #raiseWindow(session: ServerHttp2Session): number {
    const more = this.#limits.connectionWindowBytes - WINDOW_BYTES_INITIAL;
    if (more <= 0 || more > this.#windowBytesFree) return 0;
    session.setLocalWindowSize(this.#limits.connectionWindowBytes);
    this.#windowBytesFree -= more;
    return more;
  }

  /** Pings a peer now and then, and ends the connection when no answer comes in time. */
  #ping(session: ServerHttp2Session): () => void {
    let timer: { cancel(): void } | undefined;
    const wait = (): void => {
      timer = this.#time.setTimer(this.#limits.keepAliveMs, () => {
        timer = this.#time.setTimer(this.#limits.keepAliveTimeoutMs, () => session.destroy());
        const isSent = session.ping(() => {
          timer?.cancel();
          if (!session.closed && !session.destroyed) wait();
        });
        if (!isSent) session.destroy();
      });
    };
    wait();
    return () => timer?.cancel();
  }
}
