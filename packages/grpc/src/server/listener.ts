/** One port on several addresses; each connection is handed over as plain HTTP/1.1 or HTTP/2 once its first bytes tell. */
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import type { TimeSource } from "../deadline-table.js";
import type { TlsOptions } from "./server-options.js";

/** How many bytes tell HTTP/2 (`PRI`) from HTTP/1.1: POST, PUT and PATCH begin with P, too. */
const PEEK_BYTES = 3;
/** How often a port that is free on the first address may turn out to be taken on another. */
const FREE_PORT_TRIES = 20;
const MISSING_ADDRESS_CODES = new Set(["EADDRNOTAVAIL", "EAFNOSUPPORT", "EPROTONOSUPPORT"]);

export interface ListenerOptions {
  readonly tls: TlsOptions | undefined;
  readonly connectionsMax: number;
  readonly firstBytesMs: number;
  readonly time: TimeSource;
  readonly onHttp1: (socket: Socket) => void;
  readonly onHttp2: (socket: Socket) => void;
}

export class Listener {
  readonly #options: ListenerOptions;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  #onIdle: (() => void) | undefined;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /** Connections that are open. */
  get connectionCount(): number {
    return this.#sockets.size;
  }

  /**
   * Binds every host to one port; 0 takes one that is free on all of them. A host that the machine lacks is left out, as long
   * as one is bound.
   * @returns The port.
   * @throws The system's error, with its `code` (EADDRINUSE, EACCES, …).
   */
  async listen(hosts: readonly string[], port: number): Promise<number> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#bindAll(hosts, port);
      } catch (error) {
        await this.#closeServers();
        if (port !== 0 || tries === FREE_PORT_TRIES || codeOf(error) !== "EADDRINUSE") throw error;
      }
    }
  }

  /** Takes no new connections; those that are open stay. */
  stopAccepting(): void {
    for (const server of this.#servers) server.close();
    this.#servers.length = 0;
  }

  /** Calls `listener` once no connection is open. */
  whenIdle(listener: () => void): void {
    if (this.#sockets.size === 0) listener();
    else this.#onIdle = listener;
  }

  /** Ends every connection at once. */
  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async #bindAll(hosts: readonly string[], port: number): Promise<number> {
    let bound = port;
    let missing: unknown;
    for (const host of hosts) {
      try {
        bound = await this.#bind(host, bound);
      } catch (error) {
        if (!MISSING_ADDRESS_CODES.has(codeOf(error) ?? "")) throw error;
        missing ??= error;
      }
    }
    if (this.#servers.length === 0) throw missing;
    return bound;
  }

  #bind(host: string, port: number): Promise<number> {
    const { tls } = this.#options;
    const server =
      tls === undefined
        ? createServer({ noDelay: true, pauseOnConnect: false }, (socket) => this.#peek(socket))
        : createTlsServer({ ...tls, ALPNProtocols: ["h2", "http/1.1"], minVersion: "TLSv1.2" }, (socket) =>
            this.#dispatchTls(socket),
          );
    server.on("connection", (socket: Socket) => this.#accept(socket));
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port, ipv6Only: host.includes(":") }, () => {
        server.off("error", reject);
        // A connection that could not be accepted is gone already; the next one may fare better.
        server.on("error", () => undefined);
        const address = server.address();
        if (address === null || typeof address === "string") throw new Error("a TCP server has a port");
        this.#servers.push(server);
        resolve(address.port);
      });
    });
  }

  #accept(socket: Socket): void {
    if (this.#sockets.size >= this.#options.connectionsMax) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    // A reset by the peer: 'close' follows.
    socket.on("error", () => undefined);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) this.#onIdle?.();
    });
  }

  #dispatchTls(socket: TLSSocket): void {
    socket.on("error", () => undefined);
    if (socket.alpnProtocol === "h2") this.#options.onHttp2(socket);
    else if (socket.alpnProtocol === "http/1.1") this.#options.onHttp1(socket);
    else this.#peek(socket);
  }

  #peek(socket: Socket): void {
    if (socket.destroyed) return;
    const timer = this.#options.time.setTimer(this.#options.firstBytesMs, () => socket.destroy());
    const look = (): void => {
      const bytes: Buffer | null = socket.read();
      if (bytes === null) return;
      if (bytes.length < PEEK_BYTES && "PRI".startsWith(bytes.toString("latin1"))) {
        socket.unshift(bytes);
        // Nothing to read until more has come: 'readable' fires again then.
        return;
      }
      timer.cancel();
      socket.off("readable", look);
      socket.unshift(bytes);
      if (bytes.toString("latin1", 0, PEEK_BYTES) === "PRI") this.#options.onHttp2(socket);
      else this.#options.onHttp1(socket);
    };
    socket.on("readable", look);
    socket.once("close", () => timer.cancel());
  }

  async #closeServers(): Promise<void> {
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
    this.#servers.length = 0;
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
