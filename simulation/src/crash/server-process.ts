/** The server under test: a real process that is killed without warning. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const PEAL = fileURLToPath(new URL("../../../packages/cli/bin/peal.js", import.meta.url));
const READY = /^Server started, listening on (\d+)$/;
/** A server that is not ready by then hangs. */
const READY_LIMIT_MS = 60_000;
const STDERR_KEPT_CHARACTERS = 20_000;
const FATAL_LEVEL = 60;

/**
 * Makes segments, checkpoints and the collection of garbage happen every few hundred milliseconds instead of every few
 * minutes, so that kills fall into them.
 */
const STORE_DEBUG = JSON.stringify({ segmentBytes: 128 * 1024, delayDivisor: 25 });

export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #stderr = "";
  #wasKilled = false;

  constructor(data: string) {
    this.#child = spawn(process.execPath, [PEAL, "start", "--host", "127.0.0.1", "--port", "0", "--data", data], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, PEAL_LOG_LEVEL: "warn", PEAL_STORE_DEBUG: STORE_DEBUG },
    });
    this.#exited = once(this.#child, "exit");
    this.#child.stderr?.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-STDERR_KEPT_CHARACTERS);
    });
  }

  /** The end of what it logged. */
  get stderr(): string {
    return this.#stderr;
  }

  /** What it logged at warn and above, repairs among it; numbers are left out, so that the same event has the same text. */
  events(): readonly string[] {
    return this.#entries().map(({ text }) => text.replace(/\d+/g, "N"));
  }

  /** What it logged as fatal: no kill of this harness is a reason for that. */
  fatal(): string | undefined {
    return this.#entries().find(({ level }) => level >= FATAL_LEVEL)?.text;
  }

  #entries(): { readonly level: number; readonly text: string }[] {
    const lines = this.#stderr.split("\n").filter((line) => line.startsWith("{") && line.endsWith("}"));
    return lines.map((line) => {
      const { level, msg, err } = JSON.parse(line);
      return { level, text: err === undefined ? String(msg) : `${msg}: ${err.stack ?? err.message}` };
    });
  }

  get hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /**
   * Resolves to the port once it takes calls, or to undefined when it was killed before.
   *
   * @throws It ended by itself, or hangs.
   */
  async ready(): Promise<number | undefined> {
    const hang = setTimeout(() => this.#child.kill("SIGKILL"), READY_LIMIT_MS);
    try {
      for await (const line of createInterface(this.#child.stdout!)) {
        const port = READY.exec(line)?.[1];
        if (port !== undefined) return Number(port);
      }
      await this.#exited;
    } finally {
      clearTimeout(hang);
    }
    if (this.#wasKilled) return undefined;
    throw new Error(
      `the server ended with ${this.#child.exitCode ?? "its start-up time-out"} before it was ready:\n${this.#stderr}`,
    );
  }

  /** kill -9, and the wait until it is gone. */
  async kill(): Promise<void> {
    this.#wasKilled = true;
    this.#child.kill("SIGKILL");
    await this.#exited;
  }

  /** A drain. Returns the exit code. */
  async stop(): Promise<number | null> {
    this.#child.kill("SIGTERM");
    await this.#exited;
    return this.#child.exitCode;
  }
}
