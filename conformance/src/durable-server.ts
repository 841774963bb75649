import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, probeClock } from "./clock.js";
import { type Connection, connect } from "./connection.js";
import type { Profile } from "./profile.js";
import { ServerProcess, type StartCommand } from "./server-process.js";

/** How a durable server is run. */
export interface DurableServerOptions {
  readonly command: StartCommand;
  readonly profile: Profile;
  readonly hasTestClock: boolean;
  /** Called after each start: the port is another one. */
  readonly onStart: (connection: Connection, clock: Clock) => void;
}

/** A server of a case's own, whose data outlives its process. */
export class DurableServer {
  readonly #options: DurableServerOptions;
  readonly #dataDirectory: string;
  #process: ServerProcess | undefined;
  readonly #connections: Connection[] = [];

  private constructor(options: DurableServerOptions, dataDirectory: string) {
    this.#options = options;
    this.#dataDirectory = dataDirectory;
  }

  /** Starts a server that keeps its data in a fresh directory. */
  static async start(options: DurableServerOptions): Promise<DurableServer> {
    const server = new DurableServer(options, await mkdtemp(join(tmpdir(), "peal-conformance-")));
    await server.start();
    return server;
  }

  /** 0 while it is down. */
  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Starts it on the data that it has. */
  async start(): Promise<void> {
    const { command, profile, hasTestClock, onStart } = this.#options;
    this.#process = await ServerProcess.start(command, { profile, hasTestClock, dataDirectory: this.#dataDirectory });
    const connection = connect(this.#process.endpoint);
    this.#connections.push(connection);
    onStart(connection, await probeClock(connection.rest));
  }

  /** Stops it with SIGTERM; returns the exit code. */
  async stop(): Promise<number | null> {
    const exitCode = (await this.#process?.stop()) ?? null;
    this.#process = undefined;
    return exitCode;
  }

  /** Ends it with SIGKILL. */
  async kill(): Promise<void> {
    await this.#process?.kill();
    this.#process = undefined;
  }

  /** Stops it with SIGTERM and starts it on the same data. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Ends it with SIGKILL and starts it on the same data. */
  async killAndRestart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** Ends it, and what spoke to it, and deletes its data. */
  async close(): Promise<void> {
    for (const connection of this.#connections) await connection.close();
    await this.kill();
    await rm(this.#dataDirectory, { recursive: true, force: true });
  }
}
