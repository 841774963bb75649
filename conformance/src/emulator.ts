import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import { ServerProcess } from "./server-process.js";

const JAR = /^cloud-pubsub-emulator-.*-all\.jar$/;

/** Finds the jar of the official emulator in the places where the Cloud SDK is usually installed. */
export function findEmulatorJar(env: NodeJS.ProcessEnv): string | undefined {
  const roots = [
    env["CLOUDSDK_ROOT_DIR"],
    "/usr/lib/google-cloud-sdk",
    "/usr/local/google-cloud-sdk",
    "/opt/google-cloud-sdk",
    "/snap/google-cloud-sdk/current",
    "/opt/homebrew/share/google-cloud-sdk",
    "/usr/local/share/google-cloud-sdk",
    join(homedir(), "google-cloud-sdk"),
  ];
  for (const root of roots) {
    if (root === undefined) continue;
    const directory = join(root, "platform", "pubsub-emulator", "lib");
    const jar = existsSync(directory) ? readdirSync(directory).find((name) => JAR.test(name)) : undefined;
    if (jar !== undefined) return join(directory, jar);
  }
  return undefined;
}

/** Starts the official emulator on a free port of the loopback interface. */
export async function startEmulator(jar: string): Promise<ServerProcess> {
  const port = await freePort();
  return ServerProcess.spawn("java", ["-jar", jar, "--host=127.0.0.1", `--port=${port}`]);
}

export function hasJava(): boolean {
  try {
    execFileSync("java", ["-version"], { stdio: "ignore" });
    return true;
  } catch {
    // No java, or one that does not run: both mean that there is no emulator.
    return false;
  }
}

/** The emulator takes no port 0, so a port is found first. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
