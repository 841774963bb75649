/** A real server in a process of its own, for the examples: on a free port, with a directory that goes away with it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const PEAL = fileURLToPath(new URL("../../packages/cli/bin/peal.js", import.meta.url));
const READY = /^Server started, listening on (\d+)$/;

export interface PealProcess {
  /** For `PUBSUB_EMULATOR_HOST`, or the `apiEndpoint` of the official client. */
  readonly endpoint: string;
  /** Asks the server to finish what it holds, waits for its end, and removes its directory. Returns its exit code. */
  stop(): Promise<number>;
}

/** Starts `peal start` and waits until it takes calls. */
export async function startPeal(): Promise<PealProcess> {
  const data = await mkdtemp(join(tmpdir(), "peal-example-"));
  const child = spawn(process.execPath, [PEAL, "start", "--port", "0", "--data", data, "--log-level", "warn"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const stop = async (): Promise<number> => {
    child.kill("SIGTERM");
    const [code] = await exited;
    await rm(data, { recursive: true, force: true });
    return typeof code === "number" ? code : 1;
  };
  for await (const line of createInterface(child.stdout)) {
    const port = READY.exec(line)?.[1];
    if (port !== undefined) return { endpoint: `localhost:${port}`, stop };
  }
  throw new Error(`peal ended with exit code ${await stop()} before it was ready`);
}
