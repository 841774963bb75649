import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Profile } from "./profile.js";
import { pushAuthority } from "./push-authority.js";

/** How to start a server: a program with the arguments that come before ours. */
export interface StartCommand {
  readonly program: string;
  readonly args: readonly string[];
}

/** What a started server is asked to be. */
export interface ServerOptions {
  readonly profile: Profile;
  /** Directory to keep everything in; absent: nothing is kept. */
  readonly dataDirectory?: string;
  readonly hasTestClock?: boolean;
}

/** Longest a server may take to say that it is ready. */
const READY_MS_MAX = 30_000;
const READY_LINE = /^(?:INFO: )?Server started, listening on (\d+)$/;
const HAS_PROCESS_GROUPS = process.platform !== "win32";
const STDERR_CHARS_KEPT = 4_000;

/** A server that we started and therefore may stop. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly endpoint: string;

  private constructor(child: ChildProcess, exited: Promise<unknown>, endpoint: string) {
    this.#child = child;
    this.#exited = exited;
    this.endpoint = endpoint;
  }

  /** Starts our server's command line, or one with the same flags, on a free port. */
  static start(command: StartCommand, options: ServerOptions): Promise<ServerProcess> {
    const place = options.dataDirectory === undefined ? ["--ephemeral"] : ["--data", options.dataDirectory];
    const clock = options.hasTestClock === true ? ["--test-clock"] : [];
    const push = ["--push-addresses", "any", "--push-ca", pushAuthority().path];
    const flags = ["--host", "127.0.0.1", "--port", "0", "--profile", options.profile, ...place, ...clock, ...push];
    return ServerProcess.spawn(command.program, [...command.args, ...flags]);
  }

  /** Starts any program that prints `Server started, listening on PORT`. */
  static async spawn(program: string, args: readonly string[]): Promise<ServerProcess> {
    const child = spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, METADATA_SERVER_DETECTION: "none" },
      // A group of its own, so that a wrapper such as npx and the server behind it get the same signals.
      detached: HAS_PROCESS_GROUPS,
    });
    // A conformance run that dies takes its servers with it.
    const killWithUs = (): void => signalGroup(child, "SIGKILL");
    process.once("exit", killWithUs);
    const exited = new Promise<void>((resolve) => child.once("close", () => resolve()));
    void exited.then(() => process.off("exit", killWithUs));
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-STDERR_CHARS_KEPT);
    });
    const port = await new Promise<number>((resolve, reject) => {
      const fail = (reason: string): void => reject(new Error(`${program} ${args.join(" ")}: ${reason}\n${said}`));
      const timer = setTimeout(() => {
        signalGroup(child, "SIGKILL");
        fail(`not ready after ${READY_MS_MAX} ms`);
      }, READY_MS_MAX);
      child.once("error", (error) => fail(error.message));
      void exited.then(() => fail(`ended with ${child.exitCode ?? child.signalCode}`));
      for (const output of [child.stdout, child.stderr]) {
        createInterface({ input: output }).on("line", (line) => {
          const ready = READY_LINE.exec(line);
          if (ready === null) return;
          clearTimeout(timer);
          resolve(Number(ready[1]));
        });
      }
    });
    return new ServerProcess(child, exited, `127.0.0.1:${port}`);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Asks the server to end and waits for it; kills it after 15 seconds. Returns the exit code. */
  async stop(): Promise<number | null> {
    signalGroup(this.#child, "SIGTERM");
    const timer = setTimeout(() => signalGroup(this.#child, "SIGKILL"), 15_000);
    await this.#exited;
    clearTimeout(timer);
    return this.#child.exitCode;
  }

  /** Ends the server as a power cut would: at once, unasked. */
  async kill(): Promise<void> {
    signalGroup(this.#child, "SIGKILL");
    await this.#exited;
  }
}

/** Signals the process and what it started; does nothing when they are gone. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  if (!HAS_PROCESS_GROUPS) {
    child.kill(signal);
    return;
  }
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    // ESRCH: it ended between the check and the signal.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
