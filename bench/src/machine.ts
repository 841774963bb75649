import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, cpus, release, totalmem } from "node:os";

/** What the figures were taken on, in one line. */
export function describeMachine(): string {
  const model = cpus()[0]?.model ?? "unknown processor";
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `${availableParallelism()} × ${model}, ${memory}, Linux ${release()}, Node ${process.versions.node}`;
}

/** Whether processes can be bound to a core here. */
export const canPin: boolean = (() => {
  if (process.platform !== "linux" || availableParallelism() < 2) return false;
  try {
    execFileSync("taskset", ["-c", "0", "true"], { stdio: "ignore" });
    return true;
  } catch {
    // No such tool, or not allowed: rows are taken unpinned, and the report says so.
    return false;
  }
})();

/** The core of whatever is measured, and the core of what drives it. */
export const SUBJECT_CORE = 0;
export const GENERATOR_CORE = 1;

/** Binds every thread of a process to one core. */
export function pin(pid: number, core: number): void {
  if (canPin) execFileSync("taskset", ["-a", "-c", "-p", String(core), String(pid)], { stdio: "ignore" });
}

const CLOCK_TICKS_PER_SECOND = 100;

/** User + system time of a process, all its threads, in seconds. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The name is in brackets and may hold blanks; the numbers begin after it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
}

export interface MemoryUse {
  readonly residentBytes: number;
  /** Without mapped files, which are cache. */
  readonly anonymousBytes: number;
}

export function memoryUse(pid: number): MemoryUse {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) * 1024;
  return { residentBytes: bytes("VmRSS"), anonymousBytes: bytes("RssAnon") };
}

/** Where the official emulator may lie, as its package and the Cloud SDK install it. */
const EMULATOR_FOLDERS = [
  "/usr/lib/google-cloud-sdk/platform/pubsub-emulator/lib",
  "/usr/local/google-cloud-sdk/platform/pubsub-emulator/lib",
  "/opt/google-cloud-sdk/platform/pubsub-emulator/lib",
  `${process.env["HOME"] ?? ""}/google-cloud-sdk/platform/pubsub-emulator/lib`,
];

/** The emulator's program, or undefined where this machine has none or no Java. */
export function findEmulator(): string | undefined {
  for (const folder of EMULATOR_FOLDERS) {
    if (!existsSync(folder)) continue;
    const listing = execFileSync("ls", [folder], { encoding: "utf8" }).split("\n");
    const jar = listing.find((name) => /^cloud-pubsub-emulator.*-all\.jar$/.test(name));
    if (jar === undefined) continue;
    try {
      execFileSync("java", ["-version"], { stdio: "ignore" });
      return `${folder}/${jar}`;
    } catch {
      // A jar without a Java to run it is as good as none.
      return undefined;
    }
  }
  return undefined;
}
