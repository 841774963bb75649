/** The processes that are measured: peal, an empty handler on our gRPC layer, the official emulator. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { cpuSeconds, findEmulator, type MemoryUse, memoryUse, pin, SUBJECT_CORE } from "./machine.js";

const PEAL = fileURLToPath(new URL("../../packages/cli/bin/peal.js", import.meta.url));
const EMPTY = fileURLToPath(new URL("./empty-server.js", import.meta.url));
const READY = /listening on (?:\S+:)?(\d+)\s*$/;
const READY_MS_MAX = 60_000;

export class Subject {
  private constructor(
    readonly name: string,
    readonly port: number,
    /** From spawn to the line that says it is ready. */
    readonly readyAfterMs: number,
    private readonly child: ChildProcess,
  ) {}

  /**
   * A peal that keeps its data in `folder`, or a `--ephemeral` one.
   *
   * @param options - `checkout`: the folder of another build of it.
   */
  static startPeal(
    folder: string | undefined,
    options: { readonly pinned?: boolean; readonly flags?: readonly string[]; readonly checkout?: string } = {},
  ): Promise<Subject> {
    const program = options.checkout === undefined ? PEAL : join(options.checkout, "packages/cli/bin/peal.js");
    const where = folder === undefined ? ["--ephemeral"] : ["--data", folder];
    const args = [program, "start", "--port", "0", "--log-level", "error", ...where, ...(options.flags ?? [])];
    return Subject.#start("peal", process.execPath, args, options.pinned ?? true);
  }

  /** The same gRPC layer that answers the same sizes from memory, and does nothing else. */
  static startEmpty(): Promise<Subject> {
    return Subject.#start("empty handler", process.execPath, [EMPTY], true);
  }

  /** The official emulator, or undefined where this machine has none. */
  static async startEmulator(): Promise<Subject | undefined> {
    const jar = findEmulator();
    if (jar === undefined) return undefined;
    const port = await freePort();
    return Subject.#start("official emulator", "java", ["-jar", jar, "--host=127.0.0.1", `--port=${port}`], true);
  }

  static async #start(name: string, command: string, args: readonly string[], pinned: boolean): Promise<Subject> {
    const startMs = performance.now();
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    // Whatever ends the run, nothing is left running.
    const kill = (): boolean => child.kill("SIGKILL");
    process.once("exit", kill);
    child.once("exit", () => process.off("exit", kill));
    let output = "";
    const port = await new Promise<number>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${name} was not ready in time: ${output}`)), READY_MS_MAX);
      const read = (line: string): void => {
        output += `${line}\n`;
        const match = READY.exec(line);
        if (match === null) return;
        clearTimeout(timer);
        resolve(Number(match[1]));
      };
      createInterface({ input: child.stdout! }).on("line", read);
      createInterface({ input: child.stderr! }).on("line", read);
      child.once("exit", (code) => {
        clearTimeout(timer);
        reject(new Error(`${name} ended with ${code} before it was ready: ${output}`));
      });
    });
    const readyAfterMs = performance.now() - startMs;
    if (pinned) pin(child.pid!, SUBJECT_CORE);
    return new Subject(name, port, readyAfterMs, child);
  }

  cpuSeconds(): number {
    return cpuSeconds(this.child.pid!);
  }

  memory(): MemoryUse {
    return memoryUse(this.child.pid!);
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, "exit");
    this.child.kill(signal);
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 10_000);
    await exited;
    clearTimeout(timer);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("a TCP server has a port");
  return address.port;
}
