import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { shorten } from "./answer.js";
import type { ClientLanguage } from "./client-language.js";
import { Skipped } from "./skipped.js";

const SOURCES = fileURLToPath(new URL("../clients/", import.meta.url));
/** Clients are installed here once, and found again by the next run. */
const CACHE = join(tmpdir(), "peal-conformance-clients");

interface Step {
  readonly program: string;
  readonly args: readonly string[];
}

/** How to make the program of a language ready, and how to run it. */
interface Recipe {
  readonly tool: Step;
  readonly install: readonly Step[];
  /** `program` is the name of a source without its ending, where a language has more than one. */
  run(args: readonly string[], program: ClientProgram): Step;
}

/** What a client is asked to do; only Python's does more than the first. */
export type ClientProgram = "ten_thousand" | "exactly_once" | "ordered";

const PYTHON = join("venv", "bin", "python");

const RECIPES: Readonly<Record<Exclude<ClientLanguage, "node">, Recipe>> = {
  python: {
    tool: { program: "python3", args: ["--version"] },
    install: [
      { program: "python3", args: ["-m", "venv", "venv"] },
      { program: PYTHON, args: ["-m", "pip", "install", "--quiet", "-r", "requirements.txt"] },
    ],
    run: (args, program) => ({ program: PYTHON, args: [`${program}.py`, ...args] }),
  },
  go: {
    tool: { program: "go", args: ["version"] },
    install: [
      { program: "go", args: ["mod", "tidy"] },
      { program: "go", args: ["build", "-o", "ten-thousand", "."] },
    ],
    run: (args) => ({ program: "./ten-thousand", args }),
  },
  java: {
    tool: { program: "mvn", args: ["--version"] },
    install: [{ program: "mvn", args: ["-q", "-B", "compile"] }],
    run: (args) => ({
      program: "mvn",
      args: ["-q", "-B", "exec:java", `-Dexec.args=${args.join(" ")}`],
    }),
  },
};

/** How many deliveries came to a client, and of how many messages. */
export interface Received {
  readonly deliveries: number;
  readonly messages: number;
}

/**
 * Runs a program with the official client of another language: it publishes `count` messages, receives and acks all.
 *
 * @throws Skipped where the tool or the client's packages are missing.
 */
export async function runOfficialProgram(
  language: Exclude<ClientLanguage, "node">,
  endpoint: string,
  names: { project: string; topicId: string; subscriptionId: string },
  count: number,
  program: ClientProgram = "ten_thousand",
): Promise<Received> {
  const recipe = RECIPES[language];
  const directory = join(CACHE, language);
  await install(language, recipe, directory);
  const step = recipe.run([names.project, names.topicId, names.subscriptionId, String(count)], program);
  const said = await execute(step, directory, { PUBSUB_EMULATOR_HOST: endpoint, METADATA_SERVER_DETECTION: "none" });
  const counts = /received (\d+) unique (\d+)/.exec(said);
  if (counts === null) throw new Error(`the ${language} client said: ${shorten(said)}`);
  return { deliveries: Number(counts[1]), messages: Number(counts[2]) };
}

async function install(language: string, recipe: Recipe, directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  cpSync(join(SOURCES, language), directory, { recursive: true });
  const stamp = join(directory, ".installed");
  try {
    await execute(recipe.tool, directory);
  } catch (error) {
    throw new Skipped(`this machine lacks ${recipe.tool.program}: ${reasonOf(error)}`);
  }
  if (existsSync(stamp) && language !== "go") return;
  try {
    for (const step of recipe.install) await execute(step, directory);
  } catch (error) {
    throw new Skipped(`the ${language} client cannot be installed: ${reasonOf(error)}`);
  }
  writeFileSync(stamp, "");
}

/** Runs a program to its end; returns what it printed, or rejects with what it complained about. */
function execute(step: Step, directory: string, env: Record<string, string> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const program = step.program.includes("/") ? join(directory, step.program) : step.program;
    const child = spawn(program, step.args, {
      cwd: directory,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 240_000,
    });
    let said = "";
    let complained = "";
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      complained += chunk.toString();
    });
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve(said);
      else reject(new Error(`${step.program} ended with ${code}: ${shorten(`${complained}${said}`)}`));
    });
  });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
